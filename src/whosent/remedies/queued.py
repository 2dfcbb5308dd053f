"""Mail of one suspect in a queue: how it is listed and held, and nobody else's, whatever mail server keeps the queue.

Each queue file is asked who handed the message in.  Whosent's own reading does that for thousands a second; on a
machine where it is not installed the mail server's own program is asked, message by message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from whosent.model.incident import Remedy
from whosent.remedies.shell import Unsafe, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Suspect


class Choice(NamedTuple):
    """Which queued mail is the suspect's: a command that prints its queue ids."""

    whose: str  # in words, after "queued mail"
    command: str


class Words(NamedTuple):
    """How one mail server shows and holds messages whose ids it is given."""

    show: str  # a command that shows one
    shown: str  # what there is to know of it
    title: str  # of holding
    hold: str  # what the ids are piped into; {tag} is the incident
    release: str  # takes that back
    held: str  # what there is to know of it
    kept: bool = False  # whether ``whosent queue`` holds mail on it


def place(suspect: Suspect) -> str:
    """`` on mx``, where the machine is known."""
    return f" on {suspect.host}" if suspect.host else ""


Own: TypeAlias = tuple[str, str]
"""A value as a word of a shell, and jq's condition on a line of ``whosent parse --queue``; ``$who`` is the value."""


def by_own_reading(spool: str, waits: str, own: Own | None, otherwise: str) -> str:
    """Queue ids of the messages that wait and meet the condition; ``otherwise`` does without Whosent.

    ``spool`` is a word of a shell, ``waits`` a condition of jq.
    """
    if own is None:
        return otherwise
    value, condition = own
    return (
        "if command -v whosent >/dev/null && command -v jq >/dev/null; then\n"
        f"whosent parse --queue-directory {spool} |\n"
        f"jq -r --arg who {value} \\\n  'select({waits} and\n    {condition}) | .queue_id'\n"
        f"else\n{otherwise}\nfi"
    )


def equals(field: str, value: str) -> Own:
    """The value as a word, and the condition that a field is exactly that."""
    return quoted(value), f".{field} == $who"


def look_and_hold(words: Words, tag: str, suspect: Suspect, choice: Choice) -> list[Remedy]:
    """The two steps that change no configuration."""
    return [
        Remedy(
            step="inspect",
            title="See what is queued",
            reach=f"nothing; names queued mail {choice.whose}{place(suspect)}",
            commands=[f"{choice.command} | head -n 20", words.show],
            undo=[],
            note=words.shown,
        ),
        Remedy(
            step="hold",
            title=words.title,
            reach=f"only queued mail {choice.whose}{place(suspect)}; everybody else's keeps flowing, nothing is lost",
            commands=[words.hold.format(tag=tag, ids=choice.command)],
            undo=[words.release.format(tag=tag)],
            note=f"{by_one_command(suspect)}{words.held}" if words.kept else words.held,
        ),
    ]


def by_one_command(suspect: Suspect) -> str:
    """The same by Whosent itself, where it runs on the mail server; "" for whom a queue file does not prove."""
    kind: str = suspect.kind
    name = suspect.name
    if kind == "local_user":
        kind, name = "uid", name if suspect.uid is None else str(suspect.uid)
    elif kind in {"host", "relay", "proxy"}:
        kind, name = "host", suspect.address or name
    elif kind not in {"account", "script", "form"} or (kind != "account" and "." not in name.rpartition("/")[2]):
        return ""
    try:
        word = quoted(f"{kind}:{name}")
    except Unsafe:
        return ""
    return (
        f"With Whosent on that machine, new mail too: `sudo whosent incident contain --suspect {word}`, and back:"
        f" `sudo whosent queue release --suspect {word}`. "
    )
