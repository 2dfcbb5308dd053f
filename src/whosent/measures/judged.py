"""Whose a filter's verdict could be: of mail a sender of ours wrote, never of mail that came in or was passed on."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from whosent.model.surroundings import domain_of

if TYPE_CHECKING:
    from whosent.model.rows import Verdict
    from whosent.model.surroundings import Surroundings

OURS: Final = ("account", "local_user", "host")
_PASSED_ON: Final = (b"srs0", b"srs1")  # rewritten senders (SRS)
_RECENT: Final = 20_000
_AGAIN: Final = 600.0  # seconds within which two filters speak of one message


def is_own(row: Verdict, surroundings: Surroundings) -> bool:
    """Whether the message was its actor's own and went out, as far as is known.

    Not: bounces and automatic replies (the null sender), mail passed on for others (a sender that is not ours, or one
    rewritten by SRS), and what a host or program of ours hands in for our own recipients, like a gateway or fetchmail.
    """
    kind, sender = row.actor.kind, row.sender
    if kind not in OURS or sender == b"":
        return False
    if sender is None:
        return kind == "account"
    if sender[:4].lower() in _PASSED_ON:
        return False
    ours = _is_ours(domain_of(sender), row.actor.host, surroundings)
    if kind == "account":
        return ours or not (surroundings.domains or surroundings.learnt_domains)
    return ours and (not row.recipients or any(_is_outside(one, surroundings) for one in row.recipients.split(b",")))


def _is_ours(domain: str, host: str, surroundings: Surroundings) -> bool:
    """Whether it is a domain of ours, one below it, or the host's own name, which its programs send under."""
    above = domain.split(".")
    if host and above[0] == host.partition(".")[0].lower():
        return True
    return any(surroundings.is_own_domain(".".join(above[at:])) for at in range(len(above)))


def _is_outside(recipient: bytes, surroundings: Surroundings) -> bool:
    domain = domain_of(recipient.strip(b"<> "))
    return bool(domain) and not surroundings.is_own_domain(domain)


class Heard:
    """Which messages were judged a moment ago: several filters, and Postfix for a milter, speak of one message."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    def again(self, row: Verdict) -> bool:
        """Whether this verdict adds nothing to an earlier one; spam after ham does."""
        if not row.queue_id:
            return False
        time, spam = self._recent.get(row.queue_id, (float("-inf"), False))
        repeated = abs(row.time - time) <= _AGAIN and (spam or not row.spam)
        if not repeated:
            self._recent[row.queue_id] = (row.time, row.spam)
            if len(self._recent) > _RECENT:
                self._recent.popitem(last=False)
        return repeated
