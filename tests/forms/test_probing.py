"""Probes of a form: what is submitted, and that only a token of this very form is proof against it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qs

import pytest

from whosent.auditing import examine
from whosent.checks.forms import check
from whosent.forms.pages import forms
from whosent.model.check import (
    Answer,
    Arrivals,
    Arrived,
    Await,
    Fetch,
    Fetched,
    Knowledge,
    Problem,
    Question,
    Result,
    Sink,
    Target,
)
from whosent.model.settings import Settings

URL = "http://www.corp.test/contact.html"
PAGE = """<form action="/search"><input name=q></form>
<form action="send.php" method="post"><input name="email"><input name="subject"><input type=hidden name=token value=t1>
<textarea name="message"></textarea><input type=submit name=send value=Go></form>
<form action="http://elsewhere.example/steal" method=post><textarea name=x></textarea></form>"""
SINK = Sink(address="198.51.100.60", domain="sink.test", key=b"k", query="http://198.51.100.60:8025")


class Site:
    """A web site, and the sink; ``passes`` are the keys of probes whose token arrives."""

    def __init__(self, page: str = PAGE, status: int = 200, passes: tuple[str, ...] = (), stray: str = "") -> None:
        self.posted: dict[str, Fetch] = {}
        self._page, self._status, self._passes, self._stray = page, status, passes, stray

    def ask(self, questions: Iterable[Question], _knowledge: Knowledge) -> Iterable[Answer]:
        for question in questions:
            if isinstance(question, Await):
                keys = list(self.posted)
                tokens = [token for key, token in zip(keys, question.tokens, strict=True) if key in self._passes]
                came = tuple(
                    Arrived(token, 1.0, "203.0.113.2", "mail", headers="To: x") for token in [*tokens, self._stray]
                )
                yield Arrivals(key=question.key, at=1, arrived=came)
            else:
                assert isinstance(question, Fetch)
                if question.key == "page":
                    headers = (("Set-Cookie", "sid=1; path=/"),)
                    yield Fetched(key="page", at=1, status=200, headers=headers, body=self._page.encode())
                else:
                    self.posted[question.key] = question
                    yield Fetched(key=question.key, at=1, status=self._status)


def told(site: Site, sink: Sink | None = SINK, url: str = URL) -> Result:
    knowledge = Knowledge(settings=Settings(), run="r", moment=1_800_000_000, sink=sink)
    [result] = examine(check, Target(url), knowledge, site.ask)
    return result


def test_what_is_submitted_is_the_forms_own_fields_with_one_foreign_recipient() -> None:
    site = Site()
    told(site)
    assert set(site.posted) == {"recipient", "recipient-bare", "sender-lf", "sender-crlf", "name-lf", "subject-lf"}
    for post in site.posted.values():
        assert post.url == "http://www.corp.test/send.php"
        assert dict(post.headers)["Cookie"] == "sid=1"
        fields = parse_qs(post.body.decode())
        assert fields["token"][0].startswith("t1")
        assert "harmless test" in fields["message"][0]
        assert post.body.decode().count("%40sink.test") >= 1
    sender = parse_qs(site.posted["sender-lf"].body.decode())["email"][0]
    assert "\nBcc: " in sender
    assert "\r" not in sender
    assert "\r\nBcc: " in parse_qs(site.posted["sender-crlf"].body.decode())["email"][0]


def test_open_is_what_arrived() -> None:
    found = told(Site(passes=("sender-lf",)))
    assert (found.verdict, found.severity) == ("open", "critical")
    assert "a line feed and Bcc in the sender's address reached the sink" in found.why
    assert [one.verdict for one in found.vectors] == ["closed", "closed", "open", "closed", "closed", "closed"]
    assert found.left


def test_what_did_not_arrive_is_closed_and_what_was_not_taken_undecided() -> None:
    assert told(Site()).verdict == "closed"
    assert told(Site(status=500)).verdict == "undecided"
    assert told(Site(status=400)).verdict == "closed"


def test_a_token_of_another_form_is_no_proof() -> None:
    other = Site(passes=("recipient",))
    proof = told(other, url="http://www.corp.test/other.html").vectors[0].token
    assert proof
    assert told(Site(stray=proof)).verdict == "closed"


@pytest.mark.parametrize(
    ("site", "sink", "words"),
    [(Site(), None, "start whosent sink"), (Site(PAGE + "<div class='g-recaptcha'>"), SINK, "captcha")],
)  # fmt: skip
def test_what_cannot_be_proven_is_not_tried(site: Site, sink: Sink | None, words: str) -> None:
    found = told(site, sink)
    assert found.verdict == "undecided"
    assert words in found.why
    assert not site.posted


def test_a_page_that_cannot_be_fetched_is_undecided() -> None:
    class Gone(Site):
        def ask(self, questions: Iterable[Question], _knowledge: Knowledge) -> Iterable[Answer]:
            return [Fetched(key=one.key, at=1, problem=Problem("refused", "Nobody listens.")) for one in questions]

    assert told(Gone()).why == "Nobody listens."


def test_a_script_without_a_page_is_sent_the_usual_fields() -> None:
    site = Site("Thank you.")
    told(site, url="http://www.corp.test/cgi-bin/formmail.pl")
    assert "recipient" in parse_qs(site.posted["recipient"].body.decode())


def test_only_forms_of_the_same_site_are_read() -> None:
    assert [one.action for one in forms(URL, PAGE)] == ["http://www.corp.test/send.php", "http://www.corp.test/search"]
    many = forms(URL, "<form action=a>" * 500 + "<input name=x>" * 500)
    assert sum(len(one.fields) for one in many) <= 200
    assert len(many) <= 200
