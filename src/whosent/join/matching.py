"""What a report tells of, among the messages of our logs: which one, by what it agrees (pure).

One trait alone is not enough to say which message it was.  Whoever was ever sent a mail knows its Message-ID, our queue
id, its client and its sender, and can put all of them into another mail.  So an id must agree, and what such a
copy has not: the recipient, the id that the receiving server gave, or the time at which a mail of ours arrived there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from whosent.join.sightings import Sighting, Wanted, digests
from whosent.model.complaint import HopClaim, Told

_NEAR: Final = 3600.0  # seconds between a report's time and ours
_HOPS: Final = 10
_HANDED: Final = 900.0  # seconds between two hosts of ours
_ID_IN_MESSAGE_ID: Final = re.compile(
    r"^<?(?:E?(\w{6}-\w{6,11}-\w{2,4})|\d{14}\.([0-9A-Za-z]{6,24}))@"
)  # Exim, Postfix
_DIGEST: Final = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{8,22}[0-9A-Za-z]")
_IDS: Final = frozenset({"receipt", "queue id", "Message-ID"})
_WEIGHTS: Final = {
    "receipt": 5,
    "queue id": 4,
    "Message-ID": 4,
    "return path": 3,
    "recipient": 2,
    "client": 2,
    "visible recipient": 1,
    "sender": 1,
    "time": 1,
}
_OWN: Final = frozenset({"receipt", "recipient", "return path"})  # what a copy of another mail's headers has not
_FIRM: Final = 5
_FAINT: Final = 3


class Match(NamedTuple):
    """The message of a report: as it left, where it entered, what agrees, and whether that is enough.

    ``firm``: it is this message, and no other whose headers were copied into a forgery.
    """

    sighting: Sighting
    origin: Sighting
    traits: tuple[str, ...]
    firm: bool

    @property
    def has_id(self) -> bool:
        """Whether an id agrees."""
        return bool(_IDS & set(self.traits))


def wanted_of(told: Iterable[Told]) -> Wanted:
    """What to look for in the logs."""
    queue_ids: set[str] = set()
    message_ids: set[str] = set()
    recipients: set[str] = set()
    senders: set[str] = set()
    hidden: set[str] = set()
    for one in told:
        queue_ids.update(claim.queue_id for claim in one.claims if claim.queue_id)
        for value in one.feedback_ids:
            queue_ids.update(_TOKEN.findall(value)[:20])
        if one.message_id:
            message_ids.add(one.message_id.strip("<>"))
            queue_ids.update(ids_within(one.message_id))
        recipients.update(box.lower() for box in boxes(one))
        if one.original_mail_from and _is_unique(one):
            senders.add(one.original_mail_from.lower())
        hidden.update(told_digests(one))
    return Wanted(
        frozenset(queue_ids), frozenset(message_ids), frozenset(recipients), frozenset(senders), frozenset(hidden)
    )


def also_wanted(kept: Iterable[Sighting], wanted: Wanted) -> Wanted | None:
    """What a second pass has to look for: earlier hops of what was found; None if there is nothing more."""
    more = {one.message_id.strip("<>") for one in kept if one.message_id} - wanted.message_ids
    before = {one.queue_id for one in kept} - wanted.queue_ids
    if not more and not before:
        return None
    return wanted._replace(message_ids=wanted.message_ids | more, queue_ids=wanted.queue_ids | before)


def boxes(told: Told) -> list[str]:
    """The recipients a report names."""
    named = [one.recipient for one in told.recipients if one.recipient]
    return [*named, told.original_recipient] if told.original_recipient else named


def ids_within(message_id: str) -> list[str]:
    """Queue ids that an MTA of ours wrote into the Message-ID it made."""
    found = _ID_IN_MESSAGE_ID.match(message_id)
    return [word for word in found.groups() if word] if found else []


def told_digests(told: Told) -> set[str]:
    """Digests that stand where a recipient was hidden."""
    words = (told.original_recipient or "", *told.feedback_ids)
    return {found.lower() for word in words for found in _DIGEST.findall(word)}


def _is_unique(told: Told) -> bool:
    """Whether the envelope sender was made for one recipient (VERP)."""
    return any(value.startswith("return-path: ") for value in told.feedback_ids)


def matches(told: Told, kept: Iterable[Sighting], *, here: bool = False) -> list[Match]:
    """The messages that may be meant, the likeliest first; those of equal weight are all there.

    ``here``: the accused address is known to be ours; only then does the time tell our mail from a copy of its headers.
    """
    kept = list(kept)
    weighed = []
    for one in kept:
        found = _traits(told, one)
        weight = sum(_WEIGHTS[trait] for trait in found)
        has_id = bool(_IDS & found)
        if weight >= (_FIRM if has_id else _FAINT) or has_id:
            firm = has_id and weight >= _FIRM and bool(found & _OWN or (here and "time" in found))
            weighed.append((weight, one, found, firm))
    if not weighed:
        return []
    weighed.sort(key=lambda item: -item[0])
    best = weighed[0][0]
    return [Match(one, origin(one, kept), tuple(trait for trait in _WEIGHTS if trait in found), firm)
            for weight, one, found, firm in weighed if weight >= best - 1][:50]  # fmt: skip


def origin(one: Sighting, kept: Iterable[Sighting]) -> Sighting:
    """Where the message first entered: followed back by "queued as" from host to host of ours."""
    kept = list(kept)
    for _ in range(_HOPS):
        before = [other for other in kept if other is not one and one.queue_id in other.next_ids
                  and -1 <= one.opened - other.opened <= max(_HANDED, other.closed - other.opened + 1)
                  and (not other.message_id or not one.message_id or other.message_id == one.message_id)]  # fmt: skip
        if not before:
            return one
        one = min(before, key=lambda other: other.opened)
    return one


def _traits(told: Told, one: Sighting) -> set[str]:
    found = set()
    if one.message_id and told.message_id and one.message_id.strip("<>") == told.message_id.strip("<>"):
        found.add("Message-ID")
    for place, claim in enumerate(told.claims):
        found |= _claimed(claim, one, place)
    if (told.message_id and one.queue_id in ids_within(told.message_id)) or any(
        one.queue_id in _TOKEN.findall(value) for value in told.feedback_ids
    ):  # fmt: skip
        found.add("queue id")
    known = one.recipients
    if known.keys() & {box.lower() for box in boxes(told)} or (
        (hidden := told_digests(told)) and any(digests(name) & hidden for name in known)
    ):
        found.add("recipient" if told.recipient_told or told_digests(told) else "visible recipient")
    if one.sender and told.original_mail_from and one.sender.lower() == told.original_mail_from.lower():
        found.add("return path" if _is_unique(told) else "sender")
    if told.arrival is not None and one.opened - _NEAR <= told.arrival <= one.closed + _NEAR:
        found.add("time")
    return found


def _claimed(claim: HopClaim, one: Sighting, place: int) -> set[str]:
    """By what one Received line agrees with a message of ours; only the uppermost is no copy."""
    found: set[str] = set()
    if not _in_time(claim, one):
        return found
    if claim.queue_id and claim.queue_id == one.queue_id and same_host(claim.host, one.host):
        found.add("queue id")
    elif claim.queue_id and claim.queue_id in one.next_ids:
        found.add("receipt" if place == 0 else "queue id")
    if claim.address and claim.address == one.address and claim.port in {None, one.port}:
        found.add("client")
    return found


def _in_time(claim: HopClaim, one: Sighting) -> bool:
    return claim.time is None or one.opened - _NEAR <= claim.time <= one.closed + _NEAR


def same_host(claimed: str, logged: str) -> bool:
    """Whether a name in a header may be the host that a log is of: alike, without its domain, or not named there."""
    claimed, logged = claimed.lower(), logged.lower()
    if not logged:
        return True
    return claimed == logged or (bool(claimed) and claimed.partition(".")[0] == logged.partition(".")[0]
                                 and ("." not in claimed or "." not in logged))  # fmt: skip


def forged(told: Told, seen: Callable[[str], bool], hosts: Iterable[str], is_own: Callable[[str], bool],
           covers: Callable[[str, float], bool]) -> tuple[HopClaim, str] | None:  # fmt: skip
    """A line that claims a host of ours took the message under an id that its log, which covers the time, has not.

    ``seen`` tells whether any message had that id, ``is_own`` whether a domain is ours.  Gives the claim and our host.
    """
    hosts = [host for host in hosts if host]  # a log that does not name its host may be another's
    for claim in told.claims:
        if not claim.queue_id or claim.time is None or seen(claim.queue_id):
            continue
        for host in hosts:
            sure = claim.host == host.lower() and "." in claim.host
            domain = claim.host.partition(".")[2]
            if (sure or (same_host(claim.host, host) and domain and is_own(domain))) and covers(host, claim.time):
                return claim, host
    return None
