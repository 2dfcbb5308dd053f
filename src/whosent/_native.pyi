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
def plain_rows(rows: list[Any], numbers: dict[type, int], actors: dict[Any, int]) -> list[tuple[Any, ...]]: ...
def whole_rows(
    plain: list[tuple[Any, ...]],
    classes: tuple[type, ...],
    with_actor: frozenset[type],
    outcome: type,
    actors: list[Any],
    results: list[Any],
    reasons: list[Any],
) -> list[Any]: ...
def count_lines(chunk: bytes) -> int: ...
