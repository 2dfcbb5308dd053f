"""Links and contacts found in the text of a message, however they are written; nothing is opened."""

from __future__ import annotations

import base64
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.trace.advertised import advertised
from whosent.trace.whereto import destination, registered_domain

FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))


@pytest.mark.parametrize(
    ("written", "host", "domain", "disguises"),
    [
        ("http://www.shop.example.co.uk/a?b", "www.shop.example.co.uk", "example.co.uk", ()),
        ("https://user:secret@evil.example.com:8443/x", "evil.example.com", "example.com", ("userinfo",)),
        ("http://bank.example.org@1.2.3.4/", "1.2.3.4", None, ("userinfo",)),
        ("hxxps://evil[.]example[.]com", "evil.example.com", "example.com", ("defanged",)),
        ("hxxp[:]//evil(dot)example dot com/a", "evil.example.com", "example.com", ("defanged",)),
        ("http://3405803777/", "203.0.113.1", None, ("number_for_address",)),
        ("http://0xcb.0x0.0161.1/", "203.0.113.1", None, ("number_for_address",)),
        ("http://203.28929/", "203.0.113.1", None, ("number_for_address",)),
        ("http://[2001:DB8::1]/", "2001:db8::1", None, ()),
        ("http://b\u00fccher.example/", "xn--bcher-kva.example", "xn--bcher-kva.example", ("other_alphabet",)),
        ("http://xn--bcher-kva.example/", "xn--bcher-kva.example", "xn--bcher-kva.example", ("other_alphabet",)),
        ("http://evil\u3002example\uff0ecom/", "evil.example.com", "example.com", ()),
        ("http://ex%61mple%2ecom/", "example.com", "example.com", ("percent_coding",)),
        ("http:\\\\evil.example.com\\a", "evil.example.com", "example.com", ("backslashes",)),
        ("http:///evil.example.com", "evil.example.com", "example.com", ()),
        ("http://good.example.org\\@evil.example.com/", "good.example.org", "example.org", ("backslashes",)),
        ("//evil.example.com/x", "evil.example.com", "example.com", ()),
    ],
)
def test_where_a_link_leads(written: str, host: str, domain: str | None, disguises: tuple[str, ...]) -> None:
    where = destination(written)
    assert where is not None
    assert (where.host, where.domain, where.disguises) == (host, domain, disguises)


@pytest.mark.parametrize(
    "written",
    [
        "http://",
        "http://x",
        "http://-a.example/",
        "http://[nonsense]/",
        "http://a..b/",
        "http://" + "a" * 300,
        "http://999.1.2.3/",
    ],
)
def test_what_leads_nowhere(written: str) -> None:
    assert destination(written) is None


def test_registered_domains() -> None:
    assert registered_domain("a.b.example.co.uk") == "example.co.uk"
    assert registered_domain("co.uk") is None
    assert registered_domain("192.0.2.1") is None


def message(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b"--b\nContent-Type: "
        + kind.encode()
        + b"\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(text)
        + b"\n"
        for kind, text in parts
    )
    return b"Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n" + body + b"--b--\n"


def test_parts_of_a_message() -> None:
    page = (
        b'<p>Write to <a href="mailto:a@drop.example.net?subject=x">us</a> or https://plain.example.info/.</p>'
        b'<a href="http://evil&#46;example.org/x">x</a><img src="//pixel.example.com/1.png"><form action="https://pay.example.de/">'
        b'<a href="javascript:alert(1)">y</a><a href="#top">z</a>'
    )
    found, digests = advertised(
        message(
            ("text/plain; charset=utf-8", b"see www.first.example.com, or bob [at] drop.example.org."),
            ("text/html; charset=nonsense", page),
            ("application/pdf", b"%PDF http://attached.example.com/"),
        )
    )
    assert [(one.kind, one.host, one.disguises) for one in found] == [
        ("link", "www.first.example.com", []),
        ("contact", "drop.example.org", ["defanged"]),
        ("contact", "drop.example.net", []),
        ("link", "evil.example.org", ["entities"]),
        ("link", "pixel.example.com", []),
        ("link", "pay.example.de", []),
        ("link", "plain.example.info", []),
    ]
    assert len(digests) == 3


def test_quoted_printable_and_no_mime_at_all() -> None:
    found, _ = advertised(
        b"Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nhttp://ev=\nil.example=2Ecom/=3Fa\n"
    )
    assert [one.host for one in found] == ["evil.example.com"]
    found, _ = advertised(b"Subject: x\n\nhttp://evil.example.com/\n")
    assert [one.text for one in found] == ["http://evil.example.com/"]


def test_bombs_are_bounded() -> None:
    many = b"".join(b"http://h%d.example.com/\n" % number for number in range(5_000))
    found, _ = advertised(b"Subject: x\n\n" + many)
    assert len(found) == 200
    deep = (
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 500
    )
    assert len(advertised(b"Subject: x\n" + deep)[1]) <= 100
    advertised(message(*[("text/plain", b"x")] * 300))
    advertised(b"Content-Type: text/html\n\n" + b"<a href='http://" * 50_000)


@settings(max_examples=2_000 if FULL else 120, deadline=None)
@given(st.integers(0, 2**63))
def test_any_bytes(seed: int) -> None:
    rng = random.Random(seed)
    salt = [b"<a href=", b"http://", b"hxxp", b"[.]", b"&#x2e;", b"%2e", b"@", b"\\", b"\xff", b"\0", b"=\n", b"xn--"]
    salt += [b"Content-Type: text/html\n\n", b"Content-Type: multipart/mixed; boundary=b\n\n", b"--b\n", b" dot "]
    salt += [b"1.2.3.4", b"<!", b"'"]
    advertised(b"Subject: x\n" + b"".join(rng.choices([*salt, rng.randbytes(4), b"example.com"], k=rng.randint(0, 40))))
