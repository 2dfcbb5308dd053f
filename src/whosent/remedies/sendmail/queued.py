"""What is queued on Sendmail: whose it is by its queue files, and how it is quarantined and let go again.

A quarantined message stays in the queue with its reason, and the reason names the incident: so the undo needs no list.
Queue files say who handed a message in (client, submission stamp, headers), except for the login: that the log knows
alone, by the process number that the login's line and the queue ids share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.queued import Choice, place

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

QUEUE: Final = "/var/spool/mqueue"


def by_file(whose: str, setup: str, judge: str) -> Choice:
    """Ask each queue file; ``judge`` is a command on ``"$file"`` that succeeds if it is the suspect's."""
    command = f'{setup}\nfor file in {QUEUE}/qf*; do\n  {judge} 2>/dev/null &&\n    echo "${{file##*/qf}}"\ndone'
    return Choice(whose, command)


def look_and_hold(tag: str, suspect: Suspect, choice: Choice) -> list[Remedy]:
    """Name the queued mail, then quarantine it."""
    return [
        Remedy(
            step="inspect",
            title="See what is queued",
            reach=f"nothing; names queued mail {choice.whose}{place(suspect)}",
            commands=[f"{choice.command} | head -n 20", f"cat -v {QUEUE}/qfQUEUE_ID"],
            undo=[],
            note="Needs root. `mailq -Am` lists the whole queue, `mailq -Am -qQ` what is quarantined. If QueueDirectory"
            " in sendmail.cf names another folder or several, put them in its place.",
        ),
        Remedy(
            step="hold",
            title="Quarantine what is queued",
            reach=f"only queued mail {choice.whose}{place(suspect)}; everybody else's keeps flowing, nothing is lost",
            commands=[f"{choice.command} |\nsed 's/^/-qI/' | xargs -r sendmail -Am -Q'whosent {tag}'"],
            undo=[f"sendmail -Am -Q '-qQwhosent {tag}'\nsendmail -Am -q"],
            note="Run it once more after a block below: what was queued in between is caught then. The undo"
            " also tries to deliver it. Quarantined mail does not expire, and a queue run does not touch it.",
        ),
    ]
