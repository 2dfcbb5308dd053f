"""Runs inside a network namespace of its own: registries, a resolver, a way out, and somebody who sees every packet.

``python -m tests.lab.onlooker FOLDER`` asks ``whosent trace --investigate`` at each reach about ``FOLDER/spam.eml`` and
writes what left, packet by packet, to ``FOLDER/REACH.json``; ``control.json`` is what a careless program would leave.
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import dns.exception
import dns.message

RDAP, WHOIS, RESOLVER = "198.18.0.80", "198.18.0.43", "198.18.0.53"
SERVERS: Final = {RDAP: 80, WHOIS: 43, RESOLVER: 53}
ADVERTISED: Final = {"evil.example.com": "203.0.113.99", "www.shop.example.org": "203.0.113.98"}
REACHES: Final = ("offline", "registries", "dns")
_MARK: Final = ("203.0.113.1", 9)
_ALL, _OUTGOING, _IPV4 = 3, 4, 0x0800  # if_ether.h, if_packet.h
_SERVICES: Final = {
    "/rdap/dns.json": {"services": [[["com"], ["http://rdap.registry.test/com/"]]]},
    "/rdap/ipv4.json": {"services": [[["203.0.113.0/24"], ["http://rdap.registry.test/ip/"]]]},
    "/com/domain/example.com": {"objectClassName": "domain", "ldhName": "EXAMPLE.COM"},
}

Packet = dict[str, Any]


class _Rdap(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # as the base class calls it
        answer = _SERVICES.get(self.path)
        self.send_response(200 if answer else 404)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


class _Whois(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"No match.\r\n")


class Onlooker:
    """Sees every packet that leaves, on whatever interface."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self._marked = threading.Semaphore(0)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            data, (interface, protocol, kind, *_) = self._socket.recvfrom(65_536)
            if kind == _OUTGOING:
                packet = _read(data, interface, protocol)
                if (packet["to"], packet["port"]) == _MARK:
                    self._marked.release()
                elif (packet["source"], packet["from_port"]) not in SERVERS.items():  # no answer of a server
                    self.packets.append(packet)

    def during(self, act: Callable[[], object]) -> list[Packet]:
        """What left while that was done."""
        self._seen_up_to_now()
        self.packets.clear()
        act()
        self._seen_up_to_now()
        return list(self.packets)

    def _seen_up_to_now(self) -> None:
        """A packet of our own leaves behind all others, and is seen behind them."""
        time.sleep(0.3)  # what was under way has left
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mark:
            mark.sendto(b"", _MARK)
        if not self._marked.acquire(timeout=120):
            sys.exit("the onlooker sees nothing")


def _read(data: bytes, interface: str, protocol: int) -> Packet:
    if protocol != _IPV4:
        return {
            "interface": interface,
            "protocol": protocol,
            "source": None,
            "from_port": None,
            "to": None,
            "port": None,
            "asked": [],
        }
    head = 4 * (data[0] & 15)
    source_port, port = (int.from_bytes(data[head + at : head + at + 2], "big") for at in (0, 2))
    payload = data[head + 8 :] if data[9] == socket.IPPROTO_UDP else b""
    return {
        "interface": interface, "protocol": data[9], "source": str(ip_address(data[12:16])),
        "from_port": source_port,
        "to": str(ip_address(data[16:20])), "port": port, "asked": _asked(payload) if port == 53 else [],  # DNS
    }  # fmt: skip


def _asked(payload: bytes) -> list[str]:
    try:
        return [str(question.name).rstrip(".") for question in dns.message.from_wire(payload).question]
    except dns.exception.DNSException:
        return []


def _prepare(folder: Path) -> None:
    """Links, addresses, a way out that everything may take, and the resolver."""
    for which in ("all", "default"):  # the kernel's own router solicitations are none of ours
        Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6").write_text("1")
    for line in (
        "link set lo up", *(f"addr add {address}/32 dev lo" for address in SERVERS),
        "link add out type veth peer name far",
        "addr add 192.0.2.10/24 dev out", "link set far up", "link set out arp off up", "route add default dev out",
    ):  # fmt: skip
        subprocess.run(["ip", *line.split()], check=True)
    (folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\n")
    subprocess.run(["mount", "--bind", str(folder / "resolv.conf"), "/etc/resolv.conf"], check=True)
    for server in (ThreadingHTTPServer((RDAP, 80), _Rdap), socketserver.ThreadingTCPServer((WHOIS, 43), _Whois)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    known = {"iana.registry.test": RDAP, "rdap.registry.test": RDAP, "whois.registry.test": WHOIS, **ADVERTISED}
    hosts = [f"--address=/{name}/{address}" for name, address in known.items()]
    subprocess.Popen(
        ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root",
         "--pid-file", f"--listen-address={RESOLVER}", "--bind-interfaces", *hosts],
    )  # fmt: skip
    for _ in range(2400):
        try:
            socket.create_connection((RESOLVER, 53), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("the resolver did not start")


def _trace(folder: Path, reach: str) -> None:
    environment = {
        **os.environ, "WHOSENT_CONFIG": os.devnull,
        "WHOSENT_REGISTRIES__RDAP_BOOTSTRAP": "http://iana.registry.test/rdap",
        "WHOSENT_REGISTRIES__WHOIS_SERVER": "whois.registry.test",
    }  # fmt: skip
    command = [sys.executable, "-m", "whosent", "trace", str(folder / "spam.eml"), "--json", "--own-name",
               "mx.corp.test", "--investigate", "--reach", reach]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    (folder / f"{reach}.answer.json").write_bytes(done.stdout)


def _careless() -> None:
    """What must never leave, to see that it would be seen: a connection to an advertised host."""
    with socket.socket() as one:
        one.settimeout(0)
        one.connect_ex((next(iter(ADVERTISED.values())), 80))


def main(folder: Path) -> None:
    _prepare(folder)
    onlooker = Onlooker()
    (folder / "control.json").write_text(json.dumps(onlooker.during(_careless)))
    for reach in REACHES:
        packets = onlooker.during(lambda reach=reach: _trace(folder, reach))  # type: ignore[misc]  # of this round
        (folder / f"{reach}.json").write_text(json.dumps(packets))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
