"""The fixed words of every face: strengths, causes, times, counts, and strangers' text made visible."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from whosent.model.finding import Cause, Level, Strength

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whosent.model.finding import Evidence, Suspect, SuspectKind
    from whosent.model.report import Coverage, Verdict

STRENGTHS: Final = {
    Strength.PROVEN: "two independent witnesses",
    Strength.SHOWN: "our own log or queue",
    Strength.LIKELY: "a join with its margin",
    Strength.CANDIDATES: "listed, nobody named",
    Strength.UNPROVABLE: "with what would prove it",
}
_STRENGTH_WORDS: Final = {Strength.UNPROVABLE: "not provable from here"}

CAUSES: Final = {
    Cause.COMPROMISED_ACCOUNT: "stolen account",
    Cause.ABUSED_SCRIPT: "abused script",
    Cause.ABUSED_FORM: "abused form",
    Cause.INFECTED_HOST: "infected host",
    Cause.OPEN_RELAY: "open relay",
    Cause.OPEN_PROXY: "open proxy",
    Cause.FORWARDED_SPAM: "forwarded spam",
    Cause.BACKSCATTER: "backscatter",
    Cause.DIRTY_LIST: "dirty list",
    Cause.DIRECTION_CONFUSION: "direction confusion",
    Cause.SPOOFED_ELSEWHERE: "spoofed elsewhere",
    Cause.UNUSUAL_VOLUME: "unusual volume",
    Cause.MAIL_LOOP: "mail loop",
    Cause.UNKNOWN: "cause unknown",
}
KINDS: Final[dict[SuspectKind, str]] = {
    "account": "account",
    "local_user": "local user",
    "script": "script",
    "form": "form",
    "host": "host",
    "relay": "relay client",
    "proxy": "proxy",
    "forwarder": "forwarder",
    "backscatter": "backscatter",
    "list": "list",
}
VERDICTS: Final[dict[Verdict, str]] = {
    "clean": "Clean",
    "warning": "Warning",
    "critical": "Critical",
    "unknown": "Unknown",
}
LEVELS: Final = {
    Level.OBSERVED: "our own log or socket",
    Level.ATTESTED: "written by a host we control",
    Level.VOUCHED: "a named third party we chose to believe",
    Level.CORROBORATED: "a stranger's word that fits what we know otherwise",
    Level.CLAIMED: "a stranger's word",
    Level.CONTRADICTED: "other evidence says otherwise",
}

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_MARKS: Final = frozenset({"Mn", "Me"})
_MARKS_A_LETTER: Final = 2  # more marks on one letter climb over the lines above
_BYTE: Final = 0x100
_PLANE: Final = 0x10000
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def visible(text: str) -> str:
    r"""Strangers' text with everything that would steer the reader's screen spelled out: ``\x1b``, ``\u202e``.

    What is already visible stays as it is, so doing it twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        hidden = category in _UNSEEN and character != " "
        shown.append(_spelled(character) if hidden or marks > _MARKS_A_LETTER else character)
    return "".join(shown)


def _spelled(character: str) -> str:
    number = ord(character)
    if number < _BYTE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _PLANE else f"\\U{number:08x}"


def visible_lines(command: str) -> list[str]:
    """The lines of a command of ours, each made visible."""
    return [visible(line) for line in command.split("\n")]


def shortened(text: str, limit: int) -> str:
    """The text, its middle left out if it is longer than ``limit``: both ends of a log line say something."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}…{text[-tail:]}"


def strength_word(strength: Strength) -> str:
    """The strength in its fixed words, without what they mean."""
    return _STRENGTH_WORDS.get(strength, strength.value)


def zone(name: str) -> tzinfo:
    """The zone of that name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def moment(stamp: str) -> datetime | None:
    """An RFC 3339 stamp as an instant, ``None`` if it is none."""
    try:
        parsed = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def offset(local: datetime) -> str:
    """``+01:00``."""
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / _MINUTE)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // _MINUTE:02d}:{abs(minutes) % _MINUTE:02d}"


def when(stamp: str, where: tzinfo, *, brief: bool = False) -> str:
    """``Tue 12 Nov 2024 14:03:11 (+01:00)``, or briefly ``12 Nov 14:03``."""
    instant = moment(stamp)
    if instant is None:
        return visible(stamp)
    try:
        local = instant.astimezone(where)
    except OverflowError:
        local = instant
    day, month = local.day, _MONTHS[local.month - 1]
    if brief:
        return f"{day} {month} {local:%H:%M}"
    return f"{_DAYS[local.weekday()]} {day} {month} {local.year} {local:%H:%M:%S} ({offset(local)})"


def lasting(since: str, until: str) -> str:
    """How long, in words, with the two largest units that matter."""
    first, last = moment(since), moment(until)
    if first is None or last is None:
        return "an unknown time"
    return duration((last - first).total_seconds())


def duration(seconds: float) -> str:
    """``2 hours 17 minutes``."""
    left = max(0, round(seconds))
    parts = []
    for size, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
        number, left = divmod(left, size)
        if number:
            parts.append(counted(number, word))
    return " ".join(parts[:2]) or "less than a second"


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 message``, ``3,310 messages``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def share(part: int, whole: int) -> str:
    """A percentage that never rounds something to nothing, nor nearly all to all."""
    if not whole:
        return "none"
    percent = 100 * part / whole
    if 0 < percent < 0.1:  # noqa: PLR2004 - one decimal
        return "under 0.1 %"
    if 99.9 < percent < 100:  # noqa: PLR2004 - one decimal
        return "over 99.9 %"
    return f"{percent:.1f} %".replace(".0 %", " %")


def suspect_words(suspect: Suspect) -> str:
    """``account alice@example.org on mx``: what an operator would type, and where."""
    where = f" on {suspect.host}" if suspect.host else ""
    return visible(f"{KINDS.get(suspect.kind, suspect.kind)} {suspect.name}{where}")


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(words) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def place(evidence: Evidence) -> str:
    """``mail.log:17``; of a queue file, whose records have no numbers, the byte."""
    return f"{evidence.source}:{evidence.line}" if evidence.line else f"{evidence.source} at byte {evidence.offset}"


def coverage_words(coverage: Coverage) -> str:
    """What was looked at, in one sentence: lines, understood, set aside, not understood."""
    read = f"{counted(coverage.lines, 'line')} of {counted(len(coverage.sources), 'input')}"
    return (
        f"{read}: {share(coverage.understood, coverage.lines)} understood,"
        f" {share(coverage.other_programs, coverage.lines)} of programs that say nothing about mail,"
        f" {share(coverage.not_understood, coverage.lines)} not understood"
    )


def join_gaps(coverage: Coverage) -> list[str]:
    """What could not be joined, a sentence each; nothing where nothing is missing."""
    gaps = []
    if coverage.beginnings_missing:
        gaps.append(
            f"{counted(coverage.beginnings_missing, 'message')} began before the logs do:"
            " who submitted them is not recorded here."
        )
    if coverage.ends_missing:
        gaps.append(
            f"{counted(coverage.ends_missing, 'message')} never left the queue in the logs,"
            " although the queue id was used again."
        )
    if coverage.forged:
        gaps.append(
            f"{counted(coverage.forged, 'journal entry', 'journal entries')} came from another program than the one"
            " they claim: somebody forged them, they count for nobody."
        )
    if coverage.ambiguous:
        gaps.append(
            f"{counted(coverage.ambiguous, 'line')} could be read in two ways because of text a stranger wrote:"
            " they count for nobody."
        )
    return gaps
