"""When silence has to be told: of Whosent itself, and of a log that brings no lines any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from whosent.alerts.wording import Plain
from whosent.model.alert import News
from whosent.report import words

_USUAL: Final = 4  # times the longest pause a log made lately: beyond it is silence


class Pulse(msgspec.Struct, frozen=True):
    """When something was last heard of; ``longest`` is the longest pause it made before, in seconds."""

    name: str
    at: float  # seconds since the epoch
    longest: float = 0.0


def quiet(pulses: Iterable[Pulse], now: float, allowed: float) -> list[Pulse]:
    """Those silent longer than is allowed and than is usual for them; none if nothing is allowed."""
    return [one for one in pulses if allowed and now - one.at > max(allowed, _USUAL * one.longest)]


def of_whosent(last: Pulse, now: float, *, stopped: bool = False) -> Plain:
    """Whosent fell silent, or was ``stopped`` and not started again: until it is back nobody watches."""
    spent = words.duration(now - last.at)
    what = f"was stopped {spent} ago" if stopped else f"gave no sign of life for {spent}"
    return Plain(
        "silence", News.SILENT, "critical", "Whosent does not watch" if stopped else "Whosent fell silent",
        f"`whosent watch` {what}: until it runs again nobody watches the mail of this server.",
        "systemctl status whosent",
    )  # fmt: skip


def whosent_is_back() -> Plain:
    """Whosent gives signs of life again."""
    return Plain(
        "silence", News.HEARD, "information", "Whosent is back",
        "`whosent watch` runs again, and reads what was logged while it was silent.",
    )  # fmt: skip


def of_source(last: Pulse, now: float) -> Plain:
    """A log brings no line any more: a program that died, a rotation that went wrong, a full disk."""
    return Plain(
        "source", News.SILENT, "warning", f"no line in {last.name}",
        f"{last.name} brought no line for {words.duration(now - last.at)}; its longest pause before was "
        f"{words.duration(last.longest)}. Either no mail flows, or what happens is not logged there.",
        "whosent status",
    )  # fmt: skip


def of_trouble(about: str, problem: str) -> Plain:
    """Whosent cannot do its work, or cannot follow a log."""
    return Plain("trouble", News.SILENT, "warning", f"trouble with {about}", f"{about}: {problem}.", "whosent status")


def trouble_is_over(about: str) -> Plain:
    """It can again."""
    return Plain("trouble", News.HEARD, "information", f"no more trouble with {about}", f"{about}: works again.")


def source_is_back(name: str) -> Plain:
    """The log brings lines again."""
    return Plain("source", News.HEARD, "information", f"{name} brings lines again", f"{name} brings lines again.")
