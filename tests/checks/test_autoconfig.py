"""What mail programs are told, held against what the ports accept."""

from __future__ import annotations

from tests.checks.namespace import MOMENT, World
from whosent.auditing import examine
from whosent.autoconfig.documents import autoconfig, autodiscover
from whosent.autoconfig.offers import Offer
from whosent.checks.autoconfig import check
from whosent.model.check import (
    Answer,
    Dialogue,
    Exchange,
    Knowledge,
    Problem,
    Question,
    Received,
    Replies,
    Reply,
    Result,
    Target,
)
from whosent.model.settings import Ours, Settings

GOOD = [Offer("smtp", "mail.corp.test", 465, "tls"), Offer("imap", "mail.corp.test", 993, "tls")]
PAGE = "https://autoconfig.corp.test/mail/config-v1.1.xml"
OUTLOOK = "https://autodiscover.corp.test/autodiscover/autodiscover.xml"
ZONE = "corp.test MX 10 mx.corp.test."


class Ports(World):
    """Ports 465 and 993 are as they should be; nothing else listens."""

    def _answer(self, question: Question) -> Answer:
        if isinstance(question, Dialogue) and question.port == 465:
            lines = ("mail.corp.test", "AUTH PLAIN LOGIN")
            return Replies(key=question.key, at=MOMENT, replies=(Reply("EHLO x", 250, lines),), encrypted="TLSv1.3")
        if isinstance(question, Exchange) and question.port == 993:
            return Received(key=question.key, at=MOMENT, raw=b"* OK ready\r\n")
        if isinstance(question, (Dialogue, Exchange)):
            kind = Replies if isinstance(question, Dialogue) else Received
            return kind(key=question.key, at=MOMENT, problem=Problem("refused", "Nothing listens there."))
        return super()._answer(question)


def told(zone: str = ZONE, pages: dict[str, str] | None = None, target: str = "corp.test") -> dict[str, Result]:
    knowledge = Knowledge(settings=Settings(ours=Ours(domains=("corp.test",))), moment=MOMENT, host="audit.corp.test")
    found = examine(check, Target(target), knowledge, Ports(zone, pages=pages).ask)
    return {one.about: one for one in found}


def test_what_is_told_and_kept_is_in_order() -> None:
    pages = {PAGE: autoconfig("corp.test", "Corp", GOOD), OUTLOOK: autodiscover(GOOD)}
    zone = f"{ZONE}\n_submissions._tcp.corp.test SRV 0 1 465 mail.corp.test."
    found = told(zone, pages)
    assert {one.verdict for one in found.values()} == {"closed"}
    assert "autoconfig, autodiscover, SRV _submissions._tcp" in found["smtp at mail.corp.test:465 (tls)"].sentence


def test_each_broken_promise_is_named() -> None:
    offers = [
        *GOOD, Offer("smtp", "mail.corp.test", 587, "starttls"), Offer("smtp", "mail.corp.test", 25, "starttls"),
        Offer("pop3", "mail.corp.test", 110, "plain"), Offer("imap", "imap.elsewhere.example", 993, "tls"),
    ]  # fmt: skip
    found = told(pages={PAGE: autoconfig("corp.test", "Corp", offers)})
    assert {name: (one.verdict, one.severity) for name, one in found.items()} == {
        "smtp at mail.corp.test:465 (tls)": ("closed", "note"),
        "imap at mail.corp.test:993 (tls)": ("closed", "note"),
        "smtp at mail.corp.test:587 (starttls)": ("open", "warning"),
        "smtp at mail.corp.test:25 (starttls)": ("open", "warning"),
        "pop3 at mail.corp.test:110 (plain)": ("open", "critical"),
        "imap at imap.elsewhere.example:993 (tls)": ("undecided", "note"),
    }


def test_where_nothing_is_told_the_files_are_offered() -> None:
    found = told()["submission"]
    assert (found.verdict, found.severity) == ("open", "note")
    assert found.fix[0].commands == ["whosent submission autoconfig corp.test --output autoconfig-files"]
    assert "is no domain" in told(target="no domain")[""].sentence


def test_a_page_that_is_something_else_tells_nothing() -> None:
    server = "<outgoingServer type='smtp'><hostname>\x1b[31m</hostname><port>25</port></outgoingServer>"
    hostile = f"<clientConfig>{server}</clientConfig>"
    assert set(told(pages={PAGE: hostile, OUTLOOK: "<html>"})) == {"submission"}
