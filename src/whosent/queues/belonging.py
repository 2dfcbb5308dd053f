"""Whether a queued message is a suspect's: judged from its queue file alone, by what the mail server itself recorded.

A claim is what an operator or an order names: ``account:alice@example.org``, ``local_user:33``,
``script:33:contact.php`` (as PHP's header names it; without the uid where that is not known), ``client:192.0.2.7``,
``bounces:`` (the mail server's own) and ``everything:`` (the emergency brake).  What the queue file does not prove is
nobody's: a header counts only in a message that a local user handed in, for everybody else can write any header.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, NamedTuple

from whosent.model.pile import Letter

KINDS: Final = ("account", "local_user", "script", "client", "bounces", "everything")
_LONGEST: Final = 1024
_UID: Final = re.compile(r"[0-9]{1,10}")
_SCRIPT: Final = re.compile(r"(?:([0-9]{1,10}):)?([^:\s/()]{1,200}|[^\s/]{1,200}/\S{1,300})")


class Claim(NamedTuple):
    """Whose mail is meant."""

    kind: str  # one of KINDS
    name: str  # account; uid; script as PHP's header names it; address; "" where there is only one
    uid: str = ""  # of a script: only what this uid handed in

    def __str__(self) -> str:
        """As it is written; read back it gives the same."""
        return f"{self.kind}:{self.uid}:{self.name}" if self.uid else f"{self.kind}:{self.name}"


class NoClaimError(ValueError):
    """These words name nobody whose mail a queue file could prove; the text says why."""


def claim(text: str) -> Claim:
    """Read a claim; everything but its own fixed form is refused."""
    kind, colon, name = text.partition(":")
    if not colon or kind not in KINDS:
        raise NoClaimError(f"{text[:80]!a} is none of {', '.join(f'{one}:...' for one in KINDS)}")
    if len(name) > _LONGEST or not name.isprintable():
        raise NoClaimError("the name is too long, or holds characters that do not print")
    if kind in {"bounces", "everything"}:
        if name:
            raise NoClaimError(f"{kind}: takes no name")
        return Claim(kind, "")
    if kind == "account" and name:
        return Claim(kind, name)
    if kind == "local_user" and _UID.fullmatch(name):
        return Claim(kind, str(int(name)))
    if kind == "client":
        return Claim(kind, _address(name))
    found = _SCRIPT.fullmatch(name) if kind == "script" else None
    if found is None:
        raise NoClaimError(f"{text[:80]!a} is no {kind.replace('_', ' ')} that a queue file can name")
    return Claim(kind, found[2], str(int(found[1])) if found[1] else "")


def _address(name: str) -> str:
    try:
        if "%" not in name:
            return str(ip_address(name))
    except ValueError:
        pass
    raise NoClaimError(f"{name[:80]!a} is no address")


def judge(wanted: Claim, login: str = "") -> Callable[[Letter], bool]:
    """Tells of a letter whether it is the suspect's; ``login``: the name of the local user, where his number is meant.

    What the stamp of Sendmail's submission program says counts as well: whoever forges it has his own mail held.
    """
    kind, name = wanted.kind, wanted.name
    if kind == "account":
        folded = name.lower()  # as the access maps compare, too
        return lambda letter: letter.kind == "account" and letter.name.lower() == folded
    if kind == "client":
        return lambda letter: letter.kind == "client" and same_address(letter.name, name)
    if kind == "bounces":
        return lambda letter: letter.kind == "mta" and not letter.sender
    if kind == "everything":
        return lambda _letter: True
    allowed = users(wanted, login)
    if kind == "local_user":
        return lambda letter: _user(letter) in allowed
    script = name.encode()
    return lambda letter: letter.script == script and (_user(letter) in allowed if allowed else bool(_user(letter)))


def users(wanted: Claim, login: str) -> set[str]:
    """Number and login name of the local user whom a claim names; none: whoever it was."""
    return {wanted.uid if wanted.kind == "script" else wanted.name, login} - {""}


def _user(letter: Letter) -> str:
    """The local user who handed it in; "" if none did."""
    return letter.name if letter.kind == "local_user" else letter.stamped


def same_address(text: str, address: str) -> bool:
    """Whether a client's address, as the queue file writes it, is this one."""
    if text == address:
        return True
    try:
        return ":" in text and str(ip_address(text.removeprefix("IPv6:"))) == address
    except ValueError:
        return False
