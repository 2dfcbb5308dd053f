"""Programs that run here, and the lines of the files that they read."""

from __future__ import annotations

from collections.abc import Iterator

from whosent.model.check import Content, Heard, Opening, Question, Ran, Run


def questions() -> Iterator[Question]:
    """Every command line."""
    yield Run(key="ps", argv=("ps", "-eo", "args="))


def command_lines(heard: Heard) -> Iterator[list[str]]:
    """Those of the programs that run, by words."""
    told = heard.get("ps")
    for line in told.output.splitlines() if isinstance(told, Ran) else ():
        if words := line.split():
            yield words


def lines(heard: Heard, path: str | None) -> list[str]:
    """Of a file that was read; none: it is not there, or may not be read."""
    told = heard.get(path or "")
    return split(told.text) if isinstance(told, Content) else []


def split(text: str) -> list[str]:
    """Lines as the program and sed count them: a form feed, which str.splitlines() heeds, ends none."""
    return text.removesuffix("\n").split("\n") if text else []


def opening(heard: Heard, path: str, number: int, why: str, entry: str = "") -> Opening:
    """What stands in a line of it."""
    return Opening(file=path, line=number, text=lines(heard, path)[number - 1].strip(), why=why, entry=entry)
