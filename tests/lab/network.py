"""The lab's wires and addresses: a LAN behind a gateway that hides it, and an outside world beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.lab.machine import Machine

LAN = "10.77.0"
GATEWAY = f"{LAN}.1"
MX = f"{LAN}.10"
WEB = f"{LAN}.20"
PUBLIC = "203.0.113.2"
UPLINK = "203.0.113.1"
RESOLVER = "198.51.100.53"

NAT = f"""
table inet edge {{
  chain inward {{
    type nat hook prerouting priority dstnat;
    iifname "wan" ip daddr {PUBLIC} tcp dport {{ 25, 110, 143, 587, 2525 }} dnat ip to {MX}
    iifname "wan" ip daddr {PUBLIC} tcp dport 80-85 dnat ip to {WEB}
  }}
  chain outward {{
    type nat hook postrouting priority srcnat;
    meta nfproto ipv4 oifname "wan" masquerade
  }}
}}
"""


def wire_lan(gateway: Machine, members: Mapping[str, tuple[Machine, Iterable[str]]]) -> None:
    """Connect each member, with its addresses, to a bridge in ``gateway``."""
    lines = ["link add br-lan type bridge", f"addr add {GATEWAY}/24 dev br-lan", "link set br-lan up"]
    for name, (machine, _) in members.items():
        lines += [
            f"link add v-{name} type veth peer name eth0 netns {machine.pid}",
            f"link set v-{name} master br-lan up",
        ]
    _ip(gateway, lines)
    for machine, addresses in members.values():
        _ip(
            machine,
            [
                *(f"addr add {address}/24 dev eth0" for address in addresses),
                "link set eth0 up",
                f"route add default via {GATEWAY}",
            ],
        )


def wire_outside(gateway: Machine, outside: Machine, addresses: Iterable[str]) -> None:
    """Connect ``gateway`` to the world; ``outside`` answers for every one of ``addresses``."""
    _ip(
        gateway,
        [
            f"link add wan type veth peer name eth0 netns {outside.pid}",
            f"addr add {PUBLIC}/24 dev wan",
            "link set wan up",
            f"route add default via {UPLINK}",
        ],
    )
    add_outside(outside, addresses)
    _ip(outside, [f"addr add {UPLINK}/24 dev eth0", "link set eth0 up"])
    gateway.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
    gateway.run(["nft", "-f", "-"], NAT)


def add_outside(outside: Machine, addresses: Iterable[str]) -> None:
    """Give the outside more addresses to come from."""
    _ip(outside, [f"addr add {address}/32 dev lo" for address in addresses])


def _ip(machine: Machine, lines: list[str]) -> None:
    machine.inside_network(["ip", "-batch", "-"], "\n".join(lines) + "\n")
