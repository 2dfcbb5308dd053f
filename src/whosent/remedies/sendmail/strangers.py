"""Sendmail's steps against a client by its address: the access map, the firewall, the holes that let it relay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause
from whosent.model.incident import Remedy
from whosent.remedies.address import address_of, clean, firewall
from whosent.remedies.queued import equals, place
from whosent.remedies.sendmail.queued import by_file, look_and_hold
from whosent.remedies.shell import quoted

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

_LOOK_FOR_HOLES: Final = r"""grep -n RELAY /etc/mail/access
cat /etc/mail/relay-domains
grep -nE 'promiscuous_relay|relay_(entire_domain|local_from|mail_from|based_on_MX)|loose_relay' \
  /etc/mail/sendmail.mc"""


def contain(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Quarantine what the client handed in, and let the access map stop what comes."""
    address = address_of(suspect)
    literal = address.replace(".", "[.]")
    pattern = rf"^\$_(.* )?\[(IPv6:)?{literal}\]( \(may be forged\))?$"
    setup = f"pattern={quoted(pattern)}"
    choice = by_file(
        f"that came from {address}", setup, 'grep -Eq -e "$pattern" "$file"', equals("client_address", address)
    )
    stranger = suspect.kind == "relay"
    key = f"Connect:{f'IPv6:{address}' if ':' in address else address}"
    commands, undo = _entry(key, "REJECT" if stranger else f"ERROR:4.7.1:450 Come back later, whosent {tag}")
    block = Remedy(
        step="block",
        title=f"{'Refuse' if stranger else 'Defer'} new mail from {address}",
        reach=f"only mail that {address} hands in{place(suspect)}; "
        f"{'it is refused' if stranger else 'it is asked to come back later'}",
        commands=commands,
        undo=undo,
        note="A mail server keeps what is deferred and tries again; a program that does not loses it. Behind a shared"
        " address (NAT, proxy) this touches everybody there. Sendmail asks the map anew for each connection. If the map"
        f" has a line for {key} already, change that one instead.",
    )
    close = _stop_relaying() if cause is Cause.OPEN_RELAY else clean(suspect, address)
    return [*look_and_hold(tag, suspect, choice), block, firewall(tag, suspect, address), close]


def _entry(key: str, action: str) -> tuple[list[str], list[str]]:
    """Commands that put one line into the access map, and that take it out again."""
    setup = (
        f"entry={quoted(f'{key} {action}')}\nmap=/etc/mail/access\n"
        "type=$(sed -n 's/^Kaccess \\([a-z]*\\) .*/\\1/p' /etc/mail/sendmail.cf)\n"
    )
    build = 'makemap "${type:?sendmail.cf has no access_db}" "$map" < "$map"'
    return (
        [f'{setup}grep -Fxq -e "$entry" "$map" || printf \'%s\\n\' "$entry" >> "$map"\n{build}'],
        [f'{setup}rest=$(grep -Fxv -e "$entry" "$map")\nprintf \'%s\\n\' "$rest" > "$map"\n{build}'],
    )


def _stop_relaying() -> Remedy:
    return Remedy(
        step="close",
        title="Stop relaying for strangers",
        reach="nothing by itself",
        commands=[_LOOK_FOR_HOLES],
        undo=[],
        note="What lets strangers through stands in one of these: the access map and relay-domains must name own"
        " networks only, and the features above believe an address that anybody can write. After a change of"
        " sendmail.mc build sendmail.cf and restart.",
    )
