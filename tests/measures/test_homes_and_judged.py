"""Where a sender is at home, and which verdicts could be its own."""

from __future__ import annotations

import pytest

from tests.stories.kit import START, account, machine, stranger, user
from whosent.measures.homes import Abroad, Homes
from whosent.measures.judged import Heard, is_own
from whosent.model.rows import Actor, Verdict
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings


def judged(actor: Actor, sender: bytes | None = b"a@corp.example", to: bytes = b"x@isp.example") -> Verdict:
    return Verdict(START, 1, actor, "4jX", sender, to, "rspamd", True, "", "reject", 18.0, 15.0, "")  # noqa: FBT003


ACCOUNT, PROGRAM, PC = account("al"), user(33, "www-data", host="web"), machine("10.0.0.7")


@pytest.mark.parametrize(
    ("row", "own"),
    [
        (judged(ACCOUNT), True),
        (judged(ACCOUNT, None), True),
        (judged(ACCOUNT, to=b"colleague@corp.example"), True),
        (judged(ACCOUNT, b""), False),
        (judged(ACCOUNT, b"x@bad.example"), False),
        (judged(ACCOUNT, b"SRS0=aa=bb=bad.example=x@corp.example"), False),
        (judged(stranger("192.0.2.1")), False),
        (judged(PC), True),
        (judged(PC, None), False),
        (judged(PC, to=b"<a@corp.example>,<b@corp.example>"), False),
        (judged(PC, to=b"<a@corp.example>,<b@isp.example>"), True),
        (judged(PC, to=b""), True),
        (judged(PC, b"x@bad.example"), False),
        (judged(PROGRAM, b"www-data@web.elsewhere.example"), True),
        (judged(PROGRAM, b"www-data@sub.corp.example"), True),
        (judged(PROGRAM, b"nobody"), False),
        (judged(Actor("unknown", "", "mx")), False),
    ],
)
def test_whose_a_verdict_could_be(row: Verdict, own: bool) -> None:  # noqa: FBT001  a case
    assert is_own(row, Surroundings(Ours(domains=("corp.example",)))) is own


def test_without_any_domain_of_ours_an_account_answers_for_all_it_sends() -> None:
    assert is_own(judged(ACCOUNT, b"x@bad.example"), Surroundings(Ours()))


def test_several_filters_on_one_message_count_once_unless_one_calls_it_spam() -> None:
    heard, spam = Heard(), judged(ACCOUNT)
    ham = spam._replace(spam=False)
    assert [heard.again(row) for row in (ham, ham, spam, spam, ham)] == [False, True, False, True, True]
    assert not heard.again(spam._replace(time=START + 3600)), "the id is used again"
    assert not any(heard.again(spam._replace(queue_id="")) for _ in range(2))
    for number in range(20_001):
        heard.again(spam._replace(queue_id=str(number)))
    assert not heard.again(spam._replace(time=START + 3600)), "only so many are remembered"


def test_nobody_is_abroad_before_its_home_is_known() -> None:
    homes = Homes()
    for _ in range(4):
        homes.add(account("al", "198.51.100.7"))
    assert homes.elsewhere(account("al", "203.0.113.9")) == ""
    homes.add(account("al", "198.51.100.7"))
    assert homes.elsewhere(account("al", "203.0.113.9")) == "203.0.0.0/16"
    assert homes.elsewhere(account("al", "198.51.7.7")) == ""
    assert homes.elsewhere(machine("203.0.113.9")) == ""
    for number in range(20):
        homes.add(account("al", f"198.{number}.100.7"))
    assert homes.elsewhere(account("al", "203.0.113.9")) == "", "somebody who is everywhere is at home everywhere"


def test_abroad_is_nearly_all_or_several_places() -> None:
    some, several = Abroad(), Abroad()
    assert not some.clear
    for number in range(20):
        some.add("203.0.0.0/16" if number % 2 else "")
        several.add(f"203.{number}.0.0/16" if number % 5 == 0 else "")
    assert not some.clear
    assert several.clear
