"""What we publish about our mail: a domain in order is told so, and each fault alone is found and nothing else."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.checks.namespace import MOMENT, World, results
from whosent.checks.authentication import check
from whosent.model.check import Knowledge, Result
from whosent.model.incident import Remedy
from whosent.model.settings import Identity, Ours, Settings

KEYS = Path(__file__).with_name("keys")
STRONG = "v=DKIM1; k=rsa; p=" + (KEYS / "rsa2048.b64").read_text().strip()
SHORT = "v=DKIM1; k=rsa; p=" + (KEYS / "rsa1024.b64").read_text().strip()
WEAK = "v=DKIM1; k=rsa; p=" + (KEYS / "rsa512.b64").read_text().strip()
EDWARDS = "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(range(32))).decode()
GOOD = f"""
corp.test MX 10 mx.corp.test.
corp.test TXT v=spf1 ip4:203.0.113.2 -all
corp.test TXT some-site-verification=1
mx.corp.test A 203.0.113.2
2.113.0.203.in-addr.arpa PTR mx.corp.test.
mail._domainkey.corp.test TXT {STRONG}
_dmarc.corp.test TXT v=DMARC1; p=reject; rua=mailto:dmarc@corp.test
_mta-sts.corp.test TXT v=STSv1; id=1
_smtp._tls.corp.test TXT v=TLSRPTv1; rua=mailto:tls@corp.test
"""
POLICY = "version: STSv1\nmode: enforce\nmx: *.corp.test\nmax_age: 604800\n"
PAGE = "https://mta-sts.corp.test/.well-known/mta-sts.txt"
GREETS = {"postconf -hx smtp_helo_name": "mx.corp.test\n"}
SETTINGS = Settings(
    ours=Ours(domains=("corp.test",)), identity=Identity(addresses=("203.0.113.2",), selectors=("mail",))
)
HERE = Knowledge(settings=SETTINGS, moment=MOMENT)


def told(
    zone: str = GOOD, policy: str = POLICY, helo: str = "mx.corp.test", knowledge: Knowledge = HERE
) -> dict[str, Result]:
    world = World(zone, programs={"postconf -hx smtp_helo_name": helo}, pages={PAGE: policy})
    return results(check, "corp.test", world, knowledge)


def without(start: str) -> str:
    """The good zone less the records that begin so."""
    return "\n".join(line for line in GOOD.split("\n") if not line.startswith(start))


def test_a_domain_in_order_is_told_so() -> None:
    found = told()
    assert {one.verdict for one in found.values()} == {"closed"}
    assert set(found) == {
        "MX", "SPF", "SPF and our senders", "DKIM selector mail", "DMARC", "DMARC reports to dmarc@corp.test",
        "MTA-STS", "TLS-RPT", "DANE", "reverse DNS of 203.0.113.2", "HELO",
    }  # fmt: skip


def spf(record: str) -> str:
    return without("corp.test TXT v=spf1") + f"\ncorp.test TXT {record}"


def key(record: str) -> str:
    return without("mail._domainkey") + f"\nmail._domainkey.corp.test TXT {record}"


def dmarc(record: str, more: str = "") -> str:
    return without("_dmarc") + f"\n_dmarc.corp.test TXT {record}{more}"


FAULTS = [
    (without("corp.test TXT v=spf1"), "SPF", "warning", "has no SPF record"),
    (spf("v=spf1 ip4:203.0.113.2 +all"), "SPF", "critical", "lets everybody send in its name"),
    (spf("v=spf1 ip4:203.0.113.2"), "SPF", "warning", "has no all at its end"),
    (spf("v=spf1 ip4:203.0.113.2 ?all"), "SPF", "warning", "ends with ?all"),
    (spf("v=spf1 ip4:203.0.113.2 -all\ncorp.test TXT v=spf1 mx -all"), "SPF", "critical", "2 SPF records"),
    (spf("v=spf1 ip4:198.51.100.1 -all"), "SPF and our senders", "critical", "203.0.113.2 (fail)"),
    (spf("v=spf1 include:gone.test -all"), "SPF", "critical", "include:gone.test, which has no SPF record"),
    (without("mail._domainkey"), "DKIM selector mail", "critical", "no key is published"),
    (key("v=DKIM1; p="), "DKIM selector mail", "critical", "is revoked"),
    (key(WEAK), "DKIM selector mail", "critical", "has 512 bits: receivers ignore"),
    (key(SHORT), "DKIM selector mail", "note", "has 1,024 bits: RFC 8301 asks for 2,048"),
    (key(STRONG + "; t=y"), "DKIM selector mail", "note", "only a test (t=y)"),
    (key("v=DKIM1; p=%%%"), "DKIM selector mail", "critical", "is not base64"),
    (key("v=DKIM1; p=aGVsbG8="), "DKIM selector mail", "critical", "is no RSA key"),
    (key("v=DKIM1; k=ed25519; p=aGVsbG8="), "DKIM selector mail", "critical", "is 5 bytes long"),
    (key("v=DKIM2; p=aGVsbG8="), "DKIM selector mail", "critical", "says v=DKIM2"),
    (key(STRONG + "; h=sha1"), "DKIM selector mail", "critical", "does not allow SHA-256"),
    (key(f"{STRONG}\nmail._domainkey.corp.test TXT {SHORT}"), "DKIM selector mail", "critical", "has 2 DKIM keys"),
    (without("_dmarc"), "DMARC", "warning", "has no DMARC record"),
    (dmarc("v=DMARC1; p=none; rua=mailto:dmarc@corp.test"), "DMARC", "note", "it only watches"),
    (dmarc("v=DMARC1; p=maybe; rua=mailto:dmarc@corp.test"), "DMARC", "warning", "no policy that is known"),
    (dmarc("v=DMARC1; p=reject"), "DMARC reports", "note", "asks for no reports"),
    (dmarc("v=DMARC1; p=reject; rua=mailto:x@elsewhere.example", "\nelsewhere.example MX 1 mx.elsewhere.example."),
     "DMARC reports to x@elsewhere.example", "warning", "does not say that it takes them"),
    (dmarc("v=DMARC1; p=reject; rua=mailto:x@elsewhere.example",
           "\ncorp.test._report._dmarc.elsewhere.example TXT v=DMARC1"),
     "DMARC reports to x@elsewhere.example", "warning", "receives no mail"),
    (without("corp.test MX") + "\ncorp.test A 203.0.113.2", "MX", "note", "has no MX record"),
    (GOOD + "corp.test MX 0 .", "MX", "warning", "a null MX beside real ones"),
    (without("2.113"), "reverse DNS of 203.0.113.2", "critical", "has no name"),
    (without("2.113") + "\n2.113.0.203.in-addr.arpa PTR other.test.", "reverse DNS of 203.0.113.2", "critical",
     "that name leads to no address"),
    (without("2.113") + "\n2.113.0.203.in-addr.arpa PTR 203-0-113-2.dyn.isp.test."
     "\n203-0-113-2.dyn.isp.test A 203.0.113.2",
     "reverse DNS of 203.0.113.2", "warning", "like a line of an access provider"),
    (without("_mta-sts"), "MTA-STS", "note", "has no MTA-STS policy"),
    (without("_smtp._tls"), "TLS-RPT", "note", "asks for no reports of failed encryption"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "about", "severity", "words"), FAULTS, ids=[fault[3] for fault in FAULTS])
def test_one_fault_is_found_and_nothing_else(zone: str, about: str, severity: str, words: str) -> None:
    found = told(zone)
    bad = {name: one for name, one in found.items() if one.verdict == "open"}
    assert set(bad) == {about}
    assert bad[about].severity == severity
    assert words in bad[about].sentence
    assert bad[about].verify == "whosent audit authentication corp.test"
    assert not [one for one in found.values() if one.verdict == "undecided"]


def published(zone: str, fix: Remedy) -> str:
    """The zone after the record that is advised was published in place of the one of its kind."""
    (line,) = fix.lines
    name, rest = line.split(". 3600 IN TXT ")
    record = rest[1:-1].replace('" "', "")
    kind = record.split(" ")[0].split(";")[0]
    kept = [line for line in zone.split("\n") if not line.startswith(f"{name} TXT {kind}")]
    return "\n".join([*kept, f"{name} TXT {record}"])


MENDED = [fault for fault in FAULTS if fault[1] in {"SPF", "SPF and our senders", "DMARC", "TLS-RPT"}]


@pytest.mark.parametrize(("zone", "about", "severity", "words"), MENDED, ids=[fault[3] for fault in MENDED])
def test_what_is_advised_mends_it(zone: str, about: str, severity: str, words: str) -> None:
    bad = told(zone)[about]
    if "2 SPF" in words:
        return  # which of the two is the right one only its owner knows
    assert severity
    for remedy in bad.fix:
        zone = published(zone, remedy)
    after = told(zone)
    still = [one.sentence for one in after.values() if one.verdict == "open"]
    assert still in ([], ["The DMARC policy of corp.test is none: it only watches."])


def test_silence_of_the_dns_is_never_a_fault() -> None:
    names = {line.split(" ")[0] for line in GOOD.strip().split("\n")} - {"mx.corp.test"}
    for name in names:
        kinds = {line.split(" ")[1] for line in GOOD.strip().split("\n") if line.startswith(f"{name} ")}
        for kind in kinds:
            found = told(without(f"{name} {kind}") + f"\n{name} {kind} !timeout")
            assert not [one.sentence for one in found.values() if one.verdict == "open"], (name, kind)
            assert any(one.verdict == "undecided" for one in found.values()), (name, kind)


def test_an_mta_sts_policy_names_the_mail_servers_there_are() -> None:
    other = told(policy=POLICY.replace("*.corp.test", "mx.other.test"))["MTA-STS"]
    assert (other.verdict, other.severity) == ("open", "critical")
    assert "does not name its mail server mx.corp.test" in other.sentence
    assert told(policy=POLICY.replace("enforce", "testing"))["MTA-STS"].severity == "note"
    assert "cannot be read" in told(policy="<html>")["MTA-STS"].sentence


@pytest.mark.parametrize(
    ("helo", "verdict", "words"),
    [("localhost", "open", "no full host name"), ("gone.corp.test", "open", "without address"),
     ("mx.other.test", "open", "mail leaves from 203.0.113.2")],
)  # fmt: skip
def test_the_greeting_agrees_with_the_name(helo: str, verdict: str, words: str) -> None:
    found = told(GOOD + "mx.other.test A 192.0.2.8", helo=helo)["HELO"]
    assert found.verdict == verdict
    assert words in found.sentence
    assert found.fix[0].commands == ["postconf -e 'smtp_helo_name = mx.corp.test'", "postfix reload"]
    assert found.fix[0].undo


def test_a_domain_without_mail_may_say_so() -> None:
    knowledge = Knowledge(settings=Settings(), moment=MOMENT)
    silent = (
        "corp.test MX 0 .\ncorp.test TXT v=spf1 -all\n_dmarc.corp.test TXT v=DMARC1; p=reject; rua=mailto:x@corp.test"
    )
    found = told(silent, helo="", knowledge=knowledge)
    assert found["MX"].sentence == "corp.test says that it takes no mail (null MX)."
    assert "DKIM" not in found


def test_selectors_are_seen_in_messages_logs_and_configuration() -> None:
    files = {
        "/var/log/mail.log": "opendkim[1]: 4A: DKIM-Signature field added (s=logged, d=corp.test)\n",
        "/etc/opendkim.conf": "Domain corp.test\nSelector  configured\n",
        "/etc/opendkim/key.table": "key1 corp.test:tabled:/etc/dkimkeys/k.private\n",
        "/tmp/sample": "From: a@corp.test\nDKIM-Signature: v=1; d=corp.test;\n\ts=sam\n\tpled; b=x\n\nbody",
    }
    zone = GOOD + "".join(
        f"{name}._domainkey.corp.test TXT {record}\n"
        for name, record in (("logged", STRONG), ("configured", SHORT), ("tabled", EDWARDS), ("sampled", STRONG))
    )
    knowledge = Knowledge(settings=Settings(identity=Identity(samples=("/tmp/sample", "/tmp/gone"))), moment=MOMENT)
    found = results(check, "corp.test", World(zone, files), knowledge)
    assert {name for name in found if name.startswith("DKIM")} == {
        f"DKIM selector {name}" for name in ("logged", "configured", "tabled", "sampled")
    }
    assert "Ed25519" in found["DKIM selector tabled"].sentence


def test_without_a_selector_the_usual_names_are_tried_and_nobody_is_accused() -> None:
    knowledge = Knowledge(settings=Settings(), moment=MOMENT)
    assert "DKIM selector mail" in told(knowledge=knowledge)
    unknown = told(without("mail._domainkey"), knowledge=knowledge)["DKIM"]
    assert unknown.verdict == "undecided"
    assert "identity.selectors" in unknown.why


def test_what_strangers_publish_stays_words() -> None:
    hostile = "v=spf1 include:<script>alert(1)</script> \x1b[31mred\x1b[0m -all"
    found = told(spf(hostile))
    assert found["SPF"].verdict == "open"
    shown = " ".join(
        [
            found["SPF"].sentence,
            found["SPF"].why,
            *(line for one in found["SPF"].fix for line in (one.note, *one.lines)),
        ]
    )
    assert "\x1b" not in shown


def test_no_domain_is_a_mistake_in_words() -> None:
    found = results(check, "no domain at all", World("a.test A 192.0.2.1"), HERE)
    assert "is no domain" in found[""].sentence


@pytest.mark.parametrize(
    ("record", "verdict", "words"),
    [
        (f"3 1 1 {'ab' * 32}", "closed", "can be used"),
        (f"2 0 2 {'ab' * 64}", "closed", "can be used"),
        ("3 1 0 3082", "closed", "can be used"),
        (f"1 1 1 {'ab' * 32}", "open", "has usage 1"),
        (f"3 1 1 {'ab' * 20}", "open", "another length"),
        ("3 9 1 zz", "open", "cannot be read"),
        ("3", "open", "cannot be read"),
        ("!timeout", "undecided", "could not be looked up"),
    ],
)
def test_tlsa_records_that_no_server_could_use_are_named(record: str, verdict: str, words: str) -> None:
    one = told(f"{GOOD}\n_25._tcp.mx.corp.test TLSA {record}")["DANE"]
    assert one.verdict == verdict
    assert words in f"{one.sentence} {one.why}"
    assert "DNSSEC" in one.why or verdict != "closed"


def test_a_mail_server_without_tlsa_beside_one_that_has_it_is_named() -> None:
    one = told(
        f"{GOOD}\ncorp.test MX 20 b.corp.test.\nb.corp.test A 203.0.113.2\n_25._tcp.mx.corp.test TLSA 3 1 1 {'ab' * 32}"
    )
    assert "b.corp.test has none" in one["DANE"].why
