"""What leaves when a trace investigates: every packet of the program, seen by somebody beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab.onlooker import ADVERTISED, RDAP, RESOLVER, WHOIS, Packet
from tests.lab.possible import require_lab
from tests.trace.kit import by_mx

pytestmark = pytest.mark.lab
TEXT = (
    "http://evil.example.com/ <a href='http://www.shop.example.org/pay'>http://www.bank.example/</a> "
    "http://198.51.100.9/ write to a@b.example.net\n<img src='http://evil.example.com/pixel.png'>\n"
)
ROOT = Path(__file__).parents[2]
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    require_lab()
    folder = tmp_path_factory.mktemp("capture")
    (folder / "spam.eml").write_bytes(f"Received: {by_mx()}\nSubject: x\nContent-Type: text/html\n\n{TEXT}".encode())
    command = [
        "unshare",
        "-m",
        "-n",
        "-p",
        "-f",
        "--kill-child",
        sys.executable,
        "-m",
        "tests.lab.onlooker",
        str(folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr.decode()
    return {path.name.removesuffix(".json"): json.loads(path.read_bytes()) for path in folder.glob("*.json")}


def places(packets: list[Packet]) -> set[tuple[str | None, int | None]]:
    return {(packet["to"], packet["port"]) for packet in packets}


def asked(packets: list[Packet]) -> set[str]:
    return {name for packet in packets for name in packet["asked"]}


def test_a_careless_program_would_be_seen(seen: Seen) -> None:
    assert ("203.0.113.99", 80) in places(seen["control"])


def test_offline_nothing_leaves(seen: Seen) -> None:
    assert seen["offline"] == []
    assert {one["host"] for one in seen["offline.answer"]["inquiry"]["advertised"]} >= set(ADVERTISED)


def test_with_registries_alone_only_registries_are_reached(seen: Seen) -> None:
    assert places(seen["registries"]) == {(RESOLVER, 53), (RDAP, 80), (WHOIS, 43)}
    assert asked(seen["registries"]) == {"iana.registry.test", "rdap.registry.test", "whois.registry.test"}
    told = {one["about"]: one for one in seen["registries.answer"]["inquiry"]["registrations"]}
    assert told["example.com"]["server"] == "http://rdap.registry.test/com/domain/example.com"


def test_with_the_dns_names_are_asked_and_no_advertised_host_is_reached(seen: Seen) -> None:
    assert places(seen["dns"]) == {(RESOLVER, 53), (RDAP, 80), (WHOIS, 43)}
    assert set(ADVERTISED) <= asked(seen["dns"])
    answers = {answer for one in seen["dns.answer"]["inquiry"]["resolutions"] for answer in one["answers"]}
    assert set(ADVERTISED.values()) <= answers
