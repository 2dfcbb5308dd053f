"""Authentication-Results: believed by their place and our own name alone, whatever a sender writes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.trace.kit import DATE, message, ours, traced
from whosent.model.finding import Level
from whosent.model.settings import Ours as Configured
from whosent.model.surroundings import Surroundings
from whosent.trace.assembly import trace
from whosent.trace.heads import Block
from whosent.trace.ours import Ours
from whosent.trace.results import Field, authenticated

HOP = f"from x (x [203.0.113.66]) by mx.example.org (Postfix) with ESMTP id 4XA; {DATE}"
INNER = f"from mx.example.org (mx.example.org [10.0.0.2]) by store.example.org (Postfix) with ESMTP id 4XB; {DATE}"
TOLD = (
    "mx.example.org; spf=pass (sender SPF authorized; dkim=fail) smtp.mailfrom=a@shop.example; "
    'dkim=pass reason="2048 bit; x" header.d=shop.example header.i="@shop.example"; '
    "dmarc=fail header.from=bank.example"
)


def believing(*ids: str) -> Ours:
    configured = Configured(networks=("10.0.0.2/32",), mail_servers=("mx.example.org",), authserv_ids=ids)
    return Ours(Surroundings(configured), ("mx.example.org", "store.example.org"))


def levels(*fields: str, known: Ours) -> list[Level]:
    block = Block("".join(f"{field}\n" for field in fields).encode(), None)
    return [one.level for one in trace(block, "a.eml", 1, known, None).authentication]


def test_methods_results_and_properties() -> None:
    one = traced(HOP, headers=(f"Authentication-Results: {TOLD}",))
    assert [(each.method, each.result, each.properties) for each in one.authentication] == [
        ("spf", "pass", {"smtp.mailfrom": "a@shop.example"}),
        ("dkim", "pass", {"header.d": "shop.example", "header.i": "@shop.example"}),
        ("dmarc", "fail", {"header.from": "bank.example"}),
    ]
    assert {each.level for each in one.authentication} == {Level.CLAIMED}


def test_above_the_line_that_took_the_message_it_is_ours() -> None:
    known = believing()
    result = "Authentication-Results: mx.example.org; spf=fail smtp.mailfrom=a@b.example"
    foreign = "Authentication-Results: mx.else.example; spf=pass smtp.mailfrom=a@b.example"
    hop, inner = f"Received: {HOP}", f"Received: {INNER}"
    assert levels(inner, result, hop, known=known) == [Level.ATTESTED]
    assert levels(inner, hop, result, known=known) == [Level.CLAIMED]
    assert levels(inner, foreign, hop, known=known) == [Level.CLAIMED]


def test_a_border_that_strips_its_name_is_believed_right_below_its_line_only() -> None:
    known = believing("mx.example.org")
    result = "Authentication-Results: MX.example.org; dkim=pass header.d=b.example"
    hop, forged = f"Received: {HOP}", f"Received: from y (y [198.51.100.7]) by z.example with SMTP id 1; {DATE}"
    assert levels(hop, result, known=known) == [Level.ATTESTED]
    assert levels(hop, forged, result, known=known) == [Level.CLAIMED]
    assert levels(result, known=known) == [Level.CLAIMED]


def test_without_any_believed_line_nothing_is_ours() -> None:
    fields = [Field("mx.example.org; spf=pass", 0)]
    assert [one.level for one in authenticated(fields, 0, ours())] == [Level.CLAIMED]


def test_a_flood_is_bounded() -> None:
    many = tuple(f"Authentication-Results: mx.example.org; {'spf=pass; ' * 50}" for _ in range(100))
    assert len(trace(message(HOP, headers=many), "a.eml", 1, ours(), None).authentication) == 40


@given(st.text(max_size=300))
def test_whatever_stands_there_is_read_or_passed_over(text: str) -> None:
    for one in authenticated([Field(text, 0), Field(f"mx.example.org; {text}", 1)], 1, believing("mx.example.org")):
        assert one.method.isascii() or one.method
        assert one.level in {Level.ATTESTED, Level.CLAIMED}
