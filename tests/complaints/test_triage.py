"""Reports answered from logs: whose message it was, who handed it in, what is forged, and when nobody may be named."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.complaints.kit import bounce, by_script, complaint, date, hours, sent
from tests.join.kit import START, delivery, line, queued, removed
from whosent import triage, walk
from whosent.configuration import zone_of
from whosent.model.complaint import Complaint
from whosent.model.finding import Level, Strength
from whosent.model.settings import Ours, Settings
from whosent.report.complaints import event, table
from whosent.report.reply import draft
from whosent.sources.files import at_path

LOGS = Path(__file__).parent / "logs"
SAMPLES = Path(__file__).parent / "samples"
OURS = Ours(domains=("corp.test",), networks=("198.51.100.0/28",))


def asked(tmp_path: Path, report: bytes, ours: Ours = OURS, **logs: bytes) -> list[Complaint]:
    """What is answered to a report, from logs by name."""
    for name, text in logs.items():
        (tmp_path / f"{name}.log").write_bytes(text)
        os.utime(tmp_path / f"{name}.log", (START + 90_000, START + 90_000))
    return answered(report, [tmp_path / f"{name}.log" for name in logs], ours)


def answered(report: bytes, paths: list[Path], ours: Ours = OURS) -> list[Complaint]:
    settings = Settings(ours=ours)
    zone = zone_of("UTC")
    reports = [triage.report("report.eml", report)]
    if not paths:
        return triage.without_logs(reports, settings, zone)
    inputs = walk.prepare([at_path(path) for path in paths], settings, zone)
    done = walk.scan(inputs, settings, lambda _: None, zone)
    return triage.with_logs(reports, inputs, done, settings, zone)


def test_queue_id_and_message_id_lead_to_the_account(tmp_path: Path) -> None:
    log = hours(0, 7200) + sent(7300, "4B00001", "anna@isp.test") + hours(8400, 14_000)
    [one] = asked(tmp_path, complaint(7300, message_id="<4B00001@corp.test>", name="4B00001"), mail=log)
    assert (one.ours, one.strength, one.level) == ("yes", Strength.SHOWN, Level.OBSERVED)
    assert one.suspect
    assert (one.suspect.kind, one.suspect.name, one.queue_id) == ("account", "alice@corp.test", "4B00001")
    assert "alice@corp.test handed to us" in one.sentence
    assert [basis.note for basis in one.evidence][:2] == ["who handed the message in", "its Message-ID"]
    assert all("4B00001" in basis.excerpt for basis in one.evidence)


def test_what_the_scan_says_stands_apart_and_is_told_behind(tmp_path: Path) -> None:
    spam = (
        sent(7300 + n, f"4B{n:05d}", f"u{n}@isp.test", status="bounced", reply="554 5.7.1 spam") for n in range(300)
    )
    log = hours(0, 7200) + b"".join(spam) + hours(8400, 14_000)
    report = complaint(7301, message_id="<4B00001@corp.test>", name="4B00001")
    [one] = asked(tmp_path, report, mail=log)
    assert one.incident_sentence
    assert one.incident_sentence.startswith("The account alice@corp.test ")
    assert one.sentence.endswith(" agree.")
    assert one.incident_sentence not in one.sentence
    event(one, Console(file=(out := StringIO()), width=2000))
    assert f"{one.sentence} {one.incident_sentence}" in out.getvalue()


def test_the_receivers_own_id_is_found_in_our_reply(tmp_path: Path) -> None:
    log = (
        hours(0, 7200)
        + sent(7300, "4B00001", "anna@isp.test", reply="250 ok queued as ZZ99RECEIPT")
        + hours(8400, 9000)
    )
    report = complaint(7301, message_id="<changed@corp.test>", by="mail.isp.test", name="ZZ99RECEIPT")
    [one] = asked(tmp_path, report, mail=log)
    assert one.suspect
    assert one.suspect.name == "alice@corp.test"
    assert "the id that the receiving server gave" in one.sentence


def test_a_message_of_a_script_is_followed_from_host_to_host(tmp_path: Path) -> None:
    php = b"[16-Nov-2026 02:01:40 UTC] mail() on [/var/www/shop/mailer.php:7]: To: anna@isp.test -- Headers: x\n"
    lines = by_script(7301, "5A00001", "anna@isp.test", "4B00007").splitlines(keepends=True)
    web = b"".join(line for line in lines if b" web " in line)
    mx = hours(0, 7200) + b"".join(line for line in lines if b" mx " in line) + hours(8400, 14_000)
    report = complaint(7301, message_id="<5A00001@web.corp.test>", name="4B00007", sender="www-data@web.corp.test")
    [one] = asked(tmp_path, report, mail=mx, web=web, php_mail=php)
    assert one.suspect
    assert (one.suspect.kind, one.suspect.name) == ("script", "/var/www/shop/mailer.php")
    assert (one.strength, one.queue_id) == (Strength.LIKELY, "5A00001")
    assert "the script's call" in [basis.note for basis in one.evidence]
    [without] = asked(tmp_path, report, mail=mx, web=web)
    assert without.suspect
    assert (without.suspect.kind, without.suspect.name) == ("local_user", "www-data")


def test_a_line_of_ours_that_our_log_does_not_know_is_a_forgery(tmp_path: Path) -> None:
    report = complaint(7300, name="4BFFFFF", source="192.0.2.66")
    [one] = asked(tmp_path, report, mail=hours(0, 14_000))
    assert (one.ours, one.level, one.strength, one.suspect) == ("no", Level.CONTRADICTED, Strength.SHOWN, None)
    assert "joe job" in one.sentence


@pytest.mark.parametrize("hole", [(5000, 9_700), (7000, 14_000), (0, 7200)])
def test_nothing_is_called_forged_where_the_log_has_a_hole(tmp_path: Path, hole: tuple[float, float]) -> None:
    first, last = hole
    log = hours(0, first) + hours(last, 14_000)
    [one] = asked(tmp_path, complaint(7300, name="4BFFFFF", source="192.0.2.66"), mail=log)
    assert one.level is not Level.CONTRADICTED
    assert one.ours != "yes"


def test_a_forged_line_about_an_address_of_ours_does_not_clear_it(tmp_path: Path) -> None:
    [one] = asked(tmp_path, complaint(7300, name="4BFFFFF", source="198.51.100.7"), mail=hours(0, 14_000))
    assert (one.ours, one.level, one.suspect) == ("unknown", Level.CONTRADICTED, None)


def test_a_foreign_host_of_the_same_first_name_is_not_ours(tmp_path: Path) -> None:
    report = complaint(7300, by="mx.elsewhere.test", name="4BFFFFF", source="192.0.2.66")
    [one] = asked(tmp_path, report, mail=hours(0, 14_000))
    assert one.level is not Level.CONTRADICTED


def test_an_innocent_whose_message_id_is_copied_is_not_named(tmp_path: Path) -> None:
    """The forger has had a mail of Carol's: he knows its Message-ID, and nothing else agrees."""
    log = hours(0, 7200) + sent(200, "4B00002", "mallory@evil.test", "carol@corp.test") + hours(7300, 90_000)
    report = complaint(
        80_000, message_id="<4B00002@corp.test>", source="192.0.2.66", sender="x@evil.test", to="anna@isp.test"
    )
    [one] = asked(tmp_path, report, mail=log)
    assert one.suspect is None
    assert one.strength is not Strength.SHOWN


def test_an_innocent_whose_queue_id_is_used_again_is_not_named(tmp_path: Path) -> None:
    log = sent(100, "4B00001", "zoe@isp.test", "carol@corp.test") + hours(1200, 90_000)
    report = complaint(80_000, message_id="<x@y.test>", name="4B00001", source="192.0.2.66", sender="x@evil.test")
    [one] = asked(tmp_path, report, mail=log)
    assert one.suspect is None


def test_recipient_and_time_alone_give_candidates_only(tmp_path: Path) -> None:
    log = (
        hours(0, 7000)
        + sent(7200, "4B00001", "anna@isp.test")
        + sent(7300, "4B00002", "anna@isp.test", "carol@corp.test")
    )
    [one] = asked(tmp_path, complaint(7250), mail=log)
    assert one.suspect is None
    assert one.strength is Strength.CANDIDATES
    assert {suspect.name for suspect in one.candidates} >= {"alice@corp.test"}


def test_a_hidden_recipient_is_known_by_its_digest(tmp_path: Path) -> None:
    import hashlib  # noqa: PLC0415  # only here

    hidden = hashlib.sha256(b"anna@isp.test").hexdigest()
    log = (
        hours(0, 7000)
        + sent(7200, "4B00001", "anna@isp.test")
        + sent(7201, "4B00002", "zoe@isp.test", "carol@corp.test")
    )
    report = complaint(7200, to=f"{hidden}@redacted.isp.test").replace(
        b"Version: 1\n", f"Version: 1\nOriginal-Rcpt-To: {hidden}@redacted.isp.test\n".encode()
    )
    [one] = asked(tmp_path, report, mail=log)
    assert [suspect.name for suspect in one.candidates] == ["alice@corp.test"]


def test_the_message_before_the_log_begins_names_nobody(tmp_path: Path) -> None:
    log = (
        line(7300, "postfix/cleanup", "4B00001: message-id=<4B00001@corp.test>")
        + queued(7300, "4B00001", "alice@corp.test")
        + delivery(7301, "4B00001", "anna@isp.test")
        + removed(7302, "4B00001")
    )
    [one] = asked(tmp_path, complaint(7300, message_id="<4B00001@corp.test>", name="4B00001"), mail=log)
    assert (one.ours, one.suspect, one.strength) == ("yes", None, Strength.UNPROVABLE)


def test_our_address_in_an_earlier_hop_is_ours_and_a_candidate(tmp_path: Path) -> None:
    report = complaint(7300, by="webmail.isp.test", name="QQ1", source="192.0.2.66", client_address="198.51.100.9")
    [one] = asked(tmp_path, report, mail=hours(0, 14_000))
    assert (one.ours, one.level, one.suspect) == ("yes", Level.CLAIMED, None)
    assert [suspect.name for suspect in one.candidates] == ["198.51.100.9"]


def test_an_address_of_ours_in_the_text_is_found(tmp_path: Path) -> None:
    report = (
        b"From: soc@isp.test\nTo: abuse@corp.test\nSubject: spam by 192.0.2.66\n\nIt advertises http://198.51.100.9/x\n"
    )
    [one] = asked(tmp_path, report, mail=hours(0, 4000))
    assert (one.ours, one.source_address, one.suspect) == ("yes", "192.0.2.66", None)
    assert [suspect.name for suspect in one.candidates] == ["198.51.100.9"]


def test_a_verp_sender_tells_the_message(tmp_path: Path) -> None:
    verp = "news+anna=isp.test@corp.test"
    log = hours(0, 7000) + sent(7200, "4B00001", "anna@isp.test", verp) + hours(8400, 9000)
    report = complaint(7200, message_id="<4B00001@corp.test>", sender=verp, source="192.0.2.66", to="redacted@x.test")
    [one] = asked(tmp_path, report, mail=log)
    assert one.suspect
    assert "the return path made for this recipient" in one.sentence


def test_our_own_feedback_identifier_tells_the_message(tmp_path: Path) -> None:
    log = hours(0, 7000) + sent(7200, "4jTHhK0dxYzS4", "anna@isp.test") + hours(8400, 9000)
    report = complaint(7200, sender="x@corp.test").replace(
        b"Subject: offer", b"CFBL-Feedback-ID: q:4jTHhK0dxYzS4\nSubject: offer"
    )
    [one] = asked(tmp_path, report, mail=log)
    assert one.suspect
    assert one.suspect.name == "alice@corp.test"


def test_a_message_id_our_server_made_tells_the_queue_id(tmp_path: Path) -> None:
    log = hours(0, 7000) + sent(7200, "08513C0196A", "anna@isp.test", message_id="<other@x>") + hours(8400, 9000)
    [one] = asked(tmp_path, complaint(7200, message_id="<20201113004812.08513C0196A@mx.corp.test>"), mail=log)
    assert one.suspect
    assert one.queue_id == "08513C0196A"


def test_a_client_of_no_account_is_a_stranger_or_a_host(tmp_path: Path) -> None:
    for address, kind in (("203.0.113.9", "relay"), ("198.51.100.9", "host")):
        log = hours(0, 7000) + sent(7200, "4B00001", "anna@isp.test", "", address=address) + hours(8400, 9000)
        [one] = asked(tmp_path, complaint(7200, message_id="<4B00001@corp.test>"), mail=log)
        assert one.suspect
        assert (one.suspect.kind, one.suspect.name) == (kind, address)


def test_two_messages_that_fit_alike_name_nobody(tmp_path: Path) -> None:
    log = (
        hours(0, 7000)
        + sent(7200, "4B00001", "anna@isp.test", message_id="<same@corp.test>")
        + sent(7210, "4B00002", "anna@isp.test", "carol@corp.test", message_id="<same@corp.test>")
    )
    [one] = asked(tmp_path, complaint(7205, message_id="<same@corp.test>", sender="x@corp.test"), mail=log)
    assert (one.ours, one.suspect, one.strength) == ("yes", None, Strength.CANDIDATES)
    assert {suspect.name for suspect in one.candidates} == {"alice@corp.test", "carol@corp.test"}


@pytest.mark.parametrize("address", ["192.168.1.100", "127.0.0.1", "::1"])
def test_a_private_address_in_a_report_is_not_ours(address: str) -> None:
    for ours in (OURS, Ours()):
        [one] = answered(complaint(0, source=address), [], ours)
        assert (one.ours, one.suspect, one.candidates) == ("unknown", None, [])


def test_what_is_no_report_is_told_so() -> None:
    [one] = answered(b"From: a@b.test\nSubject: lunch?\n\nAt one.\n", [])
    assert (one.kind, one.ours) == ("other", "unknown")
    assert "read it yourself" in one.sentence


def test_a_listing_asks_for_a_scan() -> None:
    report = (SAMPLES / "listing" / "written-notice.eml").read_bytes()
    [one] = answered(report, [], Ours(networks=("203.0.113.0/24",)))
    assert (one.kind, one.ours) == ("listing", "yes")
    assert "Scan the logs" in one.sentence


def test_a_redacted_report_asks_for_an_identifier() -> None:
    report = (SAMPLES / "arf" / "written-redacted.eml").read_bytes()
    [one] = answered(report, [], Ours())
    assert "RFC 9477" in one.sentence


def test_backscatter_is_told_as_not_ours(tmp_path: Path) -> None:
    report = bounce(7300, "anna@isp.test", message_id="<forged@corp.test>")
    [one] = asked(tmp_path, report, mail=hours(0, 14_000))
    assert (one.ours, one.level) == ("no", Level.CORROBORATED)
    assert "backscatter" in one.sentence


def test_without_logs_an_address_says_what_it_can() -> None:
    [ours] = answered(complaint(0), [])
    [theirs] = answered(complaint(0, source="192.0.2.66"), [])
    [nobody] = answered(complaint(0), [], Ours())
    assert [one.ours for one in (ours, theirs, nobody)] == ["yes", "no", "unknown"]
    assert all(one.suspect is None for one in (ours, theirs, nobody))
    assert all(one.level is Level.CLAIMED for one in (ours, theirs, nobody))


def test_without_logs_a_message_that_can_be_looked_for_asks_for_logs() -> None:
    [one] = answered(complaint(0), [], Ours())
    assert one.sentence.endswith("With --logs Whosent looks for the message.")


@pytest.mark.parametrize("networks", [(), ("198.51.100.0/24",)])
def test_an_attack_reported_is_no_message_to_look_for(networks: tuple[str, ...]) -> None:
    report = b"""{"xarf_version": "4.0.0", "category": "connection", "type": "login_attack",
        "report_id": "5f0c8a52-9a3b-4a6e-9f55-0d4f2f5f3a10", "timestamp": "2026-03-01T10:00:00Z",
        "reporter": {"org": "Trap", "contact": "trap@isp.test", "domain": "isp.test"},
        "sender": {"org": "Trap", "contact": "trap@isp.test", "domain": "isp.test"},
        "source_identifier": "198.51.100.77", "first_seen": "2026-03-01T09:59:00Z", "protocol": "tcp"}"""
    [one] = answered(report, [], Ours(networks=networks))
    assert one.feedback_type == "connection/login_attack"
    assert "about no message" in one.sentence
    assert "Ask the reporter" not in one.sentence


def test_logins_tried_elsewhere_are_no_message_to_look_for() -> None:
    head = b"From: a@isp.test\nTo: abuse@corp.test\nSubject: Abuse\n\nsshd: brute force from 198.51.100.7\n"
    [one] = answered(head, [], Ours())
    assert "which machine of ours" in draft(one)
    for networks, words in (("192.0.2.0/24", "is not in our network"), ("198.51.100.0/24", "on the machine behind it")):
        [known] = answered(head, [], Ours(networks=(networks,)))
        assert words in draft(known)
        assert "message" not in draft(known)
    assert one.sentence.endswith("(login-attack): that is about no message, and logs of mail cannot answer it. "
                                 "Look at the host behind that address.")  # fmt: skip
    [one] = answered(head + b"\nReceived: from pc [198.51.100.7] by mx.isp.test id X1\nMessage-ID: <1@x.test>\n", [])
    assert "about no message" not in one.sentence


@pytest.mark.parametrize(("what", "asked"), [
    ("your customer's phishing page http://198.51.100.7/login", "It quotes no message: if it is about a site or an "),
    ("multiple unsolicited incoming connections, abuse of 198.51.100.7", "It quotes no message: if it is about a "),
    ("unsolicited mail, abuse of 198.51.100.7", "Ask the reporter for the full message with its Received lines"),
])  # fmt: skip
def test_a_message_is_asked_for_only_where_mail_may_be_meant(what: str, asked: str) -> None:
    [one] = answered(f"From: a@isp.test\nTo: abuse@corp.test\nSubject: Abuse\n\n{what}\n".encode(), [], Ours())
    assert f"no logs were given. {asked}" in one.sentence


def test_nobody_is_answered_where_a_machine_wrote() -> None:
    absent = b"From: a@isp.test\nTo: abuse@corp.test\nSubject: Out of office\n\nBack on Monday.\n"
    [one] = answered(absent, [])
    assert "RFC 3834" in draft(one)
    [one] = answered(bounce(0, "anna@isp.test", message_id="<1@x.test>"), [])
    assert "RFC 5321" in draft(one)


def test_the_list_names_our_address_where_nobody_is_named_and_the_year_of_what_is_old() -> None:
    spam = b"From: a@isp.test\nTo: abuse@corp.test\nDate: %b\nSubject: Spam from 198.51.100.7\n\nStop it.\n"
    told = [answered(spam % when.encode(), [])[0] for when in ("Mon, 3 Feb 2020 10:00:00 +0000", date(0))]
    out = Console(file=StringIO(), width=100)
    table([(one, START) for one in told], out, zone_of("UTC"))
    lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[::2] == ["198.51.100.7 (ours): 1 complaint"] * 2
    assert any("Mon 3 Feb 2020 10:00:00 (+00:00), the latest" in line for line in lines)


def test_a_strangers_text_in_a_sentence_cannot_colour_or_move_it() -> None:
    [one] = answered(complaint(0).replace(b"From: fbl@isp.test", b"From: \x1b[31m\xe2\x80\xaefbl"), [])
    assert "\x1b" not in one.sentence
    assert "\u202e" not in one.sentence


def test_a_whole_copied_chain_with_the_recipient_names_nobody(tmp_path: Path) -> None:
    """Mallory copies even his own server's line and the To header of Carol's mail below the true hop."""
    log = hours(0, 7200) + sent(7300, "4B00002", "mallory@evil.test", "carol@corp.test") + hours(8400, 14_000)
    report = complaint(
        7360, message_id="<4B00002@corp.test>", name="4B00002", source="192.0.2.66", sender="carol@corp.test",
        to="mallory@evil.test",
    ).replace(
        b"\nReceived: from pc",
        f"\nReceived: from evil.test ([192.0.2.66]) by mail.isp.test with ESMTP id TRUE123456; {date(7361)}\n"
        f"Received: from mx.corp.test by evil.test with ESMTP id 4CE28A2 for <mallory@evil.test>; {date(7301)}\n"
        "Received: from pc".encode(),
    )  # fmt: skip
    for ours in (OURS, Ours()):
        [one] = asked(tmp_path, report, ours, mail=log)
        assert one.suspect is None, one.sentence


def test_without_our_public_addresses_such_a_copy_still_names_nobody(tmp_path: Path) -> None:
    log = hours(0, 7200) + sent(7300, "4B00002", "mallory@evil.test", "carol@corp.test") + hours(8400, 14_000)
    report = complaint(
        7360, message_id="<4B00002@corp.test>", name="4B00002", source="192.0.2.66", sender="carol@corp.test"
    )
    [one] = asked(tmp_path, report, Ours(), mail=log)
    assert (one.ours, one.suspect, one.strength) == ("unknown", None, Strength.CANDIDATES)
    assert "--own-network" in one.sentence


@pytest.mark.parametrize(
    ("sample", "kind", "name"),
    [
        ("recorded-postfix-several", "account", "bob@corp.test"),
        ("recorded-postfix-spam", "account", "bob@corp.test"),
        ("recorded-postfix-no-domain", "account", "bob@corp.test"),
        ("recorded-postfix-of-script", "local_user", "www-data"),
        ("recorded-exim-several", "local_user", "root"),
        ("recorded-exim-no-route", "local_user", "root"),
        ("recorded-exim-expired", "local_user", "root"),
    ],
)
def test_real_bounces_lead_to_who_sent(sample: str, kind: str, name: str) -> None:
    report = (SAMPLES / "dsn" / f"{sample}.eml").read_bytes()
    [one] = answered(report, [LOGS / "mx-mail.log", LOGS / "web-mail.log", LOGS / "exim-mainlog"])
    assert one.suspect
    assert (one.suspect.kind, one.suspect.name, one.ours, one.strength) == (kind, name, "yes", Strength.SHOWN)
    assert "Refused for " in one.sentence


def test_a_whole_copied_header_block_of_an_innocent_does_not_name_him(tmp_path: Path) -> None:
    """Mallory had a mail of Carol's a minute ago: id, Message-ID, client and sender are copied into his spam."""
    log = hours(0, 7200) + sent(7300, "4B00002", "mallory@evil.test", "carol@corp.test") + hours(8400, 14_000)
    report = complaint(
        7360, message_id="<4B00002@corp.test>", name="4B00002", source="192.0.2.66", sender="carol@corp.test"
    )
    [one] = asked(tmp_path, report, mail=log)
    assert one.suspect is None
    assert one.strength is not Strength.SHOWN
