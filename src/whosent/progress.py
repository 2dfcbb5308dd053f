"""A progress line on standard error: rate and time left; silent when piped or when the work takes under a second.

It is drawn when there is news, by no thread of its own: a scan makes copies of its process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

_WORTH_A_BAR = 32 << 20  # bytes; less is read within a second
_WORTH_COUNTING = 20_000  # messages; fewer are read within a second
_PACE = 0.1  # seconds between two pictures


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to be told how many more were read; shows them of ``total`` on a terminal."""
    if total < _WORTH_COUNTING or not sys.stderr.isatty():
        yield lambda _more: None
        return
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn  # noqa: PLC0415  # as below

    with _line(what, total, MofNCompleteColumn(), TimeRemainingColumn()) as advance:
        yield advance


@contextmanager
def reading(total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to be told of consumed bytes; shows them of ``total`` on a terminal."""
    if total < _WORTH_A_BAR or not sys.stderr.isatty():
        yield lambda _consumed: None
        return
    from rich.progress import (  # noqa: PLC0415  # a tenth of the start of whatever shows no line
        DownloadColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    with _line("reading", total, DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as advance:
        yield advance


@contextmanager
def _line(what: str, total: int, *columns: ProgressColumn) -> Iterator[Callable[[int], None]]:
    from rich.console import Console  # noqa: PLC0415  # as above
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415  # as above

    shown = (TextColumn(what), BarColumn(), *columns)
    with Progress(*shown, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task, drawn = bar.add_task(what, total=total), 0.0

        def advance(more: int) -> None:
            nonlocal drawn
            bar.advance(task, more)
            if time.monotonic() - drawn >= _PACE:
                bar.refresh()
                drawn = time.monotonic()

        yield advance
