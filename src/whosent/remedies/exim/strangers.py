"""Mail that an address hands in without a login: an infected host of ours, a stranger we relay for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whosent.model.finding import Cause
from whosent.model.incident import Remedy
from whosent.remedies.address import address_of, clean, firewall
from whosent.remedies.exim.incoming import NOTE, statement
from whosent.remedies.exim.queued import by_client, look_and_hold, remove
from whosent.remedies.queued import place

if TYPE_CHECKING:
    from whosent.model.finding import Suspect


def contain(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Steps against mail that one address hands in."""
    address = address_of(suspect)
    steps = [*look_and_hold(tag, suspect, by_client(address)), _block(tag, suspect, address)]
    steps.append(firewall(tag, suspect, address))
    steps.append(_stop_relaying(address) if cause is Cause.OPEN_RELAY else clean(suspect, address))
    return [*steps, remove(tag, suspect)]


def _block(tag: str, suspect: Suspect, address: str) -> Remedy:
    stranger = suspect.kind == "relay"
    commands, undo = statement(tag, "acl_smtp_rcpt", address, "hosts = TABLE", "deny" if stranger else "freeze")
    does = "it is refused" if stranger else "it waits in the queue, nothing is lost"
    return Remedy(
        step="block",
        title=f"{'Refuse' if stranger else 'Freeze'} new mail from {address}",
        reach=f"only mail that {address} hands in{place(suspect)}; {does}",
        commands=commands,
        undo=undo,
        note=f"Behind a shared address (NAT, proxy) this touches everybody there. {NOTE}",
    )


def _stop_relaying(address: str) -> Remedy:
    return Remedy(
        step="close",
        title="Stop relaying for strangers",
        reach="nothing by itself: these commands only show what is set",
        commands=[
            "exim -bP acl_smtp_rcpt\nexim -bP hostlist relay_from_hosts\nexim -bP domainlist relay_to_domains",
            f"exim -bh {address}",
        ],
        undo=[],
        note="In the ACL that is named first, `accept hosts = +relay_from_hosts` must name own networks only and"
        " never the"
        " address of a proxy that hides the real clients, and `require message = relay not permitted / domains ="
        " +local_domains : +relay_to_domains` must come before any other accept. The second command plays a session"
        " from"
        " that address (HELO, MAIL FROM, RCPT TO a stranger) without sending: it must end in 550.",
    )
