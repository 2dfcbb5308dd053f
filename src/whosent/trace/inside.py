"""Hops that a provider makes within itself, where nothing of its network is known: told by the form of the lines.

A name that the client gave itself proves nothing.  But strangers do not speak every protocol: what hands a message to
a mailbox store by LMTP, or by HTTPS within Exchange, is the site's own transport.
"""

from __future__ import annotations

import re
from typing import Final

from whosent.trace.addresses import canonical, is_loopback, is_private
from whosent.trace.received import Received

_NO_LOOKUP: Final = ("microsoft smtp", "https", "mapi")  # servers that note no looked-up name
_PROVIDERS: Final = (".prod.outlook.com", ".prod.protection.outlook.com")
_GOOGLES: Final = ".google.com"
_ID_OF_GOOGLE: Final = re.compile(r"[a-z]{0,3}\d{0,4}(?:-v6)?(?:csp?|mr)\d{2,12}[a-z]{3}(?:\.[\d.]{1,40})?")
_SHORT: Final = 3  # letters of what stands before a country: co.uk, com.br, ne.jp
_COUNTRY: Final = 2


def notes_no_name(line: Received) -> bool:
    """Whether its writer looks up no names, so that the client's own is all there is."""
    return line.from_rdns is None and (line.with_ or "").lower().startswith(_NO_LOOKUP)


def why_inside(line: Received, below: Received) -> str:
    """Why the client of the topmost line is a server of the same site, "" if nothing says so."""
    how = (line.with_ or "").lower()
    named = line.from_rdns is None and _calls_itself(line, below)
    if how.startswith("lmtp") and line.from_address is None and named:
        return "a mailbox store took the message over by LMTP, which no stranger speaks, from the host of this line"
    if how == "https" and named and _one_site(line.from_helo, line.by):
        return "an Exchange mailbox server took the message over by HTTPS from the host of this line, of the same site"
    return ""


def why_one_address(line: Received, below: Received) -> str:
    """Why the client is the writer itself: a private address that stands for it here and in the line below."""
    address = line.from_address
    if address is None or not is_private(address) or is_loopback(address) or not address == line.by == below.by:
        return ""
    if not (_is_inside_google(line) and _is_inside_google(below)):  # elsewhere it may be any program of that host
        return ""
    return f"{address}, which bears no name there, is the client of the line above and its writer"


def is_of_provider(line: Received) -> bool:
    """Whether its writer stands where no customer's machine has a private address: Exchange Online."""
    return (line.by or "").lower().endswith(_PROVIDERS) and is_private(line.from_address or "")


def why_of_google(line: Received, below: Received) -> str:
    """Why the line below one that hides its client is Google's as well; "" if nothing says so.

    Its servers, which bear no names among themselves, hand a message on so, and their border writes a line with its
    name and its client.  Of no other site is such a form known: there the client that is hidden may have written both
    the line below and what seems to be the site's own word beside it (Authentication-Results).
    """
    border = (below.by or "").lower().endswith(_GOOGLES)
    if _is_inside_google(line) and (border or (_is_inside_google(below) and below.from_address in {None, _own(below)})):
        return "Google's servers hand messages on among themselves like this, and the line is of their border or theirs"
    return ""


def _is_inside_google(line: Received) -> bool:
    return _own(line) is not None and _ID_OF_GOOGLE.fullmatch(line.id or "") is not None


def _own(line: Received) -> str | None:
    return canonical(line.by or "")


def may_be_inside(line: Received, below: Received) -> bool:
    """Whether a client that was not looked up calls itself a server of the site, and one of that name had it before."""
    return notes_no_name(line) and _calls_itself(line, below) and _one_site(line.from_helo, line.by)


def _calls_itself(line: Received, below: Received) -> bool:
    """Whether the client says the name of the host that wrote the line below; sites call one by several domains."""
    one, other = (line.from_helo or "").lower(), (below.by or "").lower()
    return bool(one) and one.partition(".")[0] == other.partition(".")[0] and (one == other or _one_site(one, other))


def _one_site(one: str | None, other: str | None) -> bool:
    """Whether two names end in the same domain that somebody can register."""
    ends = [(name or "").lower().strip("[].").split(".") for name in (one, other)]
    same = 0
    for left, right in zip(*map(reversed, ends), strict=False):
        if left != right:
            break
        same += 1
    first = ends[0]
    public = 1 + (len(first) > 1 and len(first[-1]) == _COUNTRY and len(first[-2]) <= _SHORT)
    return same > public and not first[-1].isdigit()
