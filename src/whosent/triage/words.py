"""The sentences about complaints: how they begin, what agrees, what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from whosent.join.matching import Match
from whosent.join.sightings import Sighting
from whosent.measures import phrases, who
from whosent.model.complaint import HopClaim, Told, is_no_message
from whosent.model.finding import Suspect
from whosent.model.surroundings import Surroundings, domain_of
from whosent.sources.text import shown

_LONGEST: Final = 320  # characters of a stranger's text within a sentence
_FREE: Final = frozenset({"plain", "xarf"})  # layouts that tell of mail and of other things
_OF_MAIL: Final = re.compile(r"messaging/.*|(?:[\w-]{1,60}/)?(?:abuse|spam)")
_NOUNS: Final = {
    "complaint": "complaint",
    "bounce": "bounce",
    "listing": "notice of a listing",
    "notice": "notice",
    "other": "message",
}
_TRAITS: Final = {
    "receipt": "the id that the receiving server gave",
    "queue id": "our queue id",
    "Message-ID": "the Message-ID",
    "return path": "the return path made for this recipient",
    "recipient": "the recipient",
    "visible recipient": "the recipient in its header",
    "client": "the client's address",
    "sender": "the envelope sender",
    "time": "the time",
}


def about(told: Told) -> str:
    """How a sentence begins: the kind of the report, and by whom."""
    by = f" by {plain(told.reporter)}" if told.reporter else ""
    return f"This {_NOUNS[told.kind]}{by}"


def handed_in(told: Told, match: Match, suspect: Suspect) -> str:
    """Who it was, when, and by what we know."""
    one = match.origin
    client = f", from {plain(one.address or '')}" + (f" port {one.port}" if one.port else "") if one.account else ""
    return (
        f"{about(told)} is about a message that {called(suspect)} handed to us {phrases.moment(one.opened)} "
        f"({where(one)}{client}): {agrees(match)}.{_refusal(told)}"
    )


def beginning_missing(told: Told, match: Match) -> str:
    """It is ours, and the log begins too late."""
    return (
        f"{about(told)} is about a message that left through us ({where(match.origin)}), but who handed it in is not "
        f"in these logs: {agrees(match)}. Add the log from before {phrases.moment(match.origin.opened)}."
    )


def one_of_several(told: Told, many: int, suspects: Sequence[Suspect]) -> str:
    """It is ours, and cannot be told from others of ours."""
    return (
        f"{about(told)} is about one of {many} messages that left through us, which it cannot tell apart; they were "
        f"handed in by {phrases.listing([called(one) for one in suspects])}: nobody is named."
    )


def perhaps(told: Told, found: Sequence[Match], suspects: Sequence[Suspect], *, copied: bool) -> str:
    """It may be ours; ``copied``: what agrees may be copied from another mail."""
    listed = f", handed in by {phrases.listing([called(one) for one in suspects])}" if suspects else ""
    would = (
        "That can be copied from another mail: with our public addresses (--own-network) a copy is told from ours."
        if copied
        else "The original's Received lines, or its Message-ID with the time, would tell."
    )
    return (
        f"{about(told)} may be about {phrases.count(len(found), 'message')} that left through us{listed}: "
        f"{agrees(found[0])}, and that alone does not say which it was. {would}"
    )


def joe_job(told: Told, claim: HopClaim, host: str) -> str:
    """A line claims our host, and our log denies it."""
    return (
        f"{about(told)} is not about mail of ours: a line claims that {plain(claim.host)} took the message as "
        f"{plain(claim.queue_id)} on {phrases.moment(claim.time or 0)}, but the log of {plain(host)} covers that "
        "time and has no such id. The line is forged, to make us look guilty (a joe job)."
    )


def forged_line(told: Told, claim: HopClaim, host: str) -> str:
    """The same, where the accused address is ours all the same."""
    return (
        f"{about(told)} accuses our address {told.source_address}, and quotes a line by which {plain(claim.host)} "
        f"took the message as {plain(claim.queue_id)}; the log of {plain(host)} covers that time and has no such id: "
        f"that line is forged. What {told.source_address} sent by itself is not provable from here."
    )


def our_address(told: Told, *, given: bool) -> str:
    """The accused address is ours, and that is all."""
    if _no_mail(told):
        return f"{about(told)} accuses {told.source_address}, which is ours {_deed(told)}"
    logs = "these logs show no such message" if given else "with --logs Whosent looks for the message"
    return (
        f"{about(told)} accuses {told.source_address}, which is ours; who behind it sent the message is not provable "
        f"from the report: {logs}. {_needed(told)}"
    )


def earlier_hop(told: Told, claim: HopClaim) -> str:
    """An address of ours was the client of somebody else's server."""
    port = f" port {claim.port}" if claim.port else ""
    when = f" at {phrases.moment(claim.time)}" if claim.time is not None else ""
    return (
        f"{about(told)} quotes a line by which {plain(claim.host) or 'a host'} took the message from "
        f"{claim.address}{port}{when}, which is ours; the line is a claim, and who was behind that address then is "
        "not provable from here: ask whoever wrote it, and your own lists of logins or leases."
    )


def mentions(told: Told, address: str) -> str:
    """An address of ours stands in the text."""
    return f"{about(told)} mentions {address}, which is ours; read it for what that address is accused of."


def absent(told: Told, surroundings: Surroundings) -> str:
    """Our logs cover the time and never had the message."""
    domain = domain_of((told.original_mail_from or "").encode("utf-8", "replace"))
    used = told.kind == "bounce" and bool(domain) and surroundings.is_own_domain(domain)
    more = " Somebody else used our address as sender: the bounce is backscatter." if used else ""
    return (
        f"{about(told)} is not about mail of ours: our logs cover {phrases.moment(told.arrival or 0)} and have no "
        f"message with the Message-ID {plain(told.message_id or '')}.{more}"
    )


def another_address(told: Told) -> str:
    """The accused address is somebody else's."""
    return f"{about(told)} accuses {told.source_address}, which is not in our networks."


def not_provable(told: Told, *, given: bool) -> str:
    """Nothing can be said, and what would help."""
    accused = f"accuses {told.source_address}" if told.source_address else "names no address"
    if _no_mail(told):
        return f"{about(told)} {accused} {_deed(told)}"
    does = "returns a message" if told.kind == "bounce" else accused
    missing = "nothing in these logs fits" if given else "no logs were given"
    traceable = not given and not told.redacted and told.kind != "listing" and (told.message_id or told.claims)
    needed = "With --logs Whosent looks for the message." if traceable else _needed(told)
    return f"{about(told)} {does}; whether it left through us is not provable from here: {missing}. {needed}"


def nothing_reported(told: Told) -> str:
    """Of a message that reports nothing."""
    kinds = {"auto-reply": "an automatic answer", "reply": "an answer to earlier mail"}
    what = kinds.get(told.feedback_type or "", "no complaint, bounce or listing that Whosent knows")
    return f"{about(told)} is {what}: read it yourself."


def called(suspect: Suspect) -> str:
    """A suspect within a sentence: ``the account alice@example.org``."""
    text = who.subject(suspect)
    return plain(text[0].lower() + text[1:])


def where(one: Sighting) -> str:
    """Where our log has the message."""
    return f"queue id {one.queue_id} on {plain(one.host) or 'our host'}"


def agrees(match: Match) -> str:
    """By what report and log agree: ``our queue id, the Message-ID and the time agree``."""
    named = [_TRAITS[trait] for trait in match.traits]
    return f"{phrases.listing(named, len(named))} agree" + ("s" if len(named) == 1 else "")


def plain(text: str) -> str:
    """A stranger's words, safe to show and bounded."""
    return shown(text.encode("utf-8", "backslashreplace"))[:_LONGEST]


def _refusal(told: Told) -> str:
    """What was refused, if it is a bounce."""
    refused = [one for one in told.recipients if one.status == "bounced"]
    if told.kind != "bounce" or not refused:
        return ""
    said = refused[0].smtp_reply or refused[0].dsn or "no reason given"
    more = f" and {len(refused) - 1:,} more" if len(refused) > 1 else ""
    return f" Refused for {plain(refused[0].recipient or 'a recipient')}{more}: {plain(said).rstrip('.')}."


def _no_mail(told: Told) -> bool:
    """Whether it reports something that is no message: an attack, a site, a hole."""
    return is_no_message(told.feedback_type, quoted=bool(told.message_id or told.claims))


def _deed(told: Told) -> str:
    """What such a report is about, and where to look instead."""
    look = "Look at the host behind that address." if told.source_address else "Read it for what it names."
    return f"({plain(told.feedback_type or '')}): that is about no message, and logs of mail cannot answer it. {look}"


def _needed(told: Told) -> str:
    """What would prove more."""
    if told.kind == "listing":
        return "Scan the logs of the hosts behind that address for who sent spam."
    if told.redacted:
        return "The report is redacted: a feedback identifier of our own in each message would tell (RFC 9477)."
    message = "the reporter for the full message with its Received lines and the time with its zone."
    quotes = told.message_id or told.claims or told.original_mail_from or _OF_MAIL.fullmatch(told.feedback_type or "")
    if told.kind != "complaint" or told.layout not in _FREE or quotes:
        return f"Ask {message}"
    look = "look at the host behind that address" if told.source_address else "read it for what it names"
    return f"It quotes no message: if it is about a site or an attack, {look}; if about mail, ask {message}"
