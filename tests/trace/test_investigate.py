"""Registries asked on small real servers of our own, by HTTP, WHOIS and DNS; and what left the program."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import dns.message
import dns.rrset
import pytest

from tests.ports import free_port
from tests.trace.kit import DATE, STRANGER, by_mx, message, ours, traced
from whosent.blocklists import ENDED
from whosent.inquiring import inquirer
from whosent.model.settings import Registries as Asking
from whosent.model.settings import Settings
from whosent.sources.names import Names
from whosent.sources.registries import Network, Registries
from whosent.trace.registrations import of_rdap, of_whois, referred

EVIL = "evil.example.com"
TEXT = f"http://{EVIL}/ http://www.shop.example.org http://198.51.100.9/ a@b.example.net\n"
SPAM = f"Received: {by_mx()}\nSubject: x\n\n{TEXT}".encode()
CARD = [
    "vcard",
    [
        ["version", {}, "text", "4.0"],
        ["fn", {}, "text", "Example Registrar"],
        ["email", {}, "text", "abuse@registrar.example"],
    ],
]
DOMAIN = {
    "objectClassName": "domain",
    "ldhName": "EXAMPLE.COM",
    "nameservers": [{"ldhName": "NS1.EVIL.EXAMPLE"}],
    "events": [{"eventAction": "registration", "eventDate": "2026-11-15T00:00:00Z"}],
    "status": ["client hold"],
    "entities": [{"roles": ["registrar"], "vcardArray": CARD, "entities": [{"roles": ["abuse"], "vcardArray": CARD}]}],
}
NETWORK = {
    "objectClassName": "ip network",
    "startAddress": "203.0.113.0",
    "endAddress": "203.0.113.255",
    "name": "EVIL-NET",
    "country": "ZZ",
    "arin_originas0_originautnums": [64500],
    "entities": [{"roles": ["abuse"], "vcardArray": CARD}],
}
WHOIS = """% Abuse contact for '198.51.100.0 - 198.51.100.255' is 'abuse@isp.example'
inetnum:        198.51.100.0 - 198.51.100.255
netname:        ISP-NET
country:        ZY
origin:         AS64501
"""


class Rdap(BaseHTTPRequestHandler):
    """IANA's files, and the servers they name: this very one."""

    asked: ClassVar[list[str]] = []
    answers: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:  # as the base class calls it
        self.asked.append(self.path)
        answer = self.answers.get(self.path)
        if isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self.end_headers()
            return
        self.send_response(200 if answer is not None else 404)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


class Whois(socketserver.StreamRequestHandler):
    """Refers to itself by another name, and answers there."""

    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        line = self.rfile.readline().decode().strip()
        self.asked.append(line)
        self.wfile.write(WHOIS.encode() if line == "198.51.100.9" else b"No match.\r\n")


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])  # type: ignore[index]  # a TCP or UDP server's
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def servers() -> Iterator[tuple[str, str]]:
    """The address of the bootstrap files, and of the WHOIS server."""
    with (
        serving(ThreadingHTTPServer(("127.0.0.1", 0), Rdap)) as web,
        serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Whois)) as whois,
    ):
        base = f"http://127.0.0.1:{web}"
        Rdap.asked.clear()
        Whois.asked.clear()
        Rdap.answers.clear()
        Rdap.answers.update(
            {
                "/rdap/dns.json": {"services": [[["com"], [f"{base}/com/"]], [["org"], [f"{base}/org/"]], ["broken"]]},
                "/rdap/ipv4.json": {
                    "services": [[["203.0.0.0/8"], ["http://192.0.2.1/"]], [["203.0.113.0/24", "x"], [f"{base}/ip4/"]]]
                },
                "/com/domain/example.com": DOMAIN,
                "/org/domain/example.org": f"http://{EVIL}/steal",
                "/ip4/ip/203.0.113.66": NETWORK,
            }
        )
        yield f"{base}/rdap", f"127.0.0.1:{whois}"


def test_registries_answer(servers: tuple[str, str]) -> None:
    registries = Registries(*servers, Network())
    told = registries.domain("example.com")
    assert told.answer is not None
    assert (told.problem, told.answer.registrar, told.answer.registered) == (
        None,
        "Example Registrar",
        "2026-11-15T00:00:00Z",
    )
    assert (told.answer.name_servers, told.answer.abuse_contact, told.answer.status) == (
        ("ns1.evil.example",), "abuse@registrar.example", ("client hold",),
    )  # fmt: skip
    network = registries.network(STRANGER)
    assert network.answer is not None
    assert (network.answer.network, network.answer.asn, network.answer.country, network.answer.holder) == (
        "203.0.113.0 - 203.0.113.255", "AS64500", "ZZ", "EVIL-NET",
    )  # fmt: skip
    registries.domain("example.com")
    assert Rdap.asked.count("/com/domain/example.com") == 1


def test_whois_where_rdap_knows_nothing(servers: tuple[str, str]) -> None:
    registries = Registries(*servers, Network())
    told = registries.network("198.51.100.9")
    assert told.answer is not None
    assert (told.answer.abuse_contact, told.answer.asn, told.answer.country) == ("abuse@isp.example", "AS64501", "ZY")
    assert told.server == servers[1]
    unknown = registries.domain("example.net")
    assert unknown.answer is None
    assert unknown.problem == "no RDAP server is known for it; WHOIS: nothing that can be read"


@pytest.mark.parametrize(
    "answer", [b"not JSON", b"[" * 100_000, {"objectClassName": "autnum"}, {}, [], None, b"x" * (5 << 20)]
)
def test_bad_answers_are_problems(servers: tuple[str, str], answer: object) -> None:
    Rdap.answers["/com/domain/example.com"] = answer
    told = Registries(*servers, Network()).domain("example.com")
    assert told.answer is None
    assert told.problem


def test_nobody_there() -> None:
    port = free_port()
    told = Registries(f"http://127.0.0.1:{port}/rdap", f"127.0.0.1:{port}", Network()).domain("example.com")
    assert "refused" in (told.problem or "")


def test_a_redirect_to_an_advertised_host_is_not_followed(servers: tuple[str, str]) -> None:
    told = Registries(*servers, Network()).domain("example.org")
    assert told.answer is None
    assert "IANA does not name" in (told.problem or "")


def test_parsers_take_anything() -> None:
    assert (
        of_rdap({"objectClassName": "domain", "entities": [{"vcardArray": [1, [[1], "x", ["fn"]]]}, 3], "status": "x"})
        is not None
    )
    assert of_rdap("x") is None
    assert of_whois("") is None
    assert of_whois("Domain Name: X\nRegistrar: R\nName Server: NS1.X.\nDomain Status: hold https://x\n") is not None
    assert referred("refer:        whois.example.net\n") == "whois.example.net"
    assert referred("nothing") is None


class Dns(socketserver.DatagramRequestHandler):
    """Answers A of one name; a blocklist refuses to answer."""

    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        query = dns.message.from_wire(self.rfile.read())
        question = query.question[0]
        name = question.name.to_text()
        self.asked.append(name)
        response = dns.message.make_response(query)
        known = {
            f"{EVIL}.": "198.51.100.9",
            "66.113.0.203.refuses.example.": "127.255.255.254",
            "66.113.0.203.lists.example.": "127.0.0.2",
        }
        if name in known and question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "A", known[name]))
        self.wfile.write(response.to_wire())


def test_the_dns_is_asked_once() -> None:
    with serving(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Dns)) as port:
        names = Names(f"127.0.0.1#{port}", ("lists.example", "refuses.example", "dnsbl.sorbs.net"))
        told = names.of_host(EVIL, "example.com")
        assert [(one.type, one.answers) for one in told] == [("NS", []), ("A", ["198.51.100.9"]), ("AAAA", [])]
        assert names.of_host(EVIL, "example.com") == told
        of_entry = {one.type: (one.answers, one.problem) for one in names.of_address(STRANGER)}
        assert of_entry["lists.example"] == (["127.0.0.2"], None)
        assert of_entry["refuses.example"] == ([], "it refuses to answer this resolver (127.255.255.254)")
        assert of_entry["dnsbl.sorbs.net"] == ([], ENDED["dnsbl.sorbs.net"])
    assert Names(f"127.0.0.1#{port}", ()).of_host(EVIL, None)[0].problem


AUDITED = """
import json, sys
from pathlib import Path
left = []
def hook(event, arguments):
    if event in {"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"}:
        left.append([event, str(arguments[1] if event in {"socket.connect", "socket.sendto"} else arguments[:2])])
sys.addaudithook(hook)
from whosent.cli import main
try:
    main()
finally:
    Path(sys.argv[-1]).write_text(json.dumps(left))
"""


def investigated(
    tmp_path: Path, servers: tuple[str, str], reach: str, dns_port: int = 1
) -> tuple[dict[str, Any], list[list[str]]]:
    (tmp_path / "spam.eml").write_bytes(SPAM)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WHOSENT_")}
    environment = {
        **kept, "WHOSENT_CONFIG": os.devnull, "WHOSENT_REGISTRIES__RDAP_BOOTSTRAP": servers[0],
        "WHOSENT_REGISTRIES__WHOIS_SERVER": servers[1], "WHOSENT_REGISTRIES__DNS_SERVER": f"127.0.0.1#{dns_port}",
    }  # fmt: skip
    left = tmp_path / "left.json"
    left.write_bytes(b"")
    arguments = [
        "trace",
        "--json",
        "--own-name",
        "mx.example.org",
        "--investigate",
        "--reach",
        reach,
        str(tmp_path / "spam.eml"),
        str(left),
    ]
    done = subprocess.run(
        [sys.executable, "-c", AUDITED, *arguments], capture_output=True, env=environment, check=False
    )
    assert done.stderr == b"", done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return said["inquiry"], json.loads(left.read_text())


def test_offline_nothing_leaves(tmp_path: Path, servers: tuple[str, str]) -> None:
    inquiry, left = investigated(tmp_path, servers, "offline")
    assert [one["host"] for one in inquiry["advertised"]] == [
        EVIL,
        "www.shop.example.org",
        "198.51.100.9",
        "b.example.net",
    ]
    assert (left, inquiry["registrations"], inquiry["sentence"]) == ([], [], "Nobody was asked.")


def test_registries_alone_are_connected_to(tmp_path: Path, servers: tuple[str, str]) -> None:
    """Not one packet for an advertised host, nor a question to the DNS about it."""
    inquiry, left = investigated(tmp_path, servers, "registries")
    ports = {servers[0].split(":")[2].split("/")[0], servers[1].split(":")[1]}
    assert {what for event, what in left if event == "socket.connect"} == {f"('127.0.0.1', {port})" for port in ports}
    assert all("127.0.0.1" in what for _, what in left)
    assert [(one["about"], one["problem"] is None) for one in inquiry["registrations"]] == [
        (STRANGER, True), ("198.51.100.9", True), ("example.com", True), ("example.org", False), ("example.net", False),
    ]  # fmt: skip
    assert Whois.asked == ["198.51.100.9", "example.org", "example.net"]
    assert inquiry["resolutions"] == []


def test_the_dns_is_asked_only_if_wanted(tmp_path: Path, servers: tuple[str, str]) -> None:
    Dns.asked.clear()
    with serving(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Dns)) as port:
        inquiry, left = investigated(tmp_path, servers, "dns", port)
    assert f"{EVIL}." in Dns.asked
    assert all("127.0.0.1" in what for event, what in left if event in {"socket.connect", "socket.sendto"})
    assert "may notice" in inquiry["sentence"]
    assert ["198.51.100.9"] in [one["answers"] for one in inquiry["resolutions"] if one["name"] == EVIL]


def test_registries_are_asked_about_a_client_that_is_not_named(servers: tuple[str, str]) -> None:
    """It may be a server of the same site, which is no reason not to tell whose it is."""
    lines = (
        f"from x.relay.example ({STRANGER}) by HT04.relay.example (10.1.1.1) with Microsoft SMTP Server; {DATE}",
        f"from pc (198.51.100.9) by x.relay.example with Microsoft SMTP Server; {DATE}",
    )
    settings = Settings(registries=Asking(rdap_bootstrap=servers[0], whois_server=servers[1]))
    one = traced(*lines, known=ours(names=("mx.elsewhere.example",)))
    assert one.boundary is not None
    assert one.boundary.address is None
    asked = inquirer("registries", settings)(message(*lines), one)
    assert [(told.about, told.network) for told in asked.registrations] == [(STRANGER, "203.0.113.0 - 203.0.113.255")]


def test_on_a_terminal_nothing_can_be_clicked(tmp_path: Path, servers: tuple[str, str]) -> None:
    (tmp_path / "spam.eml").write_bytes(SPAM)
    environment = {**os.environ, "WHOSENT_CONFIG": os.devnull, "WHOSENT_REGISTRIES__RDAP_BOOTSTRAP": servers[0],
                   "WHOSENT_REGISTRIES__WHOIS_SERVER": servers[1], "COLUMNS": "200"}  # fmt: skip
    program = [sys.executable, "-m", "whosent", "trace", "--investigate", str(tmp_path / "spam.eml")]
    told = b" ".join(subprocess.run(program, capture_output=True, env=environment, check=False).stdout.split())
    assert b"link to evil[.]example[.]com, registered as example[.]com: hxxp://evil[.]example[.]com/" in told
    assert b"203.0.113.66: held by EVIL-NET; network 203.0.113.0 - 203.0.113.255; announced by AS64500" in told
    assert b"Only registries that IANA names were asked" in told
