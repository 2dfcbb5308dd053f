"""What a blocklist's answer means: listed, not listed, or no answer at all, which is never the same as listed."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, ip_address
from typing import Final, Literal, NamedTuple

from whosent.blocklists.catalogue import Blocklist
from whosent.model.check import Resolved

_LISTED_POINT: Final = "127.0.0.2"  # RFC 5782 section 5
_UNLISTED_POINT: Final = "127.0.0.1"
_LOOPBACK: Final = 127
_ERRORS: Final = "127.255.255."
_FOUR: Final = 4

State = Literal["working", "refuses", "dead", "lists_everything", "silent", "rewritten"]
_REASONS: Final[dict[State, str]] = {
    "working": "answers its test points",
    "refuses": "refuses to answer this resolver: ask through a resolver of your own, not a public one",
    "dead": "does not list its own test point, so it is dead or not what it was",
    "lists_everything": "lists even what no list may list, so it answers yes to everything",
    "silent": "does not answer",
    "rewritten": "is answered by somebody else: this resolver invents addresses for names that do not exist",
}


class Listing(NamedTuple):
    """What a list says of one address or domain."""

    listed: bool | None  # None: unknown
    codes: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    policy: bool = False  # only codes that accuse nobody
    problem: str = ""  # why it is unknown


def name_of(one: Blocklist, subject: str) -> str:
    """The name to ask a list about an address or a domain."""
    return f"{subject}.{one.zone}" if one.lists == "domain" else f"{reversed_address(subject)}.{one.zone}"


@lru_cache(1 << 12)
def reversed_address(address: str) -> str:
    """``2.0.0.127``, or the nibbles of an IPv6 address (RFC 5782 section 2.4)."""
    return ip_address(address).reverse_pointer.rsplit(".", 2)[0]


def test_points(one: Blocklist, family: int) -> tuple[str, str]:
    """The one that is listed and the one that is not."""
    if one.lists == "domain" or family == _FOUR:
        return one.listed or _LISTED_POINT, one.unlisted or _UNLISTED_POINT
    return f"::ffff:{_LISTED_POINT}", f"::ffff:{_UNLISTED_POINT}"


def state(one: Blocklist, listed: Resolved | None, unlisted: Resolved | None) -> State:
    """Whether a list can be believed, by its test points."""
    answers = [answer for answer in (listed, unlisted) if answer is not None]
    records = [record for answer in answers for record in answer.records]
    if any(_is_refusal(one, record) for record in records):
        return "refuses"
    if any(not _is_loopback(record) for record in records):
        return "rewritten"
    problems = [answer.problem for answer in answers if answer.problem is not None]
    if problems:
        return "refuses" if all(problem.obstacle == "refused" for problem in problems) else "silent"
    if unlisted is not None and unlisted.records:
        return "lists_everything"
    if one.untested:
        return "working"
    return "working" if listed is not None and listed.records else "dead"


def reason(told: State) -> str:
    """The same as the end of a sentence that begins with the list."""
    return _REASONS[told]


def listing(one: Blocklist, answer: Resolved | None) -> Listing:
    """What a list that works says of a subject."""
    if answer is None:
        return Listing(None, problem="it was not asked")
    if answer.problem is not None:
        return Listing(None, problem=answer.problem.sentence)
    refused = [record for record in answer.records if _is_refusal(one, record)]
    if refused:
        return Listing(None, problem=f"it refuses to answer this resolver ({refused[0]})")
    strange = [record for record in answer.records if not _is_loopback(record)]
    if strange:
        return Listing(None, problem=f"somebody else answers for it ({strange[0]})")
    codes = tuple(record for record in answer.records if _counts(one, record))
    return Listing(
        bool(codes), codes, tuple(dict.fromkeys(word for code in codes for word in meanings(one, code))),
        policy=bool(codes) and all(code in one.policy for code in codes),
    )  # fmt: skip


def meanings(one: Blocklist, code: str) -> list[str]:
    """What an answer says, in the list's own sense."""
    if one.bits:
        last = int(code.rpartition(".")[2])
        return [words for bit, words in one.bits.items() if last & int(bit)]
    part = one.parts.get(code)
    if part is None:
        return []
    return [f"{part.name}, {part.means}" if part.name else part.means]


def _counts(one: Blocklist, record: str) -> bool:
    """127.0.0.1 is never a listing, unless the list gives it a meaning."""
    return record in one.parts or record != _UNLISTED_POINT


def _is_refusal(one: Blocklist, record: str) -> bool:
    return record.startswith(_ERRORS) or record in one.refusals


def _is_loopback(record: str) -> bool:
    try:
        return IPv4Address(record).packed[0] == _LOOPBACK
    except (AddressValueError, ValueError):
        return False
