"""Trouble without a break-in, on recorded lines and in stories: whose it is, and what is held against nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.join.kit import only, rows_of
from tests.stories.kit import DAY, HOUR, MX, START, Script, account, machine, stranger, user
from tests.test_cases import DETECTORS, run, story
from whosent.casebook import Case, notices, open_cases
from whosent.measures.bulk import base
from whosent.model.correspondents import original_sender
from whosent.model.finding import Cause
from whosent.model.rows import Message, Outcome, Reason, Result
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whosent.model.finding import Finding
    from whosent.model.pile import Pile
    from whosent.model.rows import Row

NO_BREAK_IN = ("break-in", "broke in", "broken into", "gone wild", "takes for proof that it is one of us")
SAMPLES = Path(__file__).parent / "samples" / "postfix"


def recorded(name: str, times: int = 1) -> list[Row]:
    """The rows of a recorded log, played several times with other senders and queue ids."""
    log = (SAMPLES / name).read_bytes()
    prefix = log.partition(b": 4j")[2][:4]
    lines = [
        log.replace(b"4j" + prefix, b"4k%04d" % number).replace(b"forged@", b"forged%d@" % number)
        for number in range(times)
    ]
    return rows_of([b"".join(lines)], "10.77.0.0/24")


def findings(rows: Iterable[Row | Pile]) -> list[Finding]:
    rows = list(rows)
    return [finding for detector in DETECTORS.values() for finding in run(detector, rows)]


def told(name: str) -> list[Case]:
    return open_cases(findings(story(name)))


# ------------------------------------------------------------------ real lines


def test_the_recorded_alias_is_the_forwarder() -> None:
    (finding,) = run(DETECTORS["forwarding"], recorded("forwarded-spam.log", 30))
    assert (finding.suspect.kind, finding.suspect.name) == ("forwarder", "old@corp.test")
    assert finding.facts["destination"] == "spam@bigmail.test"
    assert finding.facts["refused_as_spam"] == 30


def test_the_recorded_sieve_redirect_is_the_forwarder_and_vmail_is_not_accused() -> None:
    rows = recorded("sieve-redirect.log", 60)
    (finding,) = run(DETECTORS["forwarding"], rows)
    assert (finding.suspect.name, finding.suspect.address) == ("carol@corp.test", "carol.home@bigmail.test")
    assert any("the letter" in quote.note for quote in finding.quotes)
    assert finding.facts["destination"] == "carol.home@bigmail.test"
    refused = [row for row in only(Outcome, rows) if row.result is Result.BOUNCED and row.actor.kind == "local_user"]
    assert len(refused) == 60
    assert {case.cause for case in open_cases(findings(rows))} == {Cause.FORWARDED_SPAM}


def test_the_recorded_vacation_is_backscatter_and_vmail_is_not_accused() -> None:
    rows = recorded("sieve-vacation.log", 60)
    (finding,) = run(DETECTORS["backscatter"], rows)
    assert (finding.suspect.name, finding.suspect.account) == ("bob@corp.test", "bob@corp.test")
    assert finding.facts["sent_by"] == "automatic answers"
    assert finding.facts["refused"] == 60
    assert {case.cause for case in open_cases(findings(rows))} == {Cause.BACKSCATTER}


def test_the_recorded_bounce_is_laid_to_the_address_that_does_not_exist() -> None:
    rows = [*recorded("own-name.log"), *recorded("backscatter.log", 30)]
    (finding,) = run(DETECTORS["backscatter"], rows)
    assert (finding.suspect.name, finding.suspect.account) == ("nobody@corp.test", None)
    assert finding.facts["unknown_users"] == 30


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("loops-back-to-myself.log", "bob@corp.test"),
        ("too-many-hops-web.log", "team@round.test"),
        ("forwarding-loop.log", "games@localhost"),
    ],
)
def test_recorded_loops_are_named(log: str, name: str) -> None:
    rows = [*recorded("own-name.log"), *(row for _ in range(3) for row in recorded(log))]
    rows = [row for row in rows if not isinstance(row, Outcome) or row.result is not Result.LOCAL or b"bob" in row[5]]
    (finding,) = run(DETECTORS["loops"], rows)
    assert (finding.suspect.name, finding.cause) == (name, Cause.MAIL_LOOP)


def test_a_loop_between_two_hosts_of_ours_is_seen_from_one_of_them() -> None:
    (finding,) = run(DETECTORS["repetition"], recorded("too-many-hops.log", 12))
    assert (finding.suspect.name, finding.cause) == ("team@round.test", Cause.MAIL_LOOP)
    assert "10.77.0.20" in finding.sentence


# ------------------------------------------------------------------ all detectors together


@pytest.mark.parametrize(
    ("name", "kind", "suspect", "cause"),
    [
        ("forwarded_spam", "forwarder", "alumni1@corp.example", Cause.FORWARDED_SPAM),
        ("sieve_redirect", "forwarder", "boss@corp.example", Cause.FORWARDED_SPAM),
        ("bounces_to_strangers", "backscatter", "corp.example", Cause.BACKSCATTER),
        ("answers_to_spam", "backscatter", "info@corp.example", Cause.BACKSCATTER),
        ("mailman_with_dead_members", "list", "news-bounces@lists.corp.example", Cause.DIRTY_LIST),
        ("spam_from_yourself", "relay", "198.51.100.9", Cause.DIRECTION_CONFUSION),
        ("relay_by_our_name", "relay", "60.7.3.4", Cause.DIRECTION_CONFUSION),
        ("loops_back", "forwarder", "customer.example", Cause.MAIL_LOOP),
        ("ping_pong", "account", "support@corp.example", Cause.MAIL_LOOP),
        ("alarm_gone_wild", "local_user", "uid 112", Cause.UNUSUAL_VOLUME),
    ],
)
def test_one_incident_with_the_right_cause(name: str, kind: str, suspect: str, cause: Cause) -> None:
    cases = told(f"causes:{name}")
    assert [(case.suspect.kind, case.suspect.name, case.cause) for case in cases] == [(kind, suspect, cause)]
    assert any(words in cases[0].sentence for words in NO_BREAK_IN)


@pytest.mark.parametrize(
    "name",
    ["forwarded_with_few_refusals", "refused_whoever_writes", "honest_bounces", "out_of_office", "mailman",
     "notes_to_oneself", "wrong_mx_elsewhere", "busy_pairs", "provider_out", "mistyped_domain"],
)  # fmt: skip
def test_nobody_is_named_where_all_is_as_it_should_be(name: str) -> None:
    accused = [finding.sentence for finding in findings(story(f"causes:{name}")) if finding.accuses]
    assert not accused


def test_an_outage_is_one_notice_and_no_incident() -> None:
    found = findings(story("causes:provider_out"))
    (notice,) = notices(found)
    assert notice.facts["destination"] == "dom0.example"
    assert open_cases(found) == []
    refused = [row for row in story("causes:provider_out") if isinstance(row, Outcome) and row.reason is Reason.ROUTE]
    at_the_provider = [
        row for row in refused if row.recipient.endswith(b"@dom0.example") and notice.since <= row.time <= notice.until
    ]
    assert notice.since <= START + DAY + 10 * HOUR
    assert notice.until > START + DAY + 11.9 * HOUR
    assert notice.facts["deferred"] == len(at_the_provider)
    assert notice.facts["senders"] == len({row.actor for row in at_the_provider})


def test_a_thief_is_named_although_a_provider_is_down() -> None:
    found = findings(story("causes:stolen_account_in_an_outage"))
    assert [case.suspect.name for case in open_cases(found)] == ["alice@corp.example"]
    assert [notice.detector for notice in notices(found)] == ["outage"]


def test_a_stolen_account_is_named_beside_its_dirty_list() -> None:
    causes = {(case.suspect.kind, case.cause) for case in told("causes:stolen_newsletter_account")}
    assert ("account", Cause.COMPROMISED_ACCOUNT) in causes


# ------------------------------------------------------------------ what an answer excuses


def test_one_letter_excuses_a_few_answers_and_no_campaign() -> None:
    surroundings, script = Surroundings(Ours()), Script(1)
    client, vmail = stranger("192.0.2.1"), user(5000, "vmail")
    script.add(
        Message, START, actor=client, queue_id="", sender=b"x@a.example", size=1, recipient_count=1, opened=START
    )
    script.answer(START + 1, client, "me@corp.example", Result.LOCAL, sender=b"x@a.example")
    for number in range(20):
        script.answer(START + 2 + number, vmail, f"v{number}@b.example", Result.BOUNCED, sender=b"x@a.example")
    verdicts = []
    for row in script.rows():
        if isinstance(row, Message):
            surroundings.learn_message(row)
        elif isinstance(row, Outcome):
            surroundings.learn_outcome(row)
            if row.actor == vmail:
                verdicts += [surroundings.correspondents.explains(row), surroundings.correspondents.explains(row)]
    assert verdicts == [True] * 10 + [False] * 30


def test_a_letter_in_our_own_name_excuses_nothing() -> None:
    surroundings, script = Surroundings(Ours(domains=("corp.example",))), Script(1)
    script.mail(START, stranger("192.0.2.1"), ["me@corp.example"], sender="boss@corp.example")
    script.mail(START + 9, machine("10.0.0.7"), ["v@b.example"], sender="boss@corp.example")
    for row in script.rows():
        if isinstance(row, Message):
            surroundings.learn_message(row)
        elif isinstance(row, Outcome):
            assert not surroundings.correspondents.explains(row)


def test_what_a_machine_hands_in_does_not_excuse_itself() -> None:
    surroundings, script = Surroundings(Ours()), Script(1)
    pc = machine("10.0.7.31")
    script.mail(START, pc, script.people(50), sender="spam@elsewhere.example")
    for row in script.rows():
        if isinstance(row, Message):
            surroundings.learn_message(row)
        elif isinstance(row, Outcome):
            surroundings.learn_outcome(row)
            assert not surroundings.correspondents.explains(row)


@pytest.mark.parametrize(
    ("rewritten", "sender"),
    [
        (b"SRS0=x1y2=Z3=world.example=anna@corp.example", b"anna@world.example"),
        (b"srs0+x1y2=Z3=world.example=anna=b@corp.example", b"anna=b@world.example"),
        (b"SRS1=ab=relay.example==x1y2=Z3=world.example=anna@corp.example", b"anna@world.example"),
        (b"anna@world.example", b"anna@world.example"),
        (b"SRSanna@world.example", b"SRSanna@world.example"),
        (b"", b""),
    ],
)
def test_the_sender_before_a_forwarder_rewrote_it(rewritten: bytes, sender: bytes) -> None:
    assert original_sender(rewritten) == sender


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        (b"news-bounces+anna=big.example@lists.example", b"news-bounces@lists.example"),
        (b"bounces-anna=big.example@lists.example", b"bounces@lists.example"),
        (b"anna@big.example", b"anna@big.example"),
        (b"a=b@big.example", b"a=b@big.example"),
        (b"", b""),
    ],
)
def test_the_address_behind_a_lists_senders(sender: bytes, address: bytes) -> None:
    assert base(sender) == address


# ------------------------------------------------------------------ bounded, whatever comes


def test_a_million_pairs_are_not_remembered() -> None:
    detector = DETECTORS["repetition"]
    script = Script(3)
    for number in range(120_000):
        script.answer(
            START + number * 0.01, account("a"), f"r{number}@x.example", Result.SENT, sender=b"s@corp.example"
        )
    for number in range(400):
        script.answer(START + 1300 + number, account("a"), "one@x.example", Result.SENT, sender=b"s@corp.example")
    (finding,) = run(detector, script.rows())
    assert finding.cause is Cause.UNUSUAL_VOLUME
    assert finding.facts["recipient"] == "one@x.example"


def test_letters_are_forgotten_by_and_by() -> None:
    surroundings = Surroundings(Ours())
    for number in range(120_000):
        sender = b"s%d@x.example" % number
        surroundings.learn_message(Message(START, number, stranger("192.0.2.1"), "", sender, 1, 1, START))
    answer = Outcome(
        START, 7, user(5000, "vmail", MX), "", b"", b"s0@x.example", Result.BOUNCED, Reason.NONE, "r", forwarded=False
    )
    late = answer._replace(ref=8, recipient=b"s119999@x.example")
    assert not surroundings.correspondents.explains(answer)
    assert surroundings.correspondents.explains(late)


def test_letters_that_a_gateway_of_ours_delivers_are_forgotten_too() -> None:
    surroundings = Surroundings(Ours())
    gateway = machine("10.0.0.2")
    for number in range(60_000):
        sender = b"s%d@x.example" % number
        letter = Outcome(
            START, number, gateway, "", sender, b"me@corp.example", Result.LOCAL, Reason.NONE, "", forwarded=False
        )
        surroundings.learn_outcome(letter)
    answer = Outcome(
        START,
        7,
        user(5000, "vmail", MX),
        "",
        b"",
        b"s59999@x.example",
        Result.BOUNCED,
        Reason.NONE,
        "r",
        forwarded=False,
    )
    assert surroundings.correspondents.explains(answer)
    assert not surroundings.correspondents.explains(answer._replace(ref=8, recipient=b"s0@x.example"))


def test_an_hour_without_a_word_ends_an_outage() -> None:
    script = Script(4)
    for at in (0.0, HOUR * 0.9, HOUR * 1.8, HOUR * 5):
        for number in range(30):
            script.answer(
                START + at + number, account(f"s{number}"), f"r{number}@x.example", Result.DEFERRED, Reason.ROUTE
            )
    script.answer(START + 9 * HOUR, account("s1"), "r@x.example", Result.SENT)
    (finding,) = run(DETECTORS["outage"], script.rows())
    assert (finding.facts["deferred"], finding.facts["senders"]) == (90, 30)
    assert (finding.since, finding.until) == (START, START + 1.8 * HOUR + 29)
