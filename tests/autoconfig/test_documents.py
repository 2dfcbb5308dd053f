"""Files and records for mail programs: read back they say what went in; hostile ones say nothing."""

from __future__ import annotations

import plistlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.autoconfig.documents import autoconfig, autodiscover, files, mobileconfig, nginx, records
from whosent.autoconfig.offers import USUAL, Offer, fact, question
from whosent.autoconfig.published import SERVICES, of_autoconfig, of_autodiscover, of_srv
from whosent.model.check import Dialogue, Exchange, Problem, Received, Replies, Reply

OFFERS = [Offer(protocol, "mail.corp.test", port, security) for (protocol, security), port in USUAL.items()]


def test_what_is_written_is_what_is_read() -> None:
    assert set(of_autoconfig(autoconfig("corp.test", "Corp & Sons <x>", OFFERS).encode()) or []) == set(OFFERS)
    assert set(of_autodiscover(autodiscover(OFFERS).encode()) or []) == set(OFFERS)
    lines = records("corp.test", OFFERS)
    for service, (protocol, security) in SERVICES.items():
        [line] = [one for one in lines if one.startswith(f"{service}.corp.test. ")]
        [offer] = of_srv(service, (line.split(" SRV ")[1],))
        assert (offer.protocol, offer.security, offer.port) == (protocol, security, USUAL[protocol, security])


def test_what_is_not_offered_is_said_so() -> None:
    only = [Offer("smtp", "mail.corp.test", 465, "tls")]
    lines = records("corp.test", only)
    assert "_imap._tcp.corp.test. 3600 IN SRV 0 0 0 ." in lines
    assert of_srv("_imap._tcp", ("0 0 0 .",)) == []
    assert set(of_autoconfig(autoconfig("corp.test", "x", only).encode()) or []) == set(only)


def test_an_apple_profile_is_the_same_each_time_and_asks_for_the_password() -> None:
    text = mobileconfig("corp.test", "Corp", OFFERS)
    assert text == mobileconfig("corp.test", "Corp", OFFERS)
    mail = plistlib.loads(text.encode())["PayloadContent"][0]
    assert (mail["OutgoingMailServerPortNumber"], mail["OutgoingMailServerUseSSL"]) == (465, True)
    assert (mail["EmailAccountType"], mail["IncomingMailServerPortNumber"]) == ("EmailTypeIMAP", 993)
    assert not {"IncomingPassword", "OutgoingPassword"} & set(mail)
    pop = plistlib.loads(mobileconfig("corp.test", "Corp", [Offer("pop3", "m.test", 995, "tls")]).encode())
    assert pop["PayloadContent"][0]["EmailAccountType"] == "EmailTypePOP"


def test_all_files_have_their_places() -> None:
    written = files("corp.test", "Corp", OFFERS)
    assert "corp.test/.well-known/autoconfig/mail/config-v1.1.xml" in written
    assert "autodiscover.corp.test" in nginx("corp.test")


@pytest.mark.parametrize(
    "page",
    [b"", b"<html></html>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><clientConfig/>", b"\xff\xfe<", b"<clientConfig>",
     (b"<clientConfig><incomingServer type='imap'><hostname>a b</hostname><port>99999</port></incomingServer>"
     b"</clientConfig>")],
)  # fmt: skip
def test_what_is_none_offers_nothing(page: bytes) -> None:
    assert not of_autoconfig(page)
    assert not of_autodiscover(page)


@given(st.binary(max_size=400), st.text(max_size=60))
def test_strangers_bytes_are_no_trouble(page: bytes, record: str) -> None:
    of_autoconfig(page)
    of_autoconfig(b"<clientConfig>" + page + b"</clientConfig>")
    of_autodiscover(b"<Autodiscover>" + page + b"</Autodiscover>")
    for service in SERVICES:
        for offer in of_srv(service, (record,)):
            assert offer.host.isprintable()


def smtp(*lines: str, encrypted: str = "TLSv1.3") -> Replies:
    return Replies(key="", at=0, replies=(Reply("", 220, ("x",)), Reply("EHLO a", 250, lines)), encrypted=encrypted)


def test_a_port_keeps_its_promise_or_not() -> None:
    tls, starttls = Offer("smtp", "m.test", 465, "tls"), Offer("smtp", "m.test", 587, "starttls")
    imap, imaps = Offer("imap", "m.test", 143, "starttls"), Offer("imap", "m.test", 993, "tls")
    assert fact(tls, smtp("m.test", "AUTH PLAIN")).promise == "kept"
    assert fact(tls, smtp("m.test", "SIZE 1")).promise == "broken"
    assert fact(starttls, smtp("m.test", "AUTH PLAIN", encrypted="")).grave
    assert fact(imap, Received(key="", at=0, raw=b"* OK hi\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\n")).promise == "kept"
    assert fact(imap, Received(key="", at=0, raw=b"* OK hi\r\n* CAPABILITY IMAP4rev1\r\n")).grave
    assert fact(imaps, Received(key="", at=0, raw=b"HTTP/1.0 400\r\n")).promise == "broken"
    for offer, (obstacle, promise) in product(
        (tls, imaps), (("refused", "broken"), ("timeout", "unknown"), ("tls", "broken"))
    ):
        problem = Problem(obstacle, "No.")  # type: ignore[arg-type]  # as listed
        empty = Replies(key="", at=0, problem=problem) if offer is tls else Received(key="", at=0, problem=problem)
        assert fact(offer, empty).promise == promise
    assert fact(tls, None).promise == "unknown"
    assert isinstance(question(starttls, "k", "me.test"), Dialogue)
    asked = question(imaps, "k", "me.test")
    assert isinstance(asked, Exchange)
    assert asked.tls
