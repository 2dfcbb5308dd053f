"""A progress line on standard error: rate and time left; silent when piped or when the work takes under a second."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_WORTH_A_BAR = 32 << 20  # bytes; less is read within a second
_WORTH_COUNTING = 20_000  # messages; fewer are read within a second


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to be told how many more were read; shows them of ``total`` on a terminal."""
    if total < _WORTH_COUNTING or not sys.stderr.isatty():
        yield lambda _more: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


@contextmanager
def reading(total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function to be told of consumed bytes; shows them of ``total`` on a terminal."""
    if total < _WORTH_A_BAR or not sys.stderr.isatty():
        yield lambda _consumed: None
        return
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)
        yield lambda consumed: bar.advance(task, consumed)
