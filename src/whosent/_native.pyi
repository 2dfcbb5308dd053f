from collections.abc import Callable, Iterable, Iterator
from typing import Any

Token = tuple[Any, int, tuple[Any, ...]]

class Tokens(Iterator[Token]):
    def __next__(self) -> Token: ...

class Matcher:
    def __new__(
        cls,
        pattern: bytes,
        entries: list[tuple[int, int, object, tuple[int | bytes | None, ...], Callable[[bytes], tuple[Any, ...]] | None]],
        otherwise: int,
        slow: Callable[[int, bytes, Callable[[int, bytes], Iterable[Token]]], Iterable[Token]],
    ) -> Matcher: ...
    def read(self, chunk: bytes, otherwise: Callable[[int, bytes], Iterable[Token]]) -> Tokens: ...

def configure(
    life: type,
    queue: type,
    rows: tuple[type, type, type, type],
    members: tuple[object, object, object, object, object, object],
    reason: Callable[[bytes, bytes], object],
    session: float,
) -> None: ...
def join_rows(join: object, tokens: Tokens, base: int) -> list[Any]: ...
