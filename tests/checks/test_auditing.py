"""The walk of an audit: rounds until nothing new is asked, bounded; results in order; one answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from whosent import auditing
from whosent.model.check import Check, Content, Decision, Heard, Knowledge, Question, Ran, Read, Result, Run, Target
from whosent.model.settings import Settings
from whosent.sources.prober import ask

HERE = Knowledge(settings=Settings(), moment=1_800_000_000, host="mx")


def result(verdict: Decision, severity: str = "critical", about: str = "") -> Result:
    return Result(check="c", target="t", about=about, verdict=verdict, severity=severity,  # type: ignore[arg-type]
                  sentence=f"It is {verdict}.", why="")  # fmt: skip


def check(questions: object, *results: Result) -> Check:
    return Check("c", "C", lambda _: [Target("t")], questions, lambda *_: list(results))  # type: ignore[arg-type]


def test_rounds_go_on_until_nothing_new_is_asked(tmp_path: Path) -> None:
    (tmp_path / "first").write_text("second")
    (tmp_path / "second").write_text("end")
    asked: list[tuple[str, ...]] = []

    def questions(_target: Target, _knowledge: Knowledge, heard: Heard) -> Iterable[Question]:
        asked.append(tuple(heard))
        yield Read(key="first", path=str(tmp_path / "first"))
        first = heard.get("first")
        if isinstance(first, Content):
            yield Read(key="second", path=str(tmp_path / first.text))

    def judge(_target: Target, _knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
        second = heard["second"]
        assert isinstance(second, Content)
        assert second.text == "end"
        yield result("closed")

    done = auditing.audit([(Check("c", "C", lambda _: [], questions, judge), Target("t"))], HERE, ask)
    assert asked == [(), ("first",), ("first", "second")]
    assert (done.verdict, done.started) == ("clean", "2027-01-15T08:00:00Z")


def test_a_check_that_never_has_enough_is_stopped() -> None:
    count = iter(range(10_000))
    endless = check(lambda *_: [Read(key=str(next(count)), path="/nowhere")], result("undecided"))
    assert auditing.audit([(endless, Target("t"))], HERE, ask).verdict == "unknown"
    assert next(count) == auditing.ROUNDS


@pytest.mark.parametrize(
    ("results", "verdict", "words"),
    [
        ([], "unknown", "Nothing was found"),
        ([result("closed"), result("open")], "critical", "It is open."),
        ([result("closed"), result("open", "warning"), result("open", about="2")], "critical", "And 1 more"),
        ([result("closed"), result("open", "warning")], "warning", "It is open."),
        ([result("closed"), result("open", "note")], "clean", "No hole found"),
        ([result("accepted_undelivered")], "warning", "It is accepted_undelivered."),
        ([result("closed"), result("undecided", "note")], "clean", "1 could not be decided"),
        ([result("closed"), result("undecided")], "unknown", "could not be decided"),
    ],
)
def test_the_answer_is_the_worst_result(results: list[Result], verdict: str, words: str) -> None:
    done = auditing.audit([(check(lambda *_: [], *results), Target("t"))], HERE, ask)
    assert done.verdict == verdict
    assert words in done.sentence


def test_programs_tell_or_say_why_not() -> None:
    python = sys.executable
    questions = [
        Run(key="good", argv=(python, "-c", "print('ö')")),
        Run(key="bad", argv=(python, "-c", "import sys; sys.exit('no such thing')")),
        Run(key="absent", argv=("/nowhere/postconf", "-n")),
        Run(key="forbidden", argv=("/dev/null",)),
        Run(key="slow", argv=(python, "-c", "import time; time.sleep(60)"), within=0.2),
        Run(key="endless", argv=(python, "-c", "print('x' * 100000)"), most=100),
    ]
    told = {answer.key: answer for answer in ask(questions, HERE) if isinstance(answer, Ran)}
    assert (told["good"].output, told["good"].problem) == ("ö\n", None)
    problems = {key: answer.problem.obstacle for key, answer in told.items() if answer.problem}
    assert problems == {"bad": "failed", "absent": "missing", "forbidden": "permission", "slow": "timeout"}
    assert told["bad"].problem
    assert "no such thing" in told["bad"].problem.sentence
    assert len(told["endless"].output) == 100


def test_files_are_read_as_text_and_no_further_than_asked(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"\xff" + b"x" * 1000)
    questions = [
        Read(key="big", path=str(tmp_path / "big"), most=100),
        Read(key="folder", path=str(tmp_path)),
        Read(key="device", path="/dev/zero"),
        Read(key="absent", path=str(tmp_path / "absent")),
    ]
    told = {answer.key: answer for answer in ask(questions, HERE) if isinstance(answer, Content)}
    assert told["big"].text == "\\xff" + "x" * 99
    assert told["big"].cut
    problems = {key: answer.problem.obstacle for key, answer in told.items() if answer.problem}
    assert problems == {"folder": "protocol", "device": "protocol", "absent": "missing"}
