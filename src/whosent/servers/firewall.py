"""The firewall's part: nftables rules that let only declared relays speak to port 25, count the rest, and say who.

A trial needs nobody to end it: the rules that refuse hold only while port 25 stands in a set, and a set's element has a
time-out of the kernel's own.  When it runs out, or the machine starts again, everything is as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any, Final, NamedTuple

TABLE: Final = "whosent_egress"
_KERNEL_LINE: Final = re.compile(r"\bDPT=25\b")
_FIELD: Final = re.compile(r"\b(SRC|DST|UID|IN|OUT)=(\S*)")
_MOST_SEEN: Final = 10_000


class Policy(NamedTuple):
    """Who may speak to port 25."""

    users: Sequence[int]  # uids of this machine
    hosts: Sequence[str] = ()  # addresses or networks behind it, where it is a gateway
    gateway: bool = False
    minutes: int = 0  # of a trial; 0: for good
    refuse: bool = True  # false: only count who would be refused


def rules(policy: Policy) -> str:
    """What ``nft -f`` takes: the whole table at once, or nothing of it."""
    timeout = f" timeout {policy.minutes}m" if policy.minutes else ""
    held = f"    elements = {{ 25{timeout} }}\n" if policy.refuse else ""
    chains = _chain("local_out", "output", _users(policy.users), ("refused_users { meta skuid }",), policy)
    if policy.gateway:
        named = ("refused_hosts { ip saddr }", "refused_hosts6 { ip6 saddr }")
        chains += _chain("lan_out", "forward", _hosts(policy.hosts), named, policy)
    return f"""table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  set held {{
    type inet_service
    flags timeout
{held}  }}
  set refused_users {{
    typeof meta skuid
    size 65535
    flags dynamic
    counter
  }}
  set refused_hosts {{
    type ipv4_addr
    size 65535
    flags dynamic,timeout
    timeout 7d
    counter
  }}
  set refused_hosts6 {{
    type ipv6_addr
    size 65535
    flags dynamic,timeout
    timeout 7d
    counter
  }}
  counter passed {{ }}
  counter refused {{ }}
{chains}}}
"""


def _chain(name: str, hook: str, allowed: Iterable[str], who: Iterable[str], policy: Policy) -> str:
    passing = ['oifname "lo" accept'] if hook == "output" else []
    passing += [f'{one} counter name "passed" accept' for one in allowed]
    lines = [
        f"type filter hook {hook} priority filter; policy accept;",
        "tcp dport != 25 accept",
        "meta l4proto != tcp accept",
        "ct state established,related accept",
        *passing,
        *(f"update @{one}" for one in who),
        'counter name "refused"',
        'limit rate 6/minute log prefix "whosent-egress " flags skuid',
        *(["tcp dport @held reject with tcp reset"] if policy.refuse else []),
    ]
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def _users(uids: Sequence[int]) -> Iterator[str]:
    if uids:
        yield f"meta skuid {{ {', '.join(str(uid) for uid in sorted(set(uids)))} }}"


def _hosts(hosts: Sequence[str]) -> Iterator[str]:
    for version, word in ((4, "ip"), (6, "ip6")):
        named = [
            str(network) for network in (ip_network(one, strict=False) for one in hosts) if network.version == version
        ]
        if named:
            yield f"{word} saddr {{ {', '.join(named)} }}"


def removal() -> str:
    """What takes the table away, whether it is there or not."""
    return f"table inet {TABLE}\ndelete table inet {TABLE}\n"


def for_good() -> str:
    """What makes a trial's rules stay: the element without its time-out, in one transaction."""
    return (f"flush set inet {TABLE} held\n"
            f"add element inet {TABLE} held {{ 25 }}\n")  # fmt: skip


def lasting(tried: str) -> str:
    """The rules of a trial without its end."""
    return re.sub(r"(elements = \{ 25) timeout \d+m( \})", r"\1\2", tried)


class Counted(NamedTuple):
    """What the rules have counted."""

    refuses: bool  # whether port 25 is held at this moment
    seconds: int | None  # that the trial still lasts; None: for good, or not at all
    passed: int
    refused: int
    users: dict[int, int]  # uid: packets
    hosts: dict[str, int]


def counted(listed: str) -> Counted | None:
    """Read ``nft -j list table``; None if there is no such table."""
    try:
        objects: list[dict[str, Any]] = json.loads(listed)["nftables"]
    except (ValueError, KeyError, TypeError):
        return None
    sets = {one["set"]["name"]: one["set"].get("elem", []) for one in objects if "set" in one}
    counters = {one["counter"]["name"]: one["counter"]["packets"] for one in objects if "counter" in one}
    held = sets.get("held", [])
    left = next((one["elem"].get("expires") for one in held if isinstance(one, dict)), None)
    users = {int(value): count for value, count in _elements(sets.get("refused_users", [])) if str(value).isdigit()}
    named = [*sets.get("refused_hosts", []), *sets.get("refused_hosts6", [])]
    hosts = {str(value): count for value, count in _elements(named)}
    return Counted(bool(held), left, counters.get("passed", 0), counters.get("refused", 0), users, hosts)


def _elements(listed: list[Any]) -> Iterator[tuple[Any, int]]:
    for one in listed:
        if isinstance(one, dict) and "elem" in one:
            yield one["elem"]["val"], one["elem"].get("counter", {}).get("packets", 0)
        else:
            yield one, 0


class Speaker(NamedTuple):
    """Somebody who spoke to port 25, as a firewall's log or a list of connections tells."""

    user: int | None
    host: str  # empty: this machine
    connections: int


def speakers_in_log(lines: Iterable[str]) -> list[Speaker]:
    """Of the kernel's log: lines of LOG rules with DPT=25."""
    found: dict[tuple[int | None, str], int] = {}
    for line in lines:
        if not _KERNEL_LINE.search(line):
            continue
        fields: Mapping[str, str] = dict(_FIELD.findall(line))
        uid = int(fields["UID"]) if fields.get("UID", "").isdigit() else None
        host = fields.get("SRC", "") if fields.get("IN") else ""
        if len(found) < _MOST_SEEN or (uid, host) in found:
            found[uid, host] = found.get((uid, host), 0) + 1
    return [Speaker(uid, host, count) for (uid, host), count in found.items()]


def speakers_now(sockets: str) -> list[Speaker]:
    """Of ``ss -Htne``: connections of this machine to port 25 elsewhere."""
    found: dict[int | None, int] = {}
    for line in sockets.splitlines():
        fields = line.split()
        if len(fields) < 5 or not fields[4].endswith(":25"):  # noqa: PLR2004  # state, queues, here, there
            continue
        uid = re.search(r"\buid:(\d+)", line)
        key = int(uid[1]) if uid else 0  # ss leaves root out
        found[key] = found.get(key, 0) + 1
    return [Speaker(uid, "", count) for uid, count in found.items()]


def cut_off(speakers: Iterable[Speaker], policy: Policy) -> list[Speaker]:
    """Those whom the policy would refuse, the busiest first."""

    def allowed(one: Speaker) -> bool:
        if not one.host:
            return one.user is None or one.user in policy.users
        return not policy.gateway or _holds(policy.hosts, one.host)

    return sorted((one for one in speakers if not allowed(one)), key=lambda one: -one.connections)


def _holds(networks: Sequence[str], host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in ip_network(one, strict=False) for one in networks)
