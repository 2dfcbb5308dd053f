"""A machine known by its address, whatever mail server it speaks to: the firewall, and finding and cleaning it."""

from __future__ import annotations

from ipaddress import ip_address

from whosent.model.finding import Suspect
from whosent.model.incident import Remedy
from whosent.remedies.queued import place
from whosent.remedies.shell import Unsafe, quoted


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
