"""Mail from another machine: an infected host of ours, a proxy, a stranger we relay for."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause
from whosent.model.incident import Remedy
from whosent.remedies.incoming import OVERRIDE, access_map
from whosent.remedies.queued import by_attribute, look_and_hold, place
from whosent.remedies.shell import Unsafe, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

_INSIDERS: Final = "permit_mynetworks, permit_sasl_authenticated"


def contain(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Steps against mail that one address hands in."""
    address = address_of(suspect)
    choice = by_attribute(f"that came from {address}", "client_address", address)
    steps = [*look_and_hold(tag, suspect, choice), _block(tag, suspect, address), firewall(tag, suspect, address)]
    return [*steps, stop_relaying(tag, suspect) if cause is Cause.OPEN_RELAY else clean(suspect, address)]


def address_of(suspect: Suspect) -> str:
    """The suspect's address in its shortest form."""
    text = (suspect.address or suspect.name).removeprefix("IPv6:")
    try:
        address = ip_address(text)
    except ValueError:
        address = None
    if address is None or "%" in text:
        raise Unsafe("The client is known by a name only: names can be forged, an address is needed.")
    return str(address)


def _block(tag: str, suspect: Suspect, address: str) -> Remedy:
    stranger = suspect.kind == "relay"
    commands, undo = access_map(tag, "check_client_access", address, "REJECT" if stranger else "HOLD")
    does = "it is refused" if stranger else "it waits in the hold queue, nothing is lost"
    return Remedy(
        step="block",
        title=f"{'Refuse' if stranger else 'Hold'} new mail from {address}",
        reach=f"only mail that {address} hands in{place(suspect)}; {does}",
        commands=commands,
        undo=undo,
        note=f"Behind a shared address (NAT, proxy) this touches everybody there. {OVERRIDE}",
    )


def firewall(tag: str, suspect: Suspect, address: str) -> Remedy:
    """Close the mail ports to an address for a while, whatever mail server listens."""
    table = f"inet whosent_{tag.replace('-', '_')}"
    kind, word = ("ipv6_addr", "ip6") if ":" in address else ("ipv4_addr", "ip")
    rules = "\n".join(
        (
            f"'table {table} {{",
            f"  set talkers {{ type {kind}; flags timeout;",
            f"    elements = {{ {address} timeout 1h }}; }}",
            "  chain mail_in { type filter hook input priority -10; policy accept;",
            f"    {word} saddr @talkers tcp dport {{ 25, 465, 587 }} reject with tcp reset",
            "  }",
            "}'",
        )
    )
    return Remedy(
        step="block",
        title=f"Close the mail ports to {address} for one hour",
        reach=f"every mail connection from {address}{place(suspect)}, open ones included",
        commands=[f"nft {rules}"],
        undo=[f"nft delete table {table}"],
        note="The address leaves the set by itself after an hour; the empty table stays until the undo.",
    )


def clean(suspect: Suspect, address: str) -> Remedy:
    """Find the machine behind an address, or mend the proxy there."""
    advice = (
        "Let the proxy serve own networks only, and let it never connect to port 25."
        if suspect.kind == "proxy"
        else "Find the machine (hardware address, DHCP lease, switch port), take it off the network, look for the"
        " program that talks to port 25. Let only mail servers reach port 25 of the world."
    )
    return Remedy(
        step="close",
        title=f"Close the proxy on {address}" if suspect.kind == "proxy" else f"Find and clean {address}",
        reach="nothing by itself",
        commands=[f"ip neigh show to {quoted(address)}"],
        undo=[],
        note=advice,
    )


def stop_relaying(tag: str, suspect: Suspect) -> Remedy:
    """Let nobody relay but insiders, whatever else the restrictions said."""
    saved = f"saved=~/whosent-{tag}.relay"
    look = (
        "postconf mynetworks relay_domains \\\n  smtpd_relay_restrictions smtpd_recipient_restrictions\n"
        "postconf -P '*/*/mynetworks' '*/*/smtpd_relay_restrictions' \\\n  '*/*/smtpd_recipient_restrictions'"
    )
    change = (
        f'{saved}\n[ -e "$saved" ] || postconf smtpd_relay_restrictions > "$saved"\n'
        f"insiders='{_INSIDERS}'\n"
        'postconf -e \\\n  "smtpd_relay_restrictions = $insiders, reject_unauth_destination"\npostfix reload'
    )
    return Remedy(
        step="close",
        title="Stop relaying for strangers",
        reach="clients outside mynetworks that did not log in; mail to own domains keeps coming",
        commands=[look, change],
        undo=[f'{saved}\npostconf -e "$(cat "$saved")" && rm "$saved"\npostfix reload'],
        note=f"If {address_of(suspect)} lies in mynetworks, that setting is the hole: it must name own networks only,"
        " and never the address of a proxy or container gateway that hides the real clients.",
    )
