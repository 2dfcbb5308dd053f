from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

Token: TypeAlias = tuple[Any, int, tuple[Any, ...]]

class Tokens(Iterator[Token]):
    def __next__(self) -> Token: ...

class Matcher:
    def __new__(
        cls,
        pattern: bytes,
        entries: list[tuple[int, int, object, tuple[int | bytes | None, ...]]],
        otherwise: int,
        slow: Callable[[int, bytes, Callable[[int, bytes], Iterable[Token]]], Iterable[Token]],
    ) -> Matcher: ...
    def then(self, other: Matcher) -> None: ...
    def read(self, chunk: bytes, otherwise: Callable[[int, bytes], Iterable[Token]]) -> Tokens: ...

class Words:
    def __new__(cls, pattern: bytes) -> Words: ...
    def stand_in(self, text: bytes) -> bool: ...

class Packer:
    def __new__(cls, numbers: dict[type, int]) -> Packer: ...
    def pack(self, rows: list[Any]) -> bytes: ...

class Unpacker:
    def __new__(cls, classes: tuple[type | list[Any], ...]) -> Unpacker: ...
    def unpack(self, body: bytes) -> list[Any]: ...

def configure(
    life: type,
    queue: type,
    rows: tuple[type, type, type, type, type],
    members: tuple[object, object, object, object, object, object],
    reason: Callable[[bytes | None, bytes | None], object],
    handed_over: Callable[[bytes | None, bytes | None], tuple[object, bytes]],
    session: float,
) -> None: ...
def join_rows(join: object, tokens: Tokens, base: int) -> list[Any]: ...
def release(
    waiting: list[Any],
    rows: list[Any],
    wait: float,
    kinds: tuple[type, type, type, type],
    note: Callable[[Any], object],
    resolve: Callable[[Any], object],
    actors: dict[Any, Any],
) -> list[Any]: ...
def hand_out(rows: list[Any], table: dict[type, Any]) -> None: ...
def count_lines(chunk: bytes) -> int: ...
