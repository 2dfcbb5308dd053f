"""What an outcome weighs, the edges of the Beta quantile, and calls of mail() that wait for their message."""

from __future__ import annotations

import pytest

from whosent.measures import regard
from whosent.measures.beta import upper
from whosent.measures.calls import Calls
from whosent.model.rows import Call, Reason, Result


@pytest.mark.parametrize("result", [Result.LOCAL, Result.HANDED_OVER, Result.DEFERRED_AGAIN])
def test_what_stays_with_us_or_repeats_says_nothing(result: Result) -> None:
    assert regard.weight(result, Reason.NONE) is None


def test_weights_are_shares_and_a_refusal_weighs_more_than_a_deferral() -> None:
    assert regard.weight(Result.SENT, Reason.NONE) == 0.0
    assert regard.weight(Result.DEFERRED, Reason.GREYLISTED) is None
    for reason in Reason:
        refused, deferred = regard.weight(Result.BOUNCED, reason), regard.weight(Result.DEFERRED, reason)
        if refused is not None and deferred is not None:
            assert 0 < deferred < refused <= 1
        assert regard.note(Result.BOUNCED, reason).startswith("refused: ")


def test_the_quantile_lies_above_the_mean_and_falls_with_knowledge() -> None:
    assert upper(0.6, 30) > 0.6 / 30.6
    assert upper(6, 300) < upper(0.6, 30)
    assert upper(5, 0.01) == 1.0, "hardly a failure: no bound but one"


def call(time: float, script: str, recipient: bytes = b"a@b.test") -> Call:
    return Call(time, 1, "web", script, 7, recipient)


def test_a_message_takes_the_oldest_call_that_can_be_its_own() -> None:
    calls = Calls()
    calls.note(call(0, "/forgotten.php"))
    calls.note(call(500, "/contact.php"))
    calls.note(call(501, "/shop.php"))
    taken = calls.take(501)
    assert taken is not None
    assert taken.script == "/contact.php", "the one of long ago lost its message"
    assert calls.take(400) is None, "a call cannot come after its message"
    assert calls.take(501) is not None
    assert calls.take(501) is None


def test_the_last_script_to_name_a_recipient_is_remembered() -> None:
    calls = Calls()
    calls.note(call(1, "/contact.php", b"Ann <A@b.test>, c@d.test"))
    calls.note(call(2, "/shop.php", b"c@d.test"))
    assert calls.script_of(b"a@B.test") == "/contact.php"
    assert calls.script_of(b"c@d.test") == "/shop.php"
    assert calls.script_of(b"x@y.test") is None
    for number in range(20_100):
        calls.note(call(3, "/bulk.php", b"%d@d.test" % number))
    assert calls.script_of(b"c@d.test") is None, "bounded: the oldest go"
