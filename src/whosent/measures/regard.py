"""What an outcome says about whoever sent: a weight between 0 (fine) and 1 (an abuser's sign), by result and reason."""

from __future__ import annotations

from typing import Final

from whosent.model.rows import Reason, Result

REFUSED: Final[dict[Reason, float]] = {
    Reason.NONE: 0.5,
    Reason.UNKNOWN_USER: 1.0,
    Reason.POLICY: 1.0,
    Reason.LISTED: 0.5,  # first of all it is about our address
    Reason.RATE: 0.7,
    Reason.MAILBOX: 0.3,
    Reason.ROUTE: 0.5,
    Reason.OTHER: 0.5,
}
DEFERRED: Final[dict[Reason, float]] = {
    Reason.NONE: 0.1,
    Reason.UNKNOWN_USER: 0.4,
    Reason.POLICY: 0.4,
    Reason.LISTED: 0.3,
    Reason.RATE: 0.3,
    Reason.MAILBOX: 0.15,
    Reason.ROUTE: 0.1,
    Reason.OTHER: 0.1,
}
_WORDS: Final[dict[Reason, str]] = {
    Reason.NONE: "without a reason",
    Reason.UNKNOWN_USER: "no such user",
    Reason.POLICY: "policy or spam",
    Reason.LISTED: "blocklisted",
    Reason.RATE: "too much at once",
    Reason.GREYLISTED: "greylisted",
    Reason.MAILBOX: "mailbox full or closed",
    Reason.ROUTE: "destination unreachable",
    Reason.LOOP: "going round in a loop",
    Reason.OTHER: "for another reason",
}


_OF_REASONS: Final = {
    Result.SENT: dict.fromkeys(Reason, 0.0),
    Result.BOUNCED: REFUSED,
    Result.DEFERRED: DEFERRED,
}
# By result and reason; lists, since a member of an enum is slow to hash.
_WEIGHTS: Final = [[_OF_REASONS.get(result, {}).get(reason) for reason in Reason] for result in Result]


def weight(result: Result, reason: Reason) -> float | None:
    """How bad; None where it says nothing: repeated attempts, greylisting, mail that stays with us."""
    return _WEIGHTS[result][reason]


def note(result: Result, reason: Reason) -> str:
    """``refused: no such user``."""
    return f"{'refused' if result is Result.BOUNCED else 'put off'}: {_WORDS[reason]}"
