"""Messages by strangers, broken in the ways they are broken."""

from __future__ import annotations

import pytest

from whosent.complaints.mail import parse, plain


def parts(raw: bytes) -> list[tuple[str, str]]:
    return [(part.kind, part.text.strip()) for part in parse(raw).parts]


def test_nested_parts_come_out_flat_and_in_order() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n"
        b"--b\nContent-Type: text/plain\n\none\n--b\nContent-Type: text/html\n\n<p>two</p>\n--b--\n"
        b"--a\nContent-Type: message/rfc822\n\nSubject: three\n\n--a--\n"
    )
    assert parts(raw) == [("text/plain", "one"), ("text/html", "two"), ("message/rfc822", "Subject: three")]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: multipart/mixed;\nboundary=a\n",  # not folded
        b"Content-Type: multipart/mixed\n",  # lost
    ],
)
def test_a_lost_boundary_is_guessed(head: bytes) -> None:
    assert parts(head + b"\n--abcde\nContent-Type: text/plain\n\none\n--abcde--\n") == [("text/plain", "one")]


def test_a_multipart_without_parts_is_text() -> None:
    assert parts(b"Content-Type: multipart/report; boundary=zz\n\nAll in one.\n") == [("text/plain", "All in one.")]
    assert parts(b"Content-Type: multipart/report\n\nAll in one.\n") == [("text/plain", "All in one.")]


def test_a_part_without_its_own_head_is_the_message_it_begins_with() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=a\n\n--a\nReceived: from x by y\nFrom: a@b.test\n\nbody\n--a--\n"
    [part] = parse(raw).parts
    assert part.is_original
    assert part.raw.startswith(b"Received: from x")


def test_text_before_and_behind_the_parts_counts() -> None:
    before, behind = (
        b"Text before the parts, longer than nothing at all.",
        b"Text behind the parts, longer than nothing at all.",
    )
    raw = b"Content-Type: multipart/mixed; boundary=a\n\n" + before + b"\n--a\n\none\n--a--\n" + behind + b"\n"
    assert [text for _, text in parts(raw)] == [before.decode(), "one", behind.decode()]


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        (b"Content-Transfer-Encoding: base64", b"SGVsbG8=", "Hello"),
        (b"Content-Transfer-Encoding: base64", b"SGVs\nbG8", "Hello"),
        (b"Content-Transfer-Encoding: base64", b"SGVsbG8gd29ybGQhX", "Hello world!"),
        (b"Content-Transfer-Encoding: quoted-printable", b"H=65llo=\n!", "Hello!"),
        (b"Content-Type: text/plain; charset=iso-8859-1", b"gr\xfc\xdfe", "gr\u00fc\u00dfe"),
        (b"Content-Type: text/plain; charset=utf-8", b"gr\xc3\xbc", "gr\u00fc"),
        (b"Content-Type: text/plain; charset=idna", b"gr\xc3\xbc", "gr\u00fc"),
        (b"Content-Type: text/plain; charset=gb99999", b"gr\xfc", "gr\u00fc"),
        (b"Content-Type: text/plain; charset=no-such", b"gr\xfc", "gr\u00fc"),
        (b'Content-Type: "text/plain"; charset="us-ascii"', b"x", "x"),
        (b"Content-Type: nonsense", b"x", "x"),
    ],
)
def test_encodings_and_charsets(head: bytes, body: bytes, text: str) -> None:
    [(kind, said)] = parts(head + b"\n\n" + body)
    assert kind == "text/plain"
    assert said == text


def test_heads_are_unfolded_and_what_is_no_field_is_left_out() -> None:
    mail = parse(b"From x Mon Nov 16 00:00:00 2026\nSubject: a\n\tb\n c\n: nothing\nno field\nTO: x\nto: y\n\nbody")
    assert mail.headers.fields == [("subject", "a b c"), ("to", "x"), ("to", "y")]
    assert mail.headers.all("to") == ["x", "y"]
    assert mail.headers.get("none") == ""
    assert parse(b"no head at all\n").headers.fields == []
    assert parse(b" folded: first\n").headers.fields == []


def test_encoded_words() -> None:
    assert parse(b"Subject: =?utf-8?B?w7w=?= x\n\n").headers.text("subject") == "\u00fc x"
    assert parse(b"Subject: =?utf-8?B?####a?=\n\n").headers.text("subject")
    assert parse(b"Subject: plain\n\n").headers.text("subject") == "plain"


def test_limits_are_told() -> None:
    many = parse(b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nx\n" * 500)
    assert len(many.parts) == 200
    assert "parts" in many.problems[0]
    assert "bytes" in parse(b"x" * (5 << 20)).problems[0]
    assert len(parse(b"".join(b"X-%d: y\n" % number for number in range(9_000))).headers.fields) <= 2_001


def test_html_is_read_without_its_tags() -> None:
    assert plain("<style>a{}</style><p>one&nbsp;&lt;two&gt;</p><br>three").split() == ["one", "<two>", "three"]
