"""Real signatures of a key of our own, verified through a real DNS; tampering is found, and blames nobody."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import dkim
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.model.inquiry import Signature
from whosent.published.signed import NEEDS_DNS, Key, Signed
from whosent.trace.heads import blocks

BODY = b"\r\n\r\nBuy now.\r\n\r\nOr never.  \r\n"
HEAD = (
    b"Received: from x (x [203.0.113.66]) by mx.example.org (Postfix) with ESMTP id 4XA; "
    b"Mon, 16 Nov 2026 00:00:05 +0000\r\nFrom: Shop <a@shop.example>\r\nTo: bob@example.org\r\n"
    b"Subject: A\r\n folded subject\r\nDate: Mon, 16 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@shop.example>\r\n"
)
MAIL = HEAD + b"\r\n" + BODY


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A private key as PEM, and its record."""
    place = tmp_path_factory.mktemp("key") / "key.pem"
    make = ["openssl", "genrsa", "-traditional", "-out", str(place), "1024"]
    subprocess.run(make, capture_output=True, check=True)
    show = ["openssl", "rsa", "-in", str(place), "-pubout"]
    public = subprocess.run(show, capture_output=True, check=True).stdout.decode().splitlines()
    return place.read_bytes(), f"v=DKIM1; k=rsa; p={''.join(public[1:-1])}"


def signed(pair: tuple[bytes, str], mail: bytes = MAIL, domain: bytes = b"shop.example", **more: Any) -> bytes:  # noqa: ANN401  # as dkimpy has it
    field: bytes = dkim.sign(mail, b"s1", domain, pair[0], **more)
    return field + mail


def sealed(pair: tuple[bytes, str], mail: bytes, domain: bytes = b"lists.example") -> bytes:
    found = b"Authentication-Results: lists.example; dkim=pass header.d=shop.example; arc=none\r\n" + mail
    return b"".join(dkim.arc_sign(found, b"s1", domain, pair[0], b"lists.example")) + mail


def published(pair: tuple[bytes, str], *domains: str) -> dict[str, Key]:
    return {f"s1._domainkey.{domain}": Key(pair[1]) for domain in domains or ("shop.example", "lists.example")}


def told(mail: bytes, keys: dict[str, Key] | None) -> list[Signature]:
    """As a trace reads it from a file, with LF."""
    (block,) = blocks([mail.replace(b"\r\n", b"\n")], 1 << 20)
    return list(Signed(block.raw, block.body).told(keys))


@pytest.mark.parametrize("form", [(b"relaxed", b"relaxed"), (b"simple", b"simple"), (b"relaxed", b"simple")])
def test_a_signature_holds_in_each_form(pair: tuple[bytes, str], form: tuple[bytes, bytes]) -> None:
    (one,) = told(signed(pair, canonicalize=form), published(pair))
    assert (one.kind, one.domain, one.selector, one.result, one.problem) == (
        "dkim",
        "shop.example",
        "s1",
        "valid",
        None,
    )
    assert {"from", "to", "subject", "date", "message-id"} <= set(one.fields)
    assert "It signed nothing else" in one.sentence
    mbox = b"From a@shop.example Mon Nov 16 00:00:05 2026\n" + signed(pair, canonicalize=form).replace(b"\r\n", b"\n")
    both = list(blocks([mbox + b"\n" + mbox], 1 << 20))
    assert [next(Signed(one.raw, one.body).told(published(pair))).result for one in both] == ["valid", "valid"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"Or never", b"Or now", "the body is not what was signed"),
        (b"A\r\n folded", b"Another", "the signed header fields are not as they were, or another key signed them"),
        (b"From: Shop", b"From: Bank <c@bank.example>\r\nFrom: Shop", "the signed header fields are not as they were"),
    ],
)
def test_tampering_is_found_and_says_nothing_about_the_domain(
    pair: tuple[bytes, str], old: bytes, new: bytes, why: str
) -> None:
    mail = signed(pair)
    assert old in mail
    (one,) = told(mail.replace(old, new), published(pair))
    assert one.result == "invalid"
    assert (one.problem or "").startswith(why)
    assert "that names shop.example does not fit this copy" in one.sentence
    assert "says nothing about shop.example" in one.sentence


def test_a_key_of_somebody_else_proves_nothing(pair: tuple[bytes, str]) -> None:
    """Signed by a spammer in the name of a bank, whose key is another."""
    other = subprocess.run(["openssl", "genrsa", "-traditional", "1024"], capture_output=True, check=True).stdout
    (one,) = told(signed((other, ""), domain=b"bank.example"), published(pair, "bank.example"))
    assert one.result == "invalid"


def test_what_was_added_is_told_as_uncovered(pair: tuple[bytes, str]) -> None:
    mail = signed(pair, length=True)
    (one,) = told(b"Subject: Another\r\n" + mail + b"And this.\r\n", published(pair))
    assert (one.result, one.body_length) == ("valid", len(BODY))
    assert f"the first {len(BODY)} bytes of the body" in one.sentence
    assert "Of subject the lowest fields alone are covered." in one.sentence


def test_an_arc_chain_and_a_broken_one(pair: tuple[bytes, str]) -> None:
    mail = sealed(pair, signed(pair))
    first, chain = told(mail, published(pair))
    assert (first.result, chain.kind, chain.result, chain.domain) == ("valid", "arc", "valid", "lists.example")
    assert "What it says about the hops before is its word" in chain.sentence
    changed = mail.replace(b"Buy now", b"Buy later")
    assert [one.result for one in told(changed, published(pair))] == ["invalid", "invalid"]
    lied = mail.replace(b"dkim=pass", b"dkim=fail")
    assert [one.result for one in told(lied, published(pair))] == ["valid", "invalid"]
    torn = b"\r\n".join(line for line in mail.split(b"\r\n") if not line.startswith(b"ARC-Authentication-Results"))
    assert told(torn, published(pair))[1].result == "not verified"


def test_what_cannot_be_verified_says_why(pair: tuple[bytes, str]) -> None:
    mail, name = signed(pair), "s1._domainkey.shop.example"

    def why(mail: bytes, key: Key) -> str:
        (one,) = told(mail, {name: key})
        assert one.result == "not verified"
        return one.problem or ""

    assert told(mail, None)[0].problem == NEEDS_DNS
    assert why(mail, Key(None)).startswith(f"no key is published at {name} now")
    assert why(mail, Key(None, "nobody answers")) == "nobody answers"
    assert why(mail, Key("v=DKIM1; p=")) == f"the key at {name} is revoked"
    assert "none that a receiver may use" in why(mail, Key("v=DKIM1; p=AAAA"))
    ed25519 = Key("v=DKIM1; k=ed25519; p=" + "A" * 43 + "=")
    assert told(mail, {name: ed25519})[0].result in {"not verified", "invalid"}
    assert "SHA-1" in why(signed(pair, signature_algorithm=b"rsa-sha1"), Key(pair[1]))
    assert "sign From" in why(mail.replace(b"h=from", b"h=form", 1).replace(b" : from", b" : form"), Key(pair[1]))
    assert why(mail.replace(b"s=s1", b"s=../x", 1), Key(pair[1])) == "it cannot be read"
    assert why(mail.replace(b"v=1", b"v=7", 1), Key(pair[1])) == "it breaks the rules for signatures"
    assert why(mail.replace(b"v=1;", b"v=1; x=2;", 1), Key(pair[1])) == "it has expired"


def test_nothing_large_is_verified(pair: tuple[bytes, str]) -> None:
    mail = signed(pair).replace(b"\r\n", b"\n")
    head, _, body = mail.partition(b"\n\n")
    assert next(Signed(head, None).told(published(pair))).problem == "not the whole body was read, and it is signed"
    for large in (head + b"\nX: y" * 2_000, head + b"\nX: " + b"y" * 300_000, head + b"\n z" * 6_000):
        huge = Signed(large, body)
        assert (next(huge.told(published(pair))).problem, huge.keys()) == ("its header is too large", [])
    many = Signed(b"".join(b"DKIM-Signature: d=d%d.example; s=s; h=from\n" % n for n in range(500)), b"")
    assert (len(many.keys()), len(list(many.told({})))) == (5, 5)
    chain = b"".join(b"ARC-Seal: i=%d; d=d%d.example; s=s\n" % (n, n) for n in range(500))
    assert (Signed(chain, b"").keys(), next(Signed(chain, b"").told({})).result) == ([], "not verified")


def test_what_is_made_to_keep_us_busy_does_not(pair: tuple[bytes, str]) -> None:
    """Blanks, empty lines and names without end, within the limits: seconds, where the library alone needs hours."""
    mail = signed(pair, canonicalize=(b"relaxed", b"relaxed")).replace(b"\r\n", b"\n")
    head, _, body = mail.partition(b"\n\n")
    blanks = Signed(head, b" " * 2_000_000 + b"x\n")
    assert next(blanks.told(published(pair))).problem == "its lines hold more blanks than are worth reading"
    names = b":".join(b"n%d" % number for number in range(500))
    began = time.process_time()
    for hostile in (
        Signed(head, b"\n" * 2_000_000),
        Signed(head, (b" " * 200 + b"\n") * 9_000),
        Signed(head + b"\nA: b" * 450, body),
        Signed(head.replace(b"h=from", b"h=" + names + b":from", 1) + b"\nA: b" * 450, body),
        Signed(head.replace(b"b=", b"b=" + b" " * 3_000, 1), body),
    ):
        assert list(hostile.told(published(pair)))
    assert time.process_time() - began < 10


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_signatures_are_never_valid_for_another_domain(pair: tuple[bytes, str], data: st.DataObject) -> None:
    mail = bytearray(sealed(pair, signed(pair)))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mail) - len(BODY)))
        mail[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([b"", b";", b"=", b"\n", b"i=2;", b"\xff"])
        )
    for block in blocks([bytes(mail)], 1 << 20):
        for one in Signed(block.raw, block.body).told(published(pair)):
            assert one.result != "valid" or one.domain in {"shop.example", "lists.example"}


class Dns(socketserver.DatagramRequestHandler):
    """Publishes the one key; every question is noted."""

    record: ClassVar[str] = ""
    asked: ClassVar[list[str]] = []

    def handle(self) -> None:
        query = dns.message.from_wire(self.rfile.read())
        name = query.question[0].name.to_text()
        self.asked.append(name)
        response = dns.message.make_response(query)
        if name == "s1._domainkey.shop.example." and query.question[0].rdtype == dns.rdatatype.TXT:
            parts = '" "'.join(self.record[at : at + 200] for at in range(0, len(self.record), 200))
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", f'"{parts}"'))
        self.wfile.write(response.to_wire())


@pytest.fixture
def resolver(pair: tuple[bytes, str]) -> Iterator[str]:
    Dns.record = pair[1]
    Dns.asked.clear()
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), Dns) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1#{server.server_address[1]}"
        server.shutdown()


def investigated(mail: Path, reach: str, resolver: str) -> dict[str, Any]:
    environment = {
        **os.environ, "WHOSENT_CONFIG": os.devnull, "WHOSENT_REGISTRIES__RDAP_BOOTSTRAP": "http://127.0.0.1:1/",
        "WHOSENT_REGISTRIES__WHOIS_SERVER": "127.0.0.1:1", "WHOSENT_REGISTRIES__DNS_SERVER": resolver,
    }  # fmt: skip
    program = [sys.executable, "-m", "whosent", "trace", "--json", "--investigate", "--reach", reach, str(mail)]
    done = subprocess.run(program, capture_output=True, env=environment, check=False)
    assert done.stderr == b"", done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_command_asks_for_the_key_where_it_may(pair: tuple[bytes, str], resolver: str, tmp_path: Path) -> None:
    mail = tmp_path / "spam.eml"
    mail.write_bytes(signed(pair))
    (offline,) = investigated(mail, "offline", resolver)["inquiry"]["signatures"]
    assert (offline["result"], offline["problem"], Dns.asked) == ("not verified", NEEDS_DNS, [])
    said = investigated(mail, "dns", resolver)
    assert [one["result"] for one in said["inquiry"]["signatures"]] == ["valid"]
    assert "s1._domainkey.shop.example." in Dns.asked
    assert said["suspect"] is None
    mail.write_bytes(signed(pair).replace(b"Buy", b"Sell"))
    tampered = investigated(mail, "dns", resolver)
    assert [one["result"] for one in tampered["inquiry"]["signatures"]] == ["invalid"]
    assert tampered["suspect"] is None
