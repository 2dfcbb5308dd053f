"""Whose mail is meant: a suspect as an incident or an operator names it, as a claim that a queue file can prove."""

from __future__ import annotations

import pwd
from typing import Final

from whosent.model.finding import Suspect, SuspectKind
from whosent.model.mistake import Mistake
from whosent.queues.belonging import Claim, NoClaimError, claim

_KINDS: Final[dict[str, SuspectKind]] = {
    "account": "account", "uid": "local_user", "local_user": "local_user", "user": "local_user", "script": "script",
    "form": "form", "host": "host", "client": "host", "relay": "relay", "proxy": "proxy", "backscatter": "backscatter",
}  # fmt: skip
_BY_HAND: Final = {
    "forwarder": "Whose letter was forwarded stands in no queue file: the incident's own steps stop the forward.",
    "list": "A list is known by its sender address alone, which anybody can write: hold the account or host that hands"
    " it in.",
}


def named(text: str) -> Suspect:
    """``account:alice@example.org``, ``script:/var/www/x/contact.php``, ``uid:33``, ``host:192.0.2.7``."""
    kind, colon, name = text.partition(":")
    if not colon or kind not in _KINDS or (not name and kind != "backscatter"):
        raise Mistake(
            f"{text!a} names no suspect. Write {', '.join(f'{one}:NAME' for one in _KINDS if one != 'user')}."
        )
    if kind in {"uid", "local_user", "user"}:
        return Suspect(kind="local_user", name=name, uid=int(name) if name.isascii() and name.isdigit() else None)
    address = name if _KINDS[kind] in {"host", "relay", "proxy"} else None
    return Suspect(kind=_KINDS[kind], name=name or "this server", address=address)


def claim_of(suspect: Suspect, here: str) -> Claim:
    """What of the queue is this suspect's; ``here`` is this machine's name.  A sentence where nothing can prove it."""
    if suspect.host and not _same_host(suspect.host, here):
        raise Mistake(f"{suspect.name!a} handed its mail to {suspect.host}, and this is {here}: run the command there.")
    try:
        return claim(_words(suspect))
    except NoClaimError as error:
        raise Mistake(f"This suspect's mail cannot be told from a queue file: {error}.") from None


def _same_host(one: str, other: str) -> bool:
    return one == other or one.partition(".")[0].lower() == other.partition(".")[0].lower()


def _words(suspect: Suspect) -> str:
    kind = suspect.kind
    if kind in _BY_HAND:
        raise Mistake(_BY_HAND[kind])
    if kind == "account":
        return f"account:{suspect.name}"
    if kind == "local_user":
        return f"local_user:{suspect.uid if suspect.uid is not None else _uid(suspect.name)}"
    if kind in {"script", "form"}:
        return _script(suspect)
    if kind == "backscatter":
        return "bounces:"
    return f"client:{(suspect.address or suspect.name).removeprefix('IPv6:')}"


def _script(suspect: Suspect) -> str:
    base = suspect.name.rpartition("/")[2]
    if "." not in base:
        raise Mistake(f"{suspect.name!a} is a folder: no header of a message names it. Hold the user it runs under"
                      f" (--suspect uid:{_known_uid(suspect) or 'NUMBER'}), or switch off the file.")  # fmt: skip
    uid = _known_uid(suspect)
    return f"script:{uid}:{base}" if uid else f"script:{base}"


def _known_uid(suspect: Suspect) -> str:
    if suspect.uid is not None:
        return str(suspect.uid)
    try:
        return str(pwd.getpwnam(suspect.account).pw_uid) if suspect.account else ""
    except KeyError:
        return ""


def _uid(name: str) -> int:
    try:
        return int(name) if name.isascii() and name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Mistake(f"there is no user {name!a} on this machine. Give the number: --suspect uid:33.") from None
