"""The blocklists that are alive: what each lists, what its answers mean, what it wants before it lets go, and where.

What a list does changes; its own page decides, and whatever quotes this says so.  Compiled from the lists' own pages
and what others report of their ends, until mid 2026.  DNS answers follow RFC 5782: 127.0.0.2 is listed in every list of
addresses, 127.0.0.1 in none; an answer outside 127.0.0.0/8, or both listed, is a list that died.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

Lists = Literal["address", "domain"]
How = Literal["form", "expires", "holder", "none"]

DAY: Final = 24


class Part(msgspec.Struct, frozen=True):
    """What one answer of a list means."""

    name: str  # SBL, CSS, XBL ...
    means: str  # why something is on it
    how: How | None = None  # if another than that of the whole list


class Blocklist(msgspec.Struct, frozen=True, kw_only=True):
    """One list, public or a receiver's own."""

    name: str  # as operators call it
    zone: str | None  # DNS zone that is asked; None: not public, known by replies only
    lists: Lists
    parts: dict[str, Part] = {}  # DNS answer -> what it means; others mean "listed"
    refusals: frozenset[str] = frozenset()  # answers that mean "not for you", never "listed"
    said: tuple[str, ...] = ()  # words in refusals and notices that name it, lower case
    how: How  # how one gets off: a form; by waiting; by the holder of the address; not at all
    where: str  # web address of its lookup or form
    wants: tuple[str, ...]  # what it asks for or looks at, a sentence each
    silence: int  # hours without spam before asking makes sense
    expires: str = ""  # when an entry goes by itself, a sentence; "" where it does not
    paid: bool = False  # offers a quicker way for money: never pay


_SPAMHAUS_REFUSALS: Final = frozenset({"127.255.255.252", "127.255.255.254", "127.255.255.255"})

ALIVE: Final[tuple[Blocklist, ...]] = (
    Blocklist(
        name="Spamhaus ZEN",
        zone="zen.spamhaus.org",
        lists="address",
        parts={
            "127.0.0.2": Part("SBL", "Spamhaus saw spam operations, or long abuse, from this network", "holder"),
            "127.0.0.3": Part("CSS", "spam that looked like a snowshoe, or a compromised account or site", "form"),
            "127.0.0.4": Part("XBL", "a machine behind this address is infected, or an open proxy", "form"),
            "127.0.0.9": Part("DROP", "the whole network is held to be hijacked or run for crime", "holder"),
            "127.0.0.10": Part("PBL", "its provider says no mail comes from here: no accusation", "form"),
            "127.0.0.11": Part("PBL", "Spamhaus thinks no mail comes from here: no accusation", "form"),
        },
        refusals=_SPAMHAUS_REFUSALS,
        said=("spamhaus", "sbl", "xbl", "css", "pbl", "abuseat", "cbl."),
        how="form",
        where="https://check.spamhaus.org/",
        wants=(
            "What the cause was, in plain words, and what was changed.",
            "For SBL entries the provider who holds the address asks, not its customer.",
        ),
        silence=DAY,
        expires="CSS and XBL entries go by themselves some days after the last spam; SBL entries do not.",
    ),
    Blocklist(
        name="Spamhaus DBL",
        zone="dbl.spamhaus.org",
        lists="domain",
        parts={
            "127.0.1.2": Part("spam", "a domain used in spam"),
            "127.0.1.4": Part("phish", "a domain used for phishing"),
            "127.0.1.5": Part("malware", "a domain that hands out malware"),
            "127.0.1.102": Part("abused spam", "an honest domain whose site or mail was abused for spam"),
            "127.0.1.103": Part("abused redirector", "an honest domain with an open redirect"),
            "127.0.1.104": Part("abused phish", "an honest domain whose site was abused for phishing"),
            "127.0.1.105": Part("abused malware", "an honest domain whose site was abused for malware"),
        },
        refusals=_SPAMHAUS_REFUSALS,
        said=("dbl.spamhaus",),
        how="form",
        where="https://check.spamhaus.org/",
        wants=("That the site was cleaned and the hole closed, if the domain was abused.",),
        silence=DAY,
        expires="Entries go by themselves when the domain is no longer seen in spam.",
    ),
    Blocklist(
        name="SpamCop",
        zone="bl.spamcop.net",
        lists="address",
        said=("spamcop",),
        how="expires",
        where="https://www.spamcop.net/bl.shtml",
        wants=("Nothing but silence: it counts reports and spam traps.",),
        silence=DAY,
        expires="An entry goes by itself about 24 hours after the last report.",
    ),
    Blocklist(
        name="Barracuda",
        zone="b.barracudacentral.org",
        lists="address",
        said=("barracuda",),
        how="form",
        where="https://www.barracudacentral.org/rbl/removal-request",
        wants=("A mail address and a telephone number that answer.", "The cause, and what was changed."),
        silence=12,
    ),
    Blocklist(
        name="PSBL",
        zone="psbl.surriel.com",
        lists="address",
        said=("psbl", "surriel"),
        how="form",
        where="https://psbl.org/remove",
        wants=("The address, no reason; a spam trap that is hit again lists it again.",),
        silence=DAY,
        expires="An entry goes by itself some weeks after the last spam.",
    ),
    Blocklist(
        name="Mailspike",
        zone="bl.mailspike.net",
        lists="address",
        said=("mailspike",),
        how="form",
        where="https://mailspike.org/iplookup",
        wants=("The cause, and what was changed.",),
        silence=DAY,
        expires="Reputation mends by itself with clean mail.",
    ),
    Blocklist(
        name="DroneBL",
        zone="dnsbl.dronebl.org",
        lists="address",
        said=("dronebl",),
        how="form",
        where="https://dronebl.org/lookup",
        wants=("That the infected machine or open proxy is gone.",),
        silence=DAY,
    ),
    Blocklist(
        name="blocklist.de",
        zone="bl.blocklist.de",
        lists="address",
        said=("blocklist.de",),
        how="expires",
        where="https://www.blocklist.de/en/delist.html",
        wants=("That the attacks on other servers have ended.",),
        silence=2 * DAY,
        expires="An entry goes by itself about 48 hours after the last attack.",
    ),
    Blocklist(
        name="UCEPROTECT Level 1",
        zone="dnsbl-1.uceprotect.net",
        lists="address",
        said=("uceprotect",),
        how="expires",
        where="https://www.uceprotect.net/en/rblcheck.php",
        wants=("Nothing but silence.",),
        silence=7 * DAY,
        expires="An entry goes by itself seven days after the last hit.",
        paid=True,
    ),
    Blocklist(
        name="Backscatterer",
        zone="ips.backscatterer.org",
        lists="address",
        said=("backscatterer",),
        how="expires",
        where="https://www.backscatterer.org/?target=test",
        wants=("That bounces and answers to forged senders have ended.",),
        silence=28 * DAY,
        expires="An entry goes by itself four weeks after the last hit.",
        paid=True,
    ),
    Blocklist(
        name="Abusix Mail Intelligence",
        zone=None,
        lists="address",
        said=("abusix",),
        how="form",
        where="https://lookup.abusix.com/",
        wants=("The cause, and what was changed.",),
        silence=DAY,
        expires="Entries go by themselves some days after the last hit.",
    ),
    Blocklist(
        name="Invaluement",
        zone=None,
        lists="address",
        said=("invaluement",),
        how="form",
        where="https://www.invaluement.com/lookup/",
        wants=("The cause, and what was changed.",),
        silence=DAY,
    ),
    Blocklist(
        name="SURBL",
        zone="multi.surbl.org",
        lists="domain",
        refusals=frozenset({"127.0.0.1"}),
        said=("surbl",),
        how="form",
        where="https://surbl.org/surbl-analysis",
        wants=("That the site was cleaned and the hole closed, if the domain was abused.",),
        silence=DAY,
    ),
    Blocklist(
        name="URIBL",
        zone="multi.uribl.com",
        lists="domain",
        refusals=frozenset({"127.0.0.1"}),
        said=("uribl",),
        how="form",
        where="https://admin.uribl.com/",
        wants=("An account there, and what was changed.",),
        silence=DAY,
    ),
    Blocklist(
        name="Microsoft Outlook.com",
        zone=None,
        lists="address",
        said=("s3140", "s3150", "protection.outlook.com", "hotmail", "outlook.com"),
        how="form",
        where="https://olcsupport.office.com/",
        wants=("The addresses, what happened, what was changed; replies to the ticket within days.",),
        silence=DAY,
    ),
    Blocklist(
        name="Microsoft 365",
        zone=None,
        lists="address",
        said=("banned sending ip", "5.7.606", "sender.office.com"),
        how="form",
        where="https://sender.office.com/",
        wants=("The address and a mail address that answers.",),
        silence=DAY,
    ),
    Blocklist(
        name="Proofpoint Dynamic Reputation",
        zone=None,
        lists="address",
        said=("proofpoint dynamic reputation", "ipcheck.proofpoint"),
        how="form",
        where="https://ipcheck.proofpoint.com/",
        wants=("The address, and what was changed.",),
        silence=DAY,
    ),
    Blocklist(
        name="Cloudmark Sender Intelligence",
        zone=None,
        lists="address",
        said=("cloudmark",),
        how="form",
        where="https://csi.cloudmark.com/en/reset/",
        wants=("The address, what happened, what was changed.",),
        silence=DAY,
    ),
)

ENDED: Final[dict[str, str]] = {
    "dnsbl.sorbs.net": "SORBS ended in June 2024.",
    "ix.dnsbl.manitu.net": "NiX Spam ended in January 2025.",
    "cbl.abuseat.org": "The CBL became part of Spamhaus XBL.",
    "db.wpbl.info": "WPBL has ended.",
    "virbl.bit.nl": "Virbl has ended.",
    "dnsbl.cyberlogic.net": "Cyberlogic's list has ended.",
    "bl.spamcannibal.org": "SpamCannibal ended in 2018; whoever still asks it may be told that everybody is listed.",
    "dnsbl.njabl.org": "NJABL ended in 2013.",
    "dnsbl.ahbl.org": "AHBL ended in 2015 and then listed everybody, so that it would no longer be asked.",
    "relays.ordb.org": "ORDB ended in 2006 and then listed everybody, so that it would no longer be asked.",
}
"""Zones that no longer list anybody; an answer of theirs is an error of whoever still asks."""


def named(name: str) -> Blocklist | None:
    """The list with this name, zone, or word of a refusal; None if it is not known, or if several are meant."""
    wanted = name.strip().rstrip(".").lower()
    for one in ALIVE:
        if wanted in {one.name.lower(), (one.zone or "").lower()}:
            return one
    found = [one for one in ALIVE if any(part.name.lower() == wanted for part in one.parts.values())]
    found = found or [one for one in ALIVE if any(_says(wanted, word) for word in one.said)]
    return found[0] if len(found) == 1 else None


def _says(text: str, word: str) -> bool:
    """Whether a word, or one that begins so, stands in a text: ``sbl`` is not in ``dnsbl``."""
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}", text) is not None
