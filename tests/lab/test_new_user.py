"""The audit of a new user: one hole of each kind, the advice typed as it stands, and what is said afterwards."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab import auditing
from tests.lab.auditing import SINK_NAME
from tests.lab.lab import Lab, why_not
from tests.lab.machine import Machine, wait_until
from tests.lab.mail import heeded, listens
from tests.lab.possible import require
from tests.lab.test_forms import MENDED
from tests.lab.world import REPOSITORY

pytestmark = pytest.mark.lab

TOLD = """[ours]
domains = ["corp.test"]

[audit]
sink = "{sink}"
mailbox = "audit@corp.test"

[identity]
addresses = ["100.82.9.77"]

[listings]
more = ["dnsbl.test"]
"""
WALKED = ("relay", "proxy", "forms", "submission", "egress", "direction", "listings", "authentication")
PLANTED = {  # about: the line that opened it, and where; none: no file of this host did
    ("relay", "port 25, IPv4"): ("/etc/postfix/main.cf", "mynetworks = 0.0.0.0/0 [::]/0"),
    ("relay", "port 25, IPv6"): ("/etc/postfix/main.cf", "mynetworks = 0.0.0.0/0 [::]/0"),
    ("proxy", "port 3128, asked from inside"): ("/etc/squid/squid.conf", "http_access allow all"),
    ("forms", "html/contact.php"): ("/var/www/html/contact.php", ""),
    ("submission", "AUTH on port 25"): ("/etc/postfix/master.cf", "-o smtpd_sasl_auth_enable=yes"),
    ("submission", "TLS before AUTH"): ("/etc/postfix/main.cf", "smtpd_tls_auth_only = no (default)"),
    ("egress", "port 25 of other hosts"): ("nftables", "(no table inet whosent_egress)"),
    ("direction", "mail from outside in our name"): ("/etc/postfix/main.cf", "smtpd_sender_restrictions = (default)"),
    ("listings", "100.82.9.77 on dnsbl.test"): None,
    ("authentication", "DMARC"): None,
}


def test_a_new_users_walk(tmp_path: Path) -> None:
    """As the page says: a sink outside, five lines of configuration, `whosent audit`; its advice typed as it stands."""
    require(why_not() or auditing.missing())
    with Lab({"bob@corp.test": "secret"}, named_strangers=(auditing.SINK,)) as place:
        auditing.start_sink(place)
        mx = place.host("mx")
        plant(mx)
        first = walk(mx)
        found = {(one["check"], one["about"]): one for one in first["results"] if one["verdict"] == "open"}
        assert set(PLANTED) <= set(found), set(PLANTED) - set(found)
        for key, line in PLANTED.items():
            told = [(cause["file"], cause["text"]) for cause in found[key]["causes"]]
            assert line is None or line in told or (not line[1] and told[0][0] == line[0]), (key, told)
        assert first["verdict"] == "critical"
        with heeded(mx), auditing.read_anew(mx, 3128):
            for key in PLANTED:
                heed(mx, found[key])
        policy = 'txt-record=_dmarc.corp.test,"v=DMARC1; p=reject; rua=mailto:postmaster@corp.test"'
        place.world.publish(policy, without="77.9.82.100.dnsbl.test")  # what a list and a registrar do when asked
        again = walk(mx, "--compare", "--html", "/var/log/audit.html")
        (tmp_path / "audit.html").write_bytes(mx.read("/var/log/audit.html"))
        left = {(one["check"], one["about"]): one["sentence"] for one in again["results"] if one["verdict"] == "open"}
        assert {key: left[key] for key in PLANTED if key in left} == {}
        changed = {(one["check"], one["about"]): one for one in again["changes"]}
        assert {key for key in PLANTED if key[0] in {"relay", "submission", "egress", "direction"}} <= set(changed)
        between = changed["relay", "port 25, IPv4"]["between"]
        assert {name for name in ("main.cf", "master.cf") if any(name in line for line in between)} == {
            "main.cf",
            "master.cf",
        }


def plant(mx: Machine) -> None:
    """One hole of each kind on a server that is otherwise in order."""
    auditing.certify(mx, "/etc/postfix")
    mx.run(["postconf", "-e", "inet_protocols=all", "mynetworks=0.0.0.0/0 [::]/0",
            "smtpd_tls_cert_file=/etc/postfix/cert.pem", "smtpd_tls_key_file=/etc/postfix/key.pem"])  # fmt: skip
    mx.run(["postconf", "-P", "submission/inet/smtpd_tls_security_level=may", "smtp/inet/smtpd_sasl_auth_enable=yes"])
    auditing.forward(mx)
    mx.run(["postfix", "stop"])
    mx.run(["postfix", "start"])
    auditing.start_squid(mx, "/etc/squid/squid.conf", 3128)
    sample = Path(__file__).parents[1] / "forms" / "guilty" / "contact-old.php"
    mx.write("/var/www/html/contact.php", sample.read_text(encoding="utf-8"))
    mx.write("/etc/whosent/whosent.toml", TOLD.format(sink=SINK_NAME))
    wait_until(lambda: listens(mx, 25) and listens(mx, 3128), "the planted servers")


def walk(mx: Machine, *words: str) -> dict[str, Any]:
    """What a user types, with the configuration of the page and nothing else."""
    argv = ["env", f"--chdir={REPOSITORY}", f"WHOSENT_STATE={auditing.STATE}", "PYTHONDONTWRITEBYTECODE=1",
            sys.executable, "-c", auditing.PATIENT, "audit", *WALKED, "--json", *words]  # fmt: skip
    told: dict[str, Any] = json.loads(mx.run(argv, check=False, within=900))
    return told


def heed(mx: Machine, one: dict[str, Any]) -> None:
    """The advice; of a script it is words: then the lines that a programmer would write."""
    if one["check"] == "forms":
        lines = mx.read("/var/www/html/contact.php").decode().splitlines(keepends=True)
        lines[4:6] = MENDED
        mx.write("/var/www/html/contact.php", "".join(lines))
        return
    for remedy in one["fix"]:
        for command in remedy["commands"]:
            words = command.split()
            mine = words[0] == "whosent"
            mx.run(auditing.command(words[1:]) if mine else ["sh", "-c", command], check=not mine)
