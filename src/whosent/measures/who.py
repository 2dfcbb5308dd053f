"""How an actor is called: the suspect it would be, its cause, and the words for it in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause, Suspect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whosent.model.rows import Actor

_WELL_KNOWN: Final = {"0": "root", "33": "www-data", "48": "apache"}
CAUSES: Final = {
    "account": Cause.COMPROMISED_ACCOUNT,
    "local_user": Cause.ABUSED_SCRIPT,
    "host": Cause.INFECTED_HOST,
}


def user_name(uid: str, claimed: str) -> str:
    """The well-known name of a uid if the process gave that name, else ``uid 33``; a login name as it is."""
    if not uid.isdecimal():
        return uid
    name = _WELL_KNOWN.get(uid)
    if name and claimed.partition("@")[0] == name:
        return name
    return f"uid {uid}"


def suspect(actor: Actor) -> Suspect:
    """The suspect this actor would be; only for accounts, local users and hosts."""
    host = actor.host or None
    if actor.kind == "account":
        return Suspect(kind="account", name=actor.name, host=host, account=actor.name)
    if actor.kind == "local_user":
        uid = int(actor.name) if actor.name.isdecimal() else None
        name, account = user_name(actor.name, actor.address or ""), actor.name if uid is None else None
        return Suspect(kind="local_user", name=name, host=host, uid=uid, account=account)
    return Suspect(kind="host", name=actor.name, host=host, address=actor.name)


def subject(suspect: Suspect) -> str:
    """How a sentence begins: ``The account alice@example.org``, ``The local user www-data (uid 33) on web``."""
    if suspect.kind == "local_user":
        uid = f" (uid {suspect.uid})" if suspect.uid is not None and not suspect.name.startswith("uid ") else ""
        return f"The local user {suspect.name}{uid} on {suspect.host or 'this host'}"
    nouns = {"account": "The account", "host": "The host", "script": "The script", "form": "The form",
             "relay": "The outside client", "list": "The list sent by"}  # fmt: skip
    return f"{nouns[suspect.kind]} {suspect.name}"


def witness(host: str) -> str:
    """Who recorded a delivery, a client or a uid."""
    return f"Postfix log of {host}" if host else "Postfix log"


def told_by(witness: str, servers: Mapping[str, str]) -> str:
    """The witness under the name of the mail server that runs on its host, where that is not Postfix."""
    program, _, host = witness.partition(" of ")
    return witness.replace("Postfix", servers[host], 1) if program == "Postfix log" and host in servers else witness
