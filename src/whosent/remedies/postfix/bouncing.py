"""Bounces and automatic answers to strangers: hold them, refuse at once what cannot be delivered, answer less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.postfix.incoming import recipient_map
from whosent.remedies.postfix.queued import by_sender, look_and_hold
from whosent.remedies.queued import place
from whosent.remedies.shell import plain
from whosent.remedies.sieve import switch_off

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect

_PARAMETERS: Final = "unverified_recipient_reject_code smtpd_reject_unlisted_recipient"
_LISTS: Final = (
    "postconf local_recipient_maps relay_recipient_maps \\\n  virtual_mailbox_maps virtual_alias_maps soft_bounce \\\n"
    "  luser_relay"
)


def contain(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against bounces of one domain, or against the automatic answer of one mailbox."""
    name = plain(suspect.name)
    choice = by_sender("that has no sender: every bounce and automatic answer, whoever caused it", "MAILER-DAEMON")
    steps = look_and_hold(tag, suspect, choice)
    if suspect.account is not None:
        return [*steps, switch_off(tag, suspect, name, "the automatic answer"), _answer_less(name)]
    return [*steps, _refuse(tag, suspect, name), _complete(tag)]


def _refuse(tag: str, suspect: Suspect, name: str) -> Remedy:
    commands, undo, note = recipient_map(tag, name, "reject_unverified_recipient")
    return Remedy(
        step="block",
        title=f"Refuse undeliverable mail for {name} while its sender is connected",
        reach=f"only recipients in {name} that the delivery refuses{place(suspect)}; all others arrive as before",
        commands=commands,
        undo=undo,
        note=note
        or "Postfix asks the server or mailbox that delivers (verify(8)) whether the recipient exists, remembers the"
        " answer, and refuses with 450, so that a wrong answer loses nothing; see the next step for 550.",
    )


def _complete(tag: str) -> Remedy:
    saved = f"saved=~/whosent-{tag}.unlisted"
    change = (
        f'{saved}\n[ -e "$saved" ] || postconf {_PARAMETERS} > "$saved"\n'
        'postconf -e "smtpd_reject_unlisted_recipient = yes" \\\n  "unverified_recipient_reject_code = 550"\n'
        "postfix reload"
    )
    undo = f'{saved}\nwhile IFS= read -r line; do postconf -e "$line"; done < "$saved"\nrm "$saved"\npostfix reload'
    return Remedy(
        step="close",
        title="Know all recipients, and refuse the others for good",
        reach="mail to addresses that are in none of the lists below",
        commands=[_LISTS, change],
        undo=[undo],
        note="An empty relay_recipient_maps or local_recipient_maps accepts every name: list the recipients there. A"
        " filter behind the queue must not bounce either (amavis: D_DISCARD or D_PASS instead of D_BOUNCE). A backup MX"
        " that knows no recipients does more harm than good.",
    )


def _answer_less(name: str) -> Remedy:
    return Remedy(
        step="close",
        title="Answer people, not spam",
        reach="nothing by itself",
        commands=[],
        undo=[],
        note=f"An automatic answer of {name} belongs behind the spam filter, goes to each sender once in a week, only"
        " if the mailbox stands in To or Cc, and never to lists, bounces or other automatic mail (RFC 3834: no envelope"
        " sender, Auto-Submitted).",
    )
