"""Audits of real servers: every planted hole proven, its line named, closed by the advice; no false alarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from tests.lab import auditing, exim
from tests.lab.auditing import (
    EXIM_CATCH_ALL,
    EXIM_PERCENT,
    OPEN_PROXIES,
    SINK_NAME,
    apply,
    audit,
    install_exim,
    restart_exim,
    results,
    whosent,
)
from tests.lab.lab import Lab, why_not
from tests.lab.machine import Machine, wait_until
from tests.lab.mail import listens, reload
from tests.lab.network import LAN, MX, PUBLIC, WEB
from tests.lab.possible import require

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require(why_not() or auditing.missing())
    with Lab({"bob@corp.test": "secret"}, named_strangers=(auditing.SINK,)) as place:
        auditing.start_sink(place)
        auditing.open_postfix(place)
        yield place


def opened(result: dict[str, Any]) -> set[str]:
    return {way["name"] for way in result["vectors"] if way["verdict"] == "open"}


@pytest.mark.parametrize(
    ("port", "verdict", "whoever"),
    [
        (25, "closed", "relays for no stranger"),
        (2501, "open", "anybody who asks"),
        (2502, "open", "anybody who greets as localhost:"),
        (2503, "open", "anybody who forges a sender @corp.test"),
        (2505, "open", "anybody who asks"),  # only once the connection is encrypted
        (2504, "closed", ""),  # who stands outside knows no relay domains: the two-hop hole shows on the server itself
    ],
)
def test_postfix_from_outside(lab: Lab, port: int, verdict: str, whoever: str) -> None:
    told = audit(lab.host("out"), "relay", f"{MX}:{port}")
    (result,) = told["results"]
    assert result["verdict"] == verdict, result["sentence"]
    assert whoever in result["sentence"]
    assert told["verdict"] == ("critical" if verdict == "open" else "clean")
    assert port != 2505 or {name.rpartition(" (")[2] for name in opened(result)} == {"after STARTTLS)"}


def test_a_hole_that_only_ipv6_has(lab: Lab) -> None:
    told = results(audit(lab.host("out"), "relay", f"{auditing.BOTH}:2506"))
    assert {about: one["verdict"] for about, one in told.items()} == {
        "port 2506, IPv4": "closed", "port 2506, IPv6": "open",
    }  # fmt: skip
    assert f"with {auditing.MX_SIX} port 2506" in told["port 2506, IPv6"]["evidence"][0]["source"]


def prove_and_close(machine: Machine, holes: dict[str, str], where: str, line: str) -> dict[str, Any]:
    """Plant a hole in main.cf; it is proven, its line named, and closed by the advice."""
    about = "port 25, IPv4"
    old = {name: machine.run(["postconf", "-h", name]).strip() for name in holes}
    for name, value in holes.items():
        machine.run(["postconf", "-e", f"{name}={value}"])
    reload(machine)
    told = results(audit(machine, "relay", "mx.corp.test:25"))[about]
    assert told["verdict"] == "open", told["sentence"]
    (cause,) = told["causes"]
    assert (cause["file"], cause["text"]) == (where, line)
    assert line in machine.read(where).decode().splitlines()[cause["line"] - 1]
    apply(machine, told)
    closed = results(audit(machine, "relay", "mx.corp.test:25"))[about]
    assert closed["verdict"] == "closed", closed["sentence"]
    for name, value in old.items():
        machine.run(["postconf", "-e", f"{name}={value}"])
    reload(machine)
    return told


def test_on_the_server_itself_each_hole_is_proven_named_and_closed(lab: Lab) -> None:
    """The sink asks from outside; the server reads its own configuration. For mynetworks see the walk below."""
    mx = lab.host("mx")
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
    wait_until(lambda: auditing_queue(mx) == [], "a queue without probes")


def auditing_queue(machine: Machine) -> list[str]:
    told = [json.loads(line) for line in machine.run(["postqueue", "-j"]).splitlines()]
    return [one["queue_id"] for one in told if any(SINK_NAME in to["address"] for to in one["recipients"])]


def test_exim_open_by_helo_by_sender_percent_and_catch_all(lab: Lab) -> None:
    """An Exim on ``lan``, reached from outside at port 2525 of the gateway."""
    require("needs Exim: run tests/lab/packages.sh exim" if not exim.UNPACKED.exists() else "")
    lan, out = lab.host("lan"), lab.host("out")
    lab.host("gw").run(["nft", "insert rule inet edge inward iifname wan ip daddr", PUBLIC,
                        f"tcp dport 2525 dnat ip to {LAN}.30:25"])  # fmt: skip
    install_exim(lan)
    base = {"name": "lan.corp.test", "local": "corp.test : lan.corp.test", "relay": "127.0.0.1"}
    helo, sender = "accept condition = ${if eq{$sender_helo_name}{localhost}}", "accept senders = *@corp.test"
    lines = {"open": "relay_from_hosts", "percent": "data = ", "helo": helo}
    expected = {
        "closed": ({}, "closed", "relays for no stranger"),
        "open": ({"relay": "*"}, "open", "anybody who asks"),
        "helo": ({"first": f"  {helo}"}, "open", "anybody who greets as localhost"),
        "sender": ({"first": f"  {sender}"}, "open", "anybody who forges a sender @corp.test"),
        "percent": ({"smarthost": EXIM_PERCENT}, "open", "percent hack"),
        "catch-all": ({"smarthost": EXIM_CATCH_ALL}, "accepted_undelivered", "none of it has arrived"),
    }
    for name, (settings, verdict, words) in expected.items():
        exim.configure(lan, exim.Settings(**{**base, **settings}))
        (told,) = audit(out, "relay", f"{PUBLIC}:2525")["results"]
        assert (name, told["verdict"]) == (name, verdict), told["sentence"]
        assert words in told["sentence"]
        if verdict == "open" and name != "sender":  # its line is named as that of the greeting
            (here,) = audit(lan, "relay", "lan.corp.test:2525")["results"]
            line = here["causes"][0]
            assert here["verdict"] == "open"
            assert lines[name] in line["text"]
            apply(lan, here)
            restart_exim(lan)
            (closed,) = audit(lan, "relay", "lan.corp.test:2525")["results"]
            assert closed["verdict"] == "closed", closed["sentence"]


def test_exim_names_what_lets_mail_in_without_a_password(lab: Lab) -> None:
    """The Exim on ``lan`` as the submission server, each of its faults closed by the advice."""
    require("needs Exim: run tests/lab/packages.sh exim" if not exim.UNPACKED.exists() else "")
    lan, gw = lab.host("lan"), lab.host("gw")
    rule = gw.run(["nft", "-a", "-e", "insert rule inet edge inward iifname wan ip daddr", PUBLIC,
                   f"tcp dport {{ 25, 587 }} dnat ip to {LAN}.30"])  # fmt: skip
    install_exim(lan)
    auditing.certify(lan, "/etc/exim4")
    tls = "tls_certificate = /etc/exim4/cert.pem\ntls_privatekey = /etc/exim4/key.pem"
    exim.configure(
        lan,
        exim.Settings(name="lan.corp.test", local="corp.test : lan.corp.test", relay="127.0.0.1", tls="*", more=tls),
    )
    written = lan.read("/etc/exim4/exim4.conf").decode()
    guarded = "          condition = ${if !eq{$received_port}{587}}\n"
    assert guarded in written
    faulty = written.replace(guarded, "          condition = true\n").replace(
        "auth_advertise_hosts", "# auth_advertise_hosts"
    )
    lan.write("/etc/exim4/exim4.conf", faulty)
    lan.write("/etc/exim4/mailboxes", "postmaster@corp.test: postmaster\n")
    restart_exim(lan)
    default, clear = "auth_advertise_hosts = * (default)", "TLS before AUTH"
    first = results(audit(lan, "submission"))
    expected = {"AUTH on port 25": default, clear: default, "mail without AUTH, port 587": "accept"}
    assert {about: one["causes"][0]["text"] for about, one in first.items() if one["verdict"] == "open"} == expected
    for about in ("mail without AUTH, port 587", "AUTH on port 25"):  # from the last line to the first: none moves
        apply(lan, first[about])
    restart_exim(lan)
    second = results(audit(lan, "submission"))
    assert {about for about, one in second.items() if one["verdict"] == "open"} == {clear}
    (cause,) = second[clear]["causes"]
    assert (cause["line"], cause["text"]) == (1, "auth_advertise_hosts = ${if eq{$received_port}{25}{}{*}}")
    apply(lan, second[clear])
    restart_exim(lan)
    assert {one["verdict"] for one in audit(lan, "submission")["results"]} == {"closed"}
    gw.run(["nft", "delete rule inet edge inward handle", rule.rpartition("handle")[2].strip()])


def test_proxies_open_and_closed(lab: Lab) -> None:
    """Five are open, one to POST alone; each is proven from both sides, its line named, closed by the advice."""
    web = lab.host("web")
    auditing.start_proxies(lab, "web")
    told = audit(lab.host("out"), "proxy", WEB)["results"]
    found = {int(one["about"].split()[1].rstrip(",")) for one in told if one["verdict"] == "open"}
    assert found == OPEN_PROXIES - {3130}  # a port that nobody guesses
    assert [one["verdict"] for one in audit(lab.host("out"), "proxy", f"{WEB}:3130")["results"]] == ["open"]
    assert all(one["severity"] == "critical" for one in told if one["verdict"] == "open")
    here = audit(web, "proxy")["results"]
    inside = {int(one["about"].split()[1].rstrip(",")): one for one in here if one["verdict"] == "open"}
    assert set(inside) == OPEN_PROXIES
    assert {port: one["causes"][0]["text"] for port, one in inside.items()} == {
        1080: "socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }",
        1081: "microsocks -p 1081",
        3128: "http_access allow all",
        3130: "http_access allow all",
        8888: "(no Allow line)",
    }
    assert inside[3130]["causes"][0]["file"] == "/etc/squid/posting.conf"
    assert opened(inside[3130]) == {"port 3130, HTTP POST, from here", "port 3130, HTTP PUT, from here"}
    for port, one in inside.items():
        with auditing.read_anew(web, port) if port in auditing.SQUIDS else nullcontext():
            apply(web, one)
        restarted(web, port)
    assert {one["verdict"] for one in audit(web, "proxy")["results"]} == {"closed"}


def restarted(machine: Machine, port: int) -> None:
    """What systemd would do, where the advice has it restart a program."""
    daemons = {
        1080: ("danted", ["danted", "-D", "-p", "/run/danted-1080.pid", "-f", "/etc/danted.conf"]),
        8888: ("tinyproxy", ["tinyproxy", "-c", "/etc/tinyproxy/tinyproxy.conf"]),
    }
    if port in daemons:
        name, argv = daemons[port]
        machine.run(["pkill", "-f", f"^{name} .*{argv[-1]}"])
        wait_until(lambda: not listens(machine, port), f"the end of {name}")
        machine.run(argv)
    wait_until(lambda: listens(machine, port), f"port {port}")


def test_submission_and_what_is_changed_since(lab: Lab) -> None:
    mx = lab.host("mx")
    told = results(audit(mx, "submission"))
    assert {about: one["verdict"] for about, one in told.items()} == {
        "offered": "closed",
        "TLS before AUTH": "open",
        "AUTH on port 25": "closed",
        "mail without AUTH, port 587": "closed",
    }
    apply(mx, told["TLS before AUTH"])
    mx.run(["postconf", "-P", "smtp/inet/smtpd_sasl_auth_enable=yes"])
    reload(mx)
    again = audit(mx, "submission", "--compare")
    assert results(again)["AUTH on port 25"]["verdict"] == "open"
    assert results(again)["TLS before AUTH"]["verdict"] == "closed"
    (changed,) = [one for one in again["changes"] if one["now"] == "open"]
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
    assert "ends by itself" in whosent(gateway, "egress", "try", "--minutes", "30")
    verdict, users = tried()
    assert verdict == "closed"
    assert {name for name, one in users.items() if one == "open"} <= {"root", "postfix", "Debian-exim"}
    told = json.loads(whosent(gateway, "egress", "status", "--json"))
    assert told["in_force"]
    assert 0 < told["seconds_left"] <= 30 * 60
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
    wait_until(lambda: not json.loads(whosent(web, "egress", "status", "--json"))["in_force"], "the trial's end")
    assert audit(web, "egress")["results"][0]["verdict"] == "open"
    whosent(web, "egress", "undo")


def reaches(machine: Machine, address: str) -> bool:
    """Whether port 25 of the sink greets."""
    told = machine.run(["bash", "-c", f"exec 3<>/dev/tcp/{address}/25 && head -c 3 <&3"], check=False)
    return told == "220"


def test_a_gateway_lets_out_declared_relays_alone(lab: Lab) -> None:
    gw, mx, web = lab.host("gw"), lab.host("mx"), lab.host("web")
    four, six = auditing.SINK, auditing.SINK_SIX
    assert all(reaches(*way) for way in ((mx, four), (mx, six), (web, four)))
    whosent(gw, "egress", "try", "--minutes", "30", "--relay", MX)
    gw.run(["nft", "insert rule inet whosent_egress lan_out tcp dport 25 meta nftrace set 1"])
    lab.run("gw", ["sh", "-c", "exec nft monitor trace >/var/log/trace"])
    traced = (f"ip saddr {WEB}", 'log prefix "whosent-egress "', "reject with tcp reset")  # the rule that logs, too

    def refused() -> bool:
        trace = gw.read("/var/log/trace").decode()
        return not reaches(web, four) and all(words in trace for words in traced)

    wait_until(refused, f"a trace of what was refused: {traced}")
    assert [reaches(*way) for way in ((mx, four), (mx, six), (web, four))] == [True, False, False]
    told = json.loads(whosent(gw, "egress", "status", "--json"))
    assert {one["host"] for one in told["cut_off"] if one["host"]} == {WEB, auditing.MX_SIX}
    assert told["passed"] >= 1
    assert told["refused"] >= 2
    assert f"{WEB}: " in whosent(gw, "egress", "rules", "--relay", MX)
    gw.run(["nft", "flush set inet whosent_egress held; add element inet whosent_egress held { 25 timeout 1s }"])
    wait_until(lambda: reaches(web, four), "the end of the trial")
    whosent(gw, "egress", "try", "--minutes", "30", "--relay", MX, "--relay", auditing.MX_SIX)
    whosent(gw, "egress", "keep")
    gw.run(["nft", "delete table inet whosent_egress"])  # as a restart does
    gw.run(["nft", "-f", "/etc/whosent/egress.nft"])
    assert [reaches(*way) for way in ((mx, four), (mx, six), (web, four))] == [True, True, False]
    whosent(gw, "egress", "undo")
    assert reaches(web, four)


def test_what_mail_programs_are_told_is_what_ports_accept(lab: Lab) -> None:
    """The files are written for what mx accepts, published, and found true; a record that lies is found."""
    out, web = lab.host("out"), lab.host("web")
    folder = "/var/log/autoconfig"
    told = json.loads(
        whosent(out, "submission", "autoconfig", "corp.test", "--server", "mx.corp.test", "--output", folder, "--json")
    )
    assert [(one["port"], one["security"]) for one in told["offers"] if one["protocol"] == "smtp"] == [
        (587, "starttls")
    ]
    assert any(words.startswith("port 465 does not answer") for words in told["refused"])
    config = out.read(f"{folder}/autoconfig.corp.test/mail/config-v1.1.xml").decode()
    web.write("/var/www/html/mail/config-v1.1.xml", config)
    published = [line.split() for line in out.read(f"{folder}/records.zone").decode().splitlines() if " SRV " in line]
    lines = [f"srv-host={name.rstrip('.')},{host.rstrip('.')},{port},{priority},{weight}"
             for name, _, _, _, priority, weight, port, host in published if host != "."]  # fmt: skip
    lab.world.publish(f"host-record=autoconfig.corp.test,{WEB}", *lines)
    found = results(audit(out, "autoconfig", "corp.test"))
    label = "smtp at mx.corp.test:587 (starttls)"
    assert found[label]["verdict"] == "closed", found
    assert "autoconfig without TLS, SRV _submission._tcp" in found[label]["sentence"]
    assert {one["verdict"] for one in found.values()} == {"closed"}
    lab.world.publish("srv-host=_submissions._tcp.corp.test,mx.corp.test,465,0,1")
    lie = results(audit(out, "autoconfig", "corp.test"))["smtp at mx.corp.test:465 (tls)"]
    assert lie["verdict"] == "open"
    assert "does not answer" in lie["sentence"]


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
