"""What is queued on Sendmail: whose it is by its queue files, and how it is quarantined and let go again.

A quarantined message stays in the queue with its reason, and the reason names the incident: so the undo needs no list.
Queue files say who handed a message in (client, submission stamp, headers), except for the login: that the log knows
alone, by the process number that the login's line and the queue ids share.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from whosent.remedies import queued
from whosent.remedies.queued import Choice, Own, Words, by_own_reading

QUEUE: Final = "/var/spool/mqueue"


_WORDS: Final = Words(
    show=f"cat -v {QUEUE}/qfQUEUE_ID",
    shown="Needs root. `mailq -Am` lists the whole queue, `mailq -Am -qQ` what is quarantined. If QueueDirectory in"
    " sendmail.cf names another folder or several, put them in its place.",
    title="Quarantine what is queued",
    hold="{ids} |\nsed 's/^/-qI/' | xargs -r sendmail -Am -Q'whosent {tag}'",
    release="sendmail -Am -Q '-qQwhosent {tag}'\nsendmail -Am -q",
    held="Run it once more after a block below: what was queued in between is caught then. The undo also tries to"
    " deliver it. Quarantined mail does not expire, and a queue run does not touch it.",
)
look_and_hold = partial(queued.look_and_hold, _WORDS)


def by_file(whose: str, setup: str, judge: str, own: Own | None = None) -> Choice:
    """Ask each queue file; ``judge`` is a command on ``"$file"`` that succeeds if it is the suspect's.

    ``own``: how our own reading, which knows queue groups, says the same, if it does.
    """
    slowly = f'for file in {QUEUE}/qf*; do\n  {judge} 2>/dev/null &&\n    echo "${{file##*/qf}}"\ndone'
    return Choice(whose, f"{setup}\n{by_own_reading(QUEUE, '(.frozen | not)', own, slowly)}")
