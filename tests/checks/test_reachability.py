"""Whether complaints reach us: what a server says of abuse@ and postmaster@, and what a registry names."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.checks.namespace import MOMENT, World
from whosent.auditing import examine
from whosent.checks.reachability import check
from whosent.model.check import (
    Answer,
    Dialogue,
    Knowledge,
    Obstacle,
    Problem,
    Question,
    Replies,
    Reply,
    Result,
    Said,
    Target,
)
from whosent.model.registered import Registered, Registrant
from whosent.model.settings import Identity, Ours, Settings
from whosent.published.programmes import ALL

ZONE = """
corp.test MX 10 mx.corp.test.
corp.test TXT v=spf1 ip4:203.0.113.2 -all
corp.test TXT google-site-verification=abc
"""


class Place(World):
    """A mail server with a word for each address, and a registry."""

    def __init__(self, answers: dict[str, tuple[int, str]], contact: str = "abuse@corp.test", zone: str = ZONE,
                 problem: Obstacle | None = None) -> None:  # fmt: skip
        super().__init__(zone)
        self._words, self._contact, self._problem = answers, contact, problem

    def _answer(self, question: Question) -> Answer:
        problem = Problem(self._problem, "It went wrong.") if self._problem else None
        if isinstance(question, Registered):
            return Registrant(
                key=question.key, at=MOMENT, problem=problem, server="rdap.test", network="203.0.113.0 - 203.0.113.255",
                holder="Corp <b>", abuse_contact=self._contact,
            )  # fmt: skip
        if isinstance(question, Dialogue):
            assert question.commands[1] == "MAIL FROM:<>"
            assert "DATA" not in question.commands
            command = question.commands[2]
            code, text = self._words.get(command, (250, "ok"))
            replies = (Reply("", 220, ("mx",)), Reply("EHLO x", 250, ("mx",)), Reply(command, code, (text,)))
            return Replies(
                key=question.key, at=MOMENT, replies=() if problem else replies, address="203.0.113.2", problem=problem,
                transcript=(Said("they", f"{code} {text}", 0.1),),
            )  # fmt: skip
        return super()._answer(question)


def told(place: Place, settings: Settings | None = None, target: str = "corp.test") -> dict[str, Result]:
    knowledge = Knowledge(
        settings=settings or Settings(ours=Ours(domains=("corp.test",))), moment=MOMENT, host="audit.corp.test"
    )
    found: Iterable[Result] = examine(check, Target(target), knowledge, place.ask)
    return {one.about: one for one in found}


def test_all_that_reaches_us_is_told_so() -> None:
    found = told(Place({}))
    assert found["abuse@corp.test"].verdict == "closed"
    assert found["postmaster@corp.test"].verdict == "closed"
    assert found["abuse contact of 203.0.113.2"].verdict == "closed"
    assert found["feedback loops"].verdict == "undecided"
    assert "Google Postmaster Tools" in found["feedback loops"].why


@pytest.mark.parametrize(("code", "verdict"), [(550, "open"), (451, "undecided"), (251, "closed")])
def test_the_servers_word_decides(code: int, verdict: str) -> None:
    found = told(Place({"RCPT TO:<abuse@corp.test>": (code, "5.1.1 \x1b[31mUser unknown")}))["abuse@corp.test"]
    assert found.verdict == verdict
    assert "\x1b" not in found.why
    if verdict == "open":
        assert found.fix[0].commands[0].endswith("echo 'abuse: root' >> /etc/aliases")
        assert found.fix[0].undo


def test_a_server_that_cannot_be_asked_accuses_nobody() -> None:
    found = told(Place({}, problem="timeout"))
    assert found["abuse@corp.test"].verdict == "undecided"
    assert found["abuse contact of 203.0.113.2"].verdict == "undecided"


def test_a_domain_without_any_mail_server_receives_nothing() -> None:
    found = told(Place({}, zone="corp.test TXT v=spf1 -all"))["abuse@corp.test"]
    assert (found.verdict, found.sentence) == ("open", "abuse@corp.test cannot receive mail.")
    silent = told(Place({}, zone="corp.test MX !timeout\ncorp.test A 203.0.113.9"))
    assert silent["abuse@corp.test"].verdict in {"undecided", "closed"}


@pytest.mark.parametrize(
    ("contact", "verdict", "words"),
    [("", "open", "names nobody"), ("abuse@isp.test", "open", "not us"), ("Abuse@Sub.Corp.Test", "closed", "ours"),
     ("noc@handler.test", "closed", "ours")],
)  # fmt: skip
def test_the_registered_contact_is_ours_or_not(contact: str, verdict: str, words: str) -> None:
    settings = Settings(ours=Ours(domains=("corp.test",)), identity=Identity(abuse_contacts=("noc@handler.test",)))
    found = told(Place({}, contact), settings)["abuse contact of 203.0.113.2"]
    assert found.verdict == verdict
    assert words in found.sentence


def test_who_is_enrolled_everywhere_has_nothing_left_to_do() -> None:
    settings = Settings(identity=Identity(enrolled=tuple(one.name for one in ALL)))
    assert told(Place({}), settings)["feedback loops"].verdict == "closed"
    assert all(one.where.startswith("https://") for one in ALL)


def test_targets_are_our_domains_and_nonsense_is_said() -> None:
    settings = Settings(ours=Ours(domains=("corp.test", "corp.test")))
    assert [str(one) for one in check.targets(Knowledge(settings=settings))] == ["corp.test"]
    assert "is no domain" in told(Place({}), target="no domain")[""].sentence
