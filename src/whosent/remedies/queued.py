"""Mail of one suspect in the queue: how to list it and how to hold it, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.model.incident import Remedy
from whosent.remedies.shell import quoted

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

_AGAIN: Final = (
    "Run it once more after a block below: what was queued in between is caught then."
    " Mail held past its queue lifetime may bounce when released."
)


class Choice(NamedTuple):
    """Which queued mail is the suspect's: a command that prints its queue ids."""

    whose: str  # in words, after "queued mail"
    command: str


def place(suspect: Suspect) -> str:
    """`` on mx``, where the machine is known."""
    return f" on {suspect.host}" if suspect.host else ""


def by_queue_file(whose: str, setup: str, judge: str) -> Choice:
    """Ask each queue file who handed it over: the listing knows only the sender address, anybody's invention."""
    command = (
        f"{setup}\n"
        "postqueue -j | jq -r 'select(.queue_name != \"hold\") | .queue_id' |\n"
        "while read -r id; do\n"
        f"  {judge} &&\n"
        '    echo "$id"\n'
        "done"
    )
    return Choice(whose, command)


def by_attribute(whose: str, name: str, value: str) -> Choice:
    """Compare one whole line of the envelope, as the MTA wrote it."""
    setup = f"line={quoted(f'named_attribute: {name}={value}')}"
    return by_queue_file(whose, setup, 'postcat -qe "$id" 2>/dev/null | grep -Fxq -e "$line"')


def by_sender(whose: str, sender: str) -> Choice:
    """Compare the whole sender address, for mail that has nobody else to its name."""
    chosen = "'select(.queue_name != \"hold\" and .sender == $who) | .queue_id'"
    return Choice(whose, f"postqueue -j |\njq -r --arg who {quoted(sender)} \\\n  {chosen}")


def by_bulk_sender(whose: str, sender: str) -> Choice:
    """The same, where each recipient's address may have been put into the sender (VERP)."""
    base = 'if contains("+") then sub("\\\\+[^@]*@"; "@") else sub("-[^@=-]*=[^@]*@"; "@") end'
    chosen = f"'select(.queue_name != \"hold\" and\n    (.sender | {base}) == $who) | .queue_id'"
    return Choice(whose, f"postqueue -j |\njq -r --arg who {quoted(sender)} \\\n  {chosen}")


def by_recipient(whose: str, recipient: str) -> Choice:
    """Compare each recipient's whole address, or its whole domain."""
    chosen = (
        '\'select(.queue_name != "hold" and any(.recipients[].address;\n'
        '    . == $who or endswith("@" + $who))) | .queue_id\''
    )
    return Choice(whose, f"postqueue -j |\njq -r --arg who {quoted(recipient)} \\\n  {chosen}")


def look_and_hold(tag: str, suspect: Suspect, choice: Choice) -> list[Remedy]:
    """The two steps that change no configuration."""
    held = f"held=~/whosent-{tag}.held"
    return [
        Remedy(
            step="inspect",
            title="See what is queued",
            reach=f"nothing; names queued mail {choice.whose}{place(suspect)}",
            commands=[f"{choice.command} | head -n 20", "postcat -qe QUEUE_ID | cat -v"],
            undo=[],
            note="Needs root and jq. The second command shows the envelope of one of them, -qh instead of -qe its"
            " headers; `cat -v` keeps what strangers wrote from steering your terminal.",
        ),
        Remedy(
            step="hold",
            title="Hold what is queued",
            reach=f"only queued mail {choice.whose}{place(suspect)}; everybody else's keeps flowing, nothing is lost",
            commands=[f'{held}\n{choice.command} |\ntee -a "$held" | postsuper -h -'],
            undo=[f'{held}\npostsuper -H - < "$held" && rm "$held"'],
            note=f"Needs root and jq. Reading the queue files takes a while (some 100 a second on a small machine);"
            f" what is found is held at once. {_AGAIN}",
        ),
    ]
