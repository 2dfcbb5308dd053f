"""Audits of real servers: every planted hole proven, its line named, closed by the advice; no false alarm."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import auditing, exim, filters
from tests.lab.auditing import EXIM_CATCH_ALL, EXIM_PERCENT, OPEN_PROXIES, SINK_NAME, audit, whosent
from tests.lab.lab import Lab, why_not
from tests.lab.machine import Machine, wait_until
from tests.lab.mail import listens
from tests.lab.network import LAN, MX, PUBLIC, WEB

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    reason = why_not() or auditing.missing()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with Lab({"bob@corp.test": "secret"}, named_strangers=(auditing.SINK,)) as place:
        auditing.start_sink(place)
        auditing.open_postfix(place)
        yield place


def results(told: dict[str, Any], check: str = "") -> dict[str, dict[str, Any]]:
    return {one["about"]: one for one in told["results"] if not check or one["check"] == check}


def opened(result: dict[str, Any]) -> set[str]:
    return {way["name"] for way in result["vectors"] if way["verdict"] == "open"}


@pytest.mark.parametrize(
    ("port", "verdict", "whoever"),
    [
        (25, "closed", "relays for no stranger"),
        (2501, "open", "anybody who asks"),
        (2502, "open", "anybody who greets as localhost:"),
        (2503, "open", "anybody who forges a sender @corp.test"),
        (2504, "closed", ""),  # who stands outside knows no relay domains: the two-hop hole shows on the server itself
    ],
)
def test_postfix_from_outside(lab: Lab, port: int, verdict: str, whoever: str) -> None:
    told = audit(lab.host("out"), "relay", f"{MX}:{port}")
    (result,) = told["results"]
    assert result["verdict"] == verdict, result["sentence"]
    assert whoever in result["sentence"]
    assert told["seconds"] < 30  # 10 on a machine that does nothing else: see the benchmark
    assert told["verdict"] == ("critical" if verdict == "open" else "clean")


def apply(machine: Machine, result: dict[str, Any], key: str = "commands") -> None:
    """What the report says, typed as it stands; there is no systemd in the lab."""
    for remedy in result["fix"]:
        for command in remedy[key]:
            if "systemctl" not in command:
                machine.run(["sh", "-c", command])


def prove_and_close(machine: Machine, holes: dict[str, str], where: str, line: str, *words: str) -> dict[str, Any]:
    """Plant a hole in main.cf; it is proven, its line named, and closed by the advice."""
    old = {name: machine.run(["postconf", "-h", name]).strip() for name in holes}
    for name, value in holes.items():
        machine.run(["postconf", "-e", f"{name}={value}"])
    machine.run(["postfix", "reload"])
    told = results(audit(machine, "relay", *words))["port 25, IPv4"]
    assert told["verdict"] == "open", told["sentence"]
    (cause,) = told["causes"]
    assert (cause["file"], cause["text"]) == (where, line)
    assert line in machine.read(where).decode().splitlines()[cause["line"] - 1]
    apply(machine, told)
    closed = results(audit(machine, "relay", *words))["port 25, IPv4"]
    assert closed["verdict"] == "closed", closed["sentence"]
    for name, value in old.items():
        machine.run(["postconf", "-e", f"{name}={value}"])
    machine.run(["postfix", "reload"])
    return told


def test_on_the_server_itself_each_hole_is_proven_named_and_closed(lab: Lab) -> None:
    """The sink asks from outside; the server reads its own configuration."""
    mx = lab.host("mx")
    networks = f"127.0.0.0/8 {WEB}/32 0.0.0.0/0"
    prove_and_close(mx, {"mynetworks": networks}, "/etc/postfix/main.cf", f"mynetworks = {networks}")
    guard = "reject_unauth_destination"
    restrictions = "permit_mynetworks, check_sender_access texthash:/etc/postfix/friends"
    told = prove_and_close(mx, {"smtpd_relay_restrictions": f"{restrictions}, {guard}"}, "/etc/postfix/friends",
                           "corp.test OK")  # fmt: skip
    assert "check_sender_access" in told["causes"][0]["why"]
    mx.write("/etc/postfix/friends", "# people we trust\ncorp.test OK\n")
    restrictions = "permit_mynetworks, check_helo_access texthash:/etc/postfix/greetings"
    told = prove_and_close(mx, {"smtpd_relay_restrictions": f"{restrictions}, {guard}"}, "/etc/postfix/greetings",
                           "localhost OK")  # fmt: skip
    assert "greets as localhost" in told["sentence"]
    told = prove_and_close(
        mx, {"allow_untrusted_routing": "yes"}, "/etc/postfix/main.cf", "allow_untrusted_routing = yes"
    )
    assert "@backup.test" in told["sentence"]


def test_nothing_of_a_probe_stays_in_the_queue(lab: Lab) -> None:
    mx = lab.host("mx")
    wait_until(lambda: auditing_queue(mx) == [], "a queue without probes", 15)


def auditing_queue(machine: Machine) -> list[str]:
    told = [json.loads(line) for line in machine.run(["postqueue", "-j"]).splitlines()]
    return [one["queue_id"] for one in told if any(SINK_NAME in to["address"] for to in one["recipients"])]


def test_exim_open_percent_and_catch_all(lab: Lab) -> None:
    """An Exim on ``lan``, reached from outside at port 2525 of the gateway."""
    if not exim.UNPACKED.exists():
        pytest.skip("needs Exim: run tests/lab/packages.sh exim")
    lan, out = lab.host("lan"), lab.host("out")
    lab.host("gw").run(["nft", "insert rule inet edge inward iifname wan ip daddr", PUBLIC,
                        f"tcp dport 2525 dnat ip to {LAN}.30:25"])  # fmt: skip
    exim.install(lan)
    for name in ("mailboxes", "aliases", "users"):
        lan.write(f"/etc/exim4/{name}", "")
    base = {"name": "lan.corp.test", "local": "corp.test : lan.corp.test", "relay": "127.0.0.1"}
    expected = {
        "closed": ({}, "closed", "relays for no stranger"),
        "open": ({"relay": "*"}, "open", "anybody who asks"),
        "percent": ({"smarthost": EXIM_PERCENT}, "open", "percent hack"),
        "catch-all": ({"smarthost": EXIM_CATCH_ALL}, "accepted_undelivered", "none of it has arrived"),
    }
    for name, (settings, verdict, words) in expected.items():
        exim.configure(lan, exim.Settings(**{**base, **settings}))
        (told,) = audit(out, "relay", f"{PUBLIC}:2525")["results"]
        assert (name, told["verdict"]) == (name, verdict), told["sentence"]
        assert words in told["sentence"]
        if verdict == "open":
            (here,) = audit(lan, "relay", "lan.corp.test:2525")["results"]
            line = here["causes"][0]
            assert here["verdict"] == "open"
            assert ("relay_from_hosts" if name == "open" else "data = ") in line["text"]
            apply(lan, here)
            changed = lan.read("/etc/exim4/exim4.conf").decode()
            lan.run(["sh", "-c", "kill $(cat /run/exim4/exim-daemon.pid)"])
            wait_until(lambda: not listens(lan, 25), "the end of Exim")
            assert changed != exim.CONFIGURATION
            lan.run(["/usr/sbin/exim4", "-bd", "-oP", "/run/exim4/exim-daemon.pid"])
            (closed,) = audit(lan, "relay", "lan.corp.test:2525")["results"]
            assert closed["verdict"] == "closed", closed["sentence"]


def test_proxies_open_and_closed(lab: Lab) -> None:
    web = lab.host("web")
    auditing.start_proxies(lab, "web")
    told = audit(lab.host("out"), "proxy", WEB)["results"]
    found = {int(one["about"].split()[1].rstrip(",")) for one in told if one["verdict"] == "open"}
    assert found == OPEN_PROXIES
    assert all(one["severity"] == "critical" for one in told if one["verdict"] == "open")
    here = audit(web, "proxy")["results"]
    inside = {int(one["about"].split()[1].rstrip(",")): one for one in here if one["verdict"] == "open"}
    assert set(inside) == OPEN_PROXIES
    assert {port: one["causes"][0]["text"] for port, one in inside.items()} == {
        1080: "socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }",
        1081: "microsocks -p 1081",
        3128: "http_access allow all",
        8888: "(no Allow line)",
    }
    web.run(["sh", "-c", inside[3128]["fix"][0]["commands"][0]])
    web.run(["squid", "-k", "reconfigure", "-n", "lab3128", "-f", "/etc/squid/squid.conf"])
    time.sleep(1)
    (closed,) = audit(web, "proxy", f"{WEB}:3128")["results"]
    assert closed["verdict"] == "closed", closed["sentence"]


def test_submission_and_what_is_changed_since(lab: Lab) -> None:
    mx = lab.host("mx")
    told = results(audit(mx, "submission"))
    assert {about: one["verdict"] for about, one in told.items()} == {
        "offered": "closed",
        "TLS before AUTH": "open",
        "AUTH on port 25": "closed",
        "mail without AUTH, port 587": "closed",
    }
    mx.run(["postconf", "-P", "smtp/inet/smtpd_sasl_auth_enable=yes"])
    mx.run(["postfix", "reload"])
    again = audit(mx, "submission", "--compare")
    assert results(again)["AUTH on port 25"]["verdict"] == "open"
    (changed,) = again["changes"]
    assert (changed["about"], changed["before"], changed["now"]) == ("AUTH on port 25", "closed", "open")
    assert any("master.cf" in line for line in changed["between"])
    apply(mx, results(again)["AUTH on port 25"])
    assert results(audit(mx, "submission"))["AUTH on port 25"]["verdict"] == "closed"


def test_egress_open_closed_and_closed_for_one_user(lab: Lab) -> None:
    gateway = lab.host("lan")

    def tried() -> tuple[str, dict[str, str]]:
        (one,) = audit(gateway, "egress")["results"]
        return one["verdict"], {way["name"].split()[1]: way["verdict"] for way in one["vectors"]}

    verdict, users = tried()
    assert verdict == "open"
    assert set(users.values()) == {"open"}
    gateway.run(["nft", "-f", "-"], "table inet one { chain o { type filter hook output priority 0;\n"
                "meta skuid 33 tcp dport 25 reject\n}\n}\n")  # fmt: skip
    verdict, users = tried()
    assert (verdict, users["www-data"], users["daemon"]) == ("open", "closed", "open")
    gateway.run(["nft", "delete", "table", "inet", "one"])
    assert "ends by itself" in whosent(gateway, "egress", "try", "--minutes", "1")
    verdict, users = tried()
    assert verdict == "closed"
    assert {name for name, one in users.items() if one == "open"} <= {"root", "postfix", "Debian-exim"}
    told = json.loads(whosent(gateway, "egress", "status", "--json"))
    assert told["in_force"]
    assert 0 < told["seconds_left"] <= 60
    assert "www-data (uid 33): 1 connection" in whosent(gateway, "egress", "rules")
    whosent(gateway, "egress", "keep")
    assert json.loads(whosent(gateway, "egress", "status", "--json"))["seconds_left"] is None
    assert gateway.read("/etc/whosent/egress.nft")
    whosent(gateway, "egress", "undo")
    assert not gateway.read("/etc/whosent/egress.nft")
    assert tried()[0] == "open"


def test_a_trial_ends_by_itself(lab: Lab) -> None:
    """The kernel ends it: here a second is left of the minute."""
    web = lab.host("web")
    whosent(web, "egress", "try", "--minutes", "1")
    web.run(["nft", "flush set inet whosent_egress held; add element inet whosent_egress held { 25 timeout 1s }"])
    wait_until(lambda: not json.loads(whosent(web, "egress", "status", "--json"))["in_force"], "the trial's end", 10)
    assert audit(web, "egress")["results"][0]["verdict"] == "open"
    whosent(web, "egress", "undo")


def test_what_filters_stop_in_both_directions(lab: Lab) -> None:
    """ClamAV and rspamd as milters of the MX: incoming filtered, then not at all."""
    if filters.missing():
        pytest.skip(f"needs {filters.missing()}: run tests/lab/packages.sh filters")
    mx = lab.host("mx")
    mailbox = "audit@corp.test"
    mx.write("/etc/postfix/forwards", f"{mailbox} whosent-inbox@{SINK_NAME}\n")
    mx.run(["postconf", "-e", "virtual_alias_maps=texthash:/etc/postfix/forwards"])
    mx.run(["postfix", "reload"])
    more = {"WHOSENT_AUDIT__MAILBOX": mailbox}
    told = results(audit(mx, "direction", **more))
    assert {about: one["verdict"] for about, one in told.items()} == {
        "mail from outside in our name": "open",
        "incoming virus": "open", "incoming spam": "open", "outgoing virus": "open", "outgoing spam": "open",
    }  # fmt: skip
    with filters.clamd(mx), filters.clamav_milter(mx), filters.rspamd(mx):
        mx.run(["postconf", "-e", "smtpd_milters=inet:127.0.0.1:7357, inet:127.0.0.1:11332"])
        mx.run(["postfix", "reload"])
        told = results(audit(mx, "direction", **more))
        mx.run(["postconf", "-e", "smtpd_milters="])
        mx.run(["postfix", "reload"])
    assert {about: one["verdict"] for about, one in told.items()} == {
        "mail from outside in our name": "open",
        "incoming virus": "closed", "incoming spam": "closed", "outgoing virus": "closed", "outgoing spam": "closed",
    }, told  # fmt: skip


def test_a_stranger_is_not_probed_without_somebodys_word(lab: Lab) -> None:
    out = lab.host("out")
    told = whosent(out, "audit", "relay", "192.0.2.9")
    assert "nothing says that this is ours" in told
    assert "--confirm" in told
    told = whosent(out, "audit", "relay", "192.0.2.9", "--confirm", "--json")
    found = json.loads(told)
    assert found["confirmed"][0]["target"] == "192.0.2.9"
    assert "root (uid 0" in found["confirmed"][0]["by"]
    assert found["results"][0]["verdict"] != "open"
