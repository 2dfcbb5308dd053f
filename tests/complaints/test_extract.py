"""Mailboxes, addresses and moments as strangers write them."""

from __future__ import annotations

import pytest

from whosent.complaints.extract import address, addresses, is_public, links, mailbox, mailboxes, moment
from whosent.complaints.original import read_received


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bob <Bob@Example.ORG>", "Bob@example.org"),
        ("bob@example.org, x", "bob@example.org"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("<mailto:bob@example.org>", "bob@example.org"),
        ("<>", None),
        ("nobody", None),
    ],
)
def test_mailbox(text: str, found: str | None) -> None:
    assert mailbox(text) == found


def test_mailboxes_once_and_in_order() -> None:
    assert mailboxes("b@x.test a@x.test b@X.test") == ["b@x.test", "a@x.test"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("192[.]0[.]2[.]1", "192.0.2.1"),
        ("192.000.002.001", "192.0.2.1"),
        ("IPv6:2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("999.1.1.1", None),
        ("0999.1.1.1", None),
        ("x", None),
    ],
)
def test_address(text: str, found: str | None) -> None:
    assert address(text) == found


def test_addresses_in_a_text() -> None:
    text = "192.0.2.1, v1.2.3.4 1.2.3.4.5 at 10:20:30 2001:db8::1. x192.0.2.9 192[.]0[.]2[.]7 fe80::2"
    assert list(addresses(text)) == ["192.0.2.1", "2001:db8::1", "192.0.2.7", "fe80::2"]
    assert [is_public(one) for one in ("192.0.2.1", "10.0.0.1", "8.8.8.8", "224.0.0.1", "fe80::2")] == [
        True, False, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Tue, 17 Nov 2026 09:59:30 +0000", 1_794_909_570.0),
        ("Tue, 17 Nov 2026 10:59:30 +0100 (CET)", 1_794_909_570.0),
        ("2026-11-17T09:59:30Z", 1_794_909_570.0),
        ("2026-11-17 10:59:30+01:00", 1_794_909_570.0),
        ("2026-11-17 09:59 UTC", 1_794_909_540.0),
        ("on Tuesday 17 Nov 2026 09:59:30 +0000, at night", 1_794_909_570.0),
        ("Thu, 1 Jan 1960 00:00:00 +0000", None),
        ("Thu, 1 Jan 2150 00:00:00 +0000", None),
        ("Thu, 31 Feb 2026 00:00:00 +0000", None),
        ("2026-13-17T09:59:30Z", None),
        ("9999999999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_moment(text: str, seconds: float | None) -> None:
    assert moment(text) == seconds


def test_links_as_written() -> None:
    assert links("see http://a.test/x, hxxps://b[.]test and www.c.test.") == (
        "http://a.test/x",
        "hxxps://b[.]test",
        "www.c.test",
    )


@pytest.mark.parametrize(
    ("line", "host", "queue_id", "client", "port"),
    [
        ("from a (b [192.0.2.1]) by mx.test (Postfix) with ESMTPS id 4ABCDEF for <x@y.test>", "mx.test", "4ABCDEF",
         "192.0.2.1", None),
        ("from [192.0.2.1] (port=4711 helo=x) by mx.test with esmtpa (Exim 4.96) id 1xWtx7-0001mB-19", "mx.test",
         "1xWtx7-0001mB-19", "192.0.2.1", 4711),
        ("from unknown (HELO x) (192.0.2.1) by 0 with SMTP", "0", "", "192.0.2.1", None),
        ("from mail ([192.0.2.1]:4711) by mx.test id abcdefg", "mx.test", "abcdefg", "192.0.2.1", 4711),
        ("from x ([IPv6:2001:db8::1]) by mx.test with ESMTP id abcdefg", "mx.test", "abcdefg", "2001:db8::1", None),
    ],
)  # fmt: skip
def test_received(line: str, host: str, queue_id: str, client: str | None, port: int | None) -> None:
    claim = read_received(f"{line}; Tue, 17 Nov 2026 09:59:30 +0000")
    assert claim
    assert (claim.host, claim.queue_id, claim.address, claim.port) == (host, queue_id, client, port)
    assert claim.time == 1_794_909_570.0


def test_a_line_that_says_nothing_is_no_claim() -> None:
    assert read_received("nothing at all") is None
    assert read_received("(qmail 2222 invoked by uid 1024); Tue, 17 Nov 2026 09:59:30 +0000") is None
