"""Costs are those of the whole process tree."""

from __future__ import annotations

import sys

import pytest

from benchmarks.measure import Command, Run, Summary, interleave, run

BUSY = """
import os, time
block = bytearray({mebibytes} << 20)
end = time.process_time() + {seconds}
while time.process_time() < end:
    pass
"""


def python(code: str) -> Command:
    return Command(arguments=[sys.executable, "-S", "-c", code])


def test_one_process() -> None:
    cost = run(python(BUSY.format(mebibytes=100, seconds=0.3)))
    assert 100 <= cost.peak < 130
    assert 0.3 <= cost.cpu < 3.0
    assert cost.wall >= 0.3


def test_children_count_too() -> None:
    child = BUSY.format(mebibytes=60, seconds=1.0)
    parent = (
        f"import subprocess, sys; code = {child!r}\n"
        "both = [subprocess.Popen([sys.executable, '-S', '-c', code]) for _ in range(2)]\n"
        "[each.wait() for each in both]\n"
    )
    cost = run(python(parent))
    assert 120 <= cost.peak < 180
    assert 2.0 <= cost.cpu < 6.0


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="no such luck"):
        run(python("raise SystemExit('no such luck')"))


def test_commands_take_turns() -> None:
    turns: list[str] = []
    commands = {"one": python("pass"), "two": python("pass")}
    summaries = interleave(commands, 2, lambda name, _: turns.append(name))
    assert turns == ["one", "two", "one", "two"]
    assert {name: len(summary.runs) for name, summary in summaries.items()} == {"one": 2, "two": 2}


def test_summary_gives_middle_and_noise() -> None:
    summary = Summary([Run(wall=wall, cpu=2 * wall, peak=10) for wall in (3, 1, 2)])
    assert summary.median("cpu") == 4
    assert summary.span("wall") == (1, 3)
    assert summary.median("cores") == 2
