"""Findings of one suspect become one incident: one cause, one sentence, one strength."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.casebook import Case, identity, notices, open_cases
from whosent.model.finding import Cause, Finding, Quote, Strength, Suspect

ALICE = Suspect(kind="account", name="alice@example.org", host="mx")
WWW = Suspect(kind="local_user", name="www-data", host="web", uid=33)
FORM = Suspect(kind="script", name="/var/www/contact.php", host="web", uid=33)
SHOP = Suspect(kind="script", name="/var/www/shop.php", host="web", uid=33)

BASE = Finding(
    detector="outcomes", suspect=ALICE, cause=Cause.COMPROMISED_ACCOUNT, since=100.0, until=200.0,
    sentence="It did it.", measure=1.0, norm=None, unit="x", accuses=True, strength=Strength.SHOWN,
    witnesses=("syslog of mx",), quotes=(Quote(1, "a line"),), facts={"messages": 5, "recipients": 50, "refused": 20},
)  # fmt: skip


def found(**changes: Any) -> Finding:  # noqa: ANN401  # any field of a finding
    return msgspec.structs.replace(BASE, **changes)


def recorder(ref: int) -> str:
    return "php" if ref >= 1000 else "syslog"


def only_case(*findings: Finding) -> Case:
    (case,) = open_cases(findings, recorder)
    return case


def test_findings_of_one_suspect_are_one_incident() -> None:
    first = found(clause="first in short")
    second = found(detector="takeover", since=50.0, until=150.0, sentence="From everywhere.", clause="from 31 networks")
    third = found(detector="novelty", accuses=False, since=1.0, until=999.0, sentence="New.", clause="all of them new",
                  facts={"recipients": 70})  # fmt: skip
    case = only_case(third, second, first)
    assert (case.suspect, case.cause, case.strength, case.severity) == (
        ALICE, Cause.COMPROMISED_ACCOUNT, Strength.SHOWN, "critical",
    )  # fmt: skip
    assert (case.since, case.until) == (50.0, 200.0)
    assert (case.messages, case.recipients, case.refused) == (5, 70, 20)
    assert case.sentence == "It did it; from 31 networks; all of them new."
    assert [finding.detector for finding in case.findings] == ["outcomes", "takeover", "novelty"]


def test_the_order_of_findings_does_not_matter() -> None:
    findings = [
        found(), found(detector="takeover"), found(detector="novelty", accuses=False), found(suspect=WWW),
        found(suspect=FORM, detector="webscript", cause=Cause.ABUSED_FORM),
    ]  # fmt: skip
    expected = open_cases(findings, recorder)
    assert all(open_cases(order, recorder) == expected for order in permutations(findings))


@pytest.mark.parametrize(
    ("causes", "cause"),
    [
        ((Cause.UNUSUAL_VOLUME, Cause.COMPROMISED_ACCOUNT), Cause.COMPROMISED_ACCOUNT),
        ((Cause.ABUSED_SCRIPT, Cause.ABUSED_FORM), Cause.ABUSED_FORM),
        ((Cause.DIRTY_LIST, Cause.INFECTED_HOST), Cause.INFECTED_HOST),
        ((Cause.UNKNOWN, Cause.MAIL_LOOP), Cause.MAIL_LOOP),
    ],
)
def test_the_weightiest_cause_is_the_incidents(causes: tuple[Cause, Cause], cause: Cause) -> None:
    assert only_case(*(found(cause=each) for each in causes)).cause is cause


@given(st.lists(st.sampled_from(Cause), min_size=1, max_size=4))
def test_every_cause_has_its_place(causes: list[Cause]) -> None:
    assert only_case(*(found(cause=cause) for cause in causes)).cause in causes


def test_supporting_findings_of_one_detector_make_nothing() -> None:
    assert open_cases([found(accuses=False), found(accuses=False)], recorder) == []
    assert open_cases([found(accuses=False), found(accuses=False, detector="x", cause=Cause.UNKNOWN)], recorder) == []


def test_two_supporting_detectors_that_agree_make_a_warning_never_more() -> None:
    case = only_case(found(accuses=False), found(accuses=False, detector="novelty"))
    assert case.severity == "warning"


def test_what_stands_alone_is_told() -> None:
    volume = found(accuses=False, stands_alone=True, cause=Cause.UNUSUAL_VOLUME, severity="warning")
    listing = found(accuses=False, stands_alone=True, cause=Cause.UNKNOWN)
    assert only_case(volume).severity == "warning"
    assert open_cases([listing], recorder) == []
    assert notices([volume, listing]) == [listing]


# ------------------------------------------------------------------ strength


PHP = ("syslog of web", "PHP mail log")


@pytest.mark.parametrize(
    ("strength", "witnesses", "refs", "expected"),
    [
        (Strength.SHOWN, ("syslog of mx",), (1, 2), Strength.SHOWN),
        (Strength.SHOWN, PHP, (1, 1000), Strength.PROVEN),
        (Strength.SHOWN, PHP, (1, 2), Strength.SHOWN),  # PHP by way of syslog: anybody could have written both
        (Strength.SHOWN, ("syslog of mx",), (1, 1000), Strength.SHOWN),
        (Strength.SHOWN, PHP, (), Strength.SHOWN),  # nothing to show for it
        (Strength.PROVEN, ("syslog of mx",), (1,), Strength.SHOWN),
        (Strength.LIKELY, PHP, (1, 1000), Strength.LIKELY),
        (Strength.CANDIDATES, PHP, (1, 1000), Strength.CANDIDATES),
    ],
)
def test_proof_takes_two_witnesses_recorded_apart(
    strength: Strength, witnesses: tuple[str, ...], refs: tuple[int, ...], expected: Strength
) -> None:
    quotes = tuple(Quote(ref, "a line") for ref in refs)
    assert only_case(found(strength=strength, witnesses=witnesses, quotes=quotes)).strength is expected


def test_two_findings_may_prove_each_other() -> None:
    log = found(suspect=FORM)
    php = found(suspect=FORM, detector="webscript", witnesses=("PHP mail log",), quotes=(Quote(1000, "a call"),))
    assert only_case(log, php).strength is Strength.PROVEN


def test_a_supporting_finding_is_no_witness() -> None:
    php = found(detector="x", accuses=False, witnesses=("PHP mail log",), quotes=(Quote(1000, "a call"),))
    assert only_case(found(), php).strength is Strength.SHOWN


# ------------------------------------------------------------------ scripts and their uid


def test_a_script_takes_over_what_is_said_of_its_uid() -> None:
    case = only_case(
        found(suspect=WWW, cause=Cause.ABUSED_SCRIPT, facts={"recipients": 500}),
        found(suspect=FORM, detector="webscript", cause=Cause.ABUSED_FORM, sentence="The script did it."),
    )
    assert (case.suspect, case.cause, case.recipients) == (FORM, Cause.ABUSED_FORM, 500)
    assert case.sentence.startswith("The script did it")
    assert case.id == identity(FORM)


def test_a_script_takes_over_what_is_said_of_its_user_where_the_log_names_no_uid() -> None:
    user = Suspect(kind="local_user", name="shop", host="web", account="shop")
    script = Suspect(kind="script", name="/home/u/public_html", host="web", account="shop")
    assert only_case(found(suspect=user), found(suspect=script)).suspect == script
    other = msgspec.structs.replace(script, account="blog")
    assert {case.suspect for case in open_cases([found(suspect=user), found(suspect=other)], recorder)} == {user, other}


def test_a_script_takes_over_the_list_that_its_uid_seems_to_send() -> None:
    seems = Suspect(kind="list", name="www-data@web.example", host="web", uid=33)
    case = only_case(
        found(suspect=seems, cause=Cause.DIRTY_LIST, severity="warning"), found(suspect=FORM, detector="webscript")
    )
    assert (case.suspect, case.severity) == (FORM, "critical")
    others = Suspect(kind="list", name="shop@web.example", host="web", account="shop")
    script = Suspect(kind="script", name="/home/u/public_html", host="web", account="shop")
    assert len(open_cases([found(suspect=others), found(suspect=script)], recorder)) == 2


def test_of_two_scripts_the_one_that_sent_most_answers_for_the_uid() -> None:
    findings = [
        found(suspect=WWW, facts={"recipients": 900}),
        found(suspect=FORM, facts={"recipients": 800}),
        found(suspect=SHOP, facts={"recipients": 40}),
    ]
    for order in permutations(findings):
        cases = {case.suspect: case.recipients for case in open_cases(order, recorder)}
        assert cases == {FORM: 900, SHOP: 40}


def test_a_script_of_another_host_or_uid_or_that_is_only_a_candidate_takes_nothing() -> None:
    for script in (
        found(suspect=msgspec.structs.replace(FORM, host="web2")),
        found(suspect=msgspec.structs.replace(FORM, uid=1001)),
        found(suspect=FORM, accuses=False),
    ):
        suspects = {case.suspect for case in open_cases([found(suspect=WWW), script], recorder)}
        assert WWW in suspects


def test_candidates_are_carried_and_named_once() -> None:
    case = only_case(found(candidates=(FORM, SHOP)), found(detector="x", candidates=(FORM,)))
    assert case.candidates == (FORM, SHOP)


# ------------------------------------------------------------------ order and identity


def test_the_worst_comes_first() -> None:
    suspects = [msgspec.structs.replace(ALICE, name=name) for name in "abcd"]
    warning = found(suspect=suspects[0], severity="warning", facts={"refused": 900})
    few, many = (found(suspect=suspects[1 + more], facts={"refused": 5 + more}) for more in range(2))
    wide = found(suspect=suspects[3], facts={"refused": 5, "recipients": 77})
    names = [case.suspect.name for case in open_cases([warning, few, many, wide], recorder)]
    assert names == ["c", "d", "b", "a"]


def test_an_id_is_of_whom_it_is_about_and_nothing_else() -> None:
    assert identity(ALICE) == identity(msgspec.structs.replace(ALICE, account="x", address="y"))
    others = [
        msgspec.structs.replace(ALICE, host="mx2"), msgspec.structs.replace(ALICE, name="bob"),
        msgspec.structs.replace(ALICE, kind="list"), msgspec.structs.replace(ALICE, name="alice@example.org\0mx"),
    ]  # fmt: skip
    assert len({identity(suspect) for suspect in (ALICE, *others)}) == 5
    assert only_case(found()).id == only_case(found(since=5.0, cause=Cause.UNKNOWN)).id
    assert len(identity(msgspec.structs.replace(ALICE, name="\udcff"))) == 12
