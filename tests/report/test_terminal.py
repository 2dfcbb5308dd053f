from __future__ import annotations

import io
import re

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.report import reports
from tests.report.harden import poison
from whosent.model.report import Report
from whosent.report.terminal import render

TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from([reports.HOSTILE, "[bold red]x[/]", "\x1b]8;;http://evil.example\x07x", ":boom:", "[/]", ""]),
)


def printed(report: Report, *, width: int = 80, terminal: bool = False, no_color: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=terminal,
        no_color=no_color,
        color_system="truecolor" if terminal else None,
    )
    render(report, console)
    return out.getvalue()


CODES = re.compile(r"\x1b[^m]*m")
OUR_CODES = set(CODES.findall(printed(reports.guilty(), terminal=True)))


def test_the_answer_comes_first_and_each_claim_has_its_line() -> None:
    text = printed(reports.guilty())
    assert text.startswith("CRITICAL  Yes: one stolen account")
    flat = " ".join(text.split())
    for expected in (
        "/var/log/mail.log:10234 client and login (observed)",
        "Tue 12 Nov 2024 14:03:12 (+01:00)",
        "34 messages to 3,310 recipients, 1,204 refused (36.4 %)",
        "shown: our own log",
        "proven: two independent witnesses",
        "Undo:",
        "41 messages began before the logs do",
        "1,402 lines like /var/log/mail.log:88",
        "truncated gzip",
        "Header From and Subject are not logged",
        "example.org is ours",
    ):
        assert expected in flat


def test_nothing_but_a_long_command_is_wider_than_80_columns() -> None:
    wide = [line for line in printed(reports.guilty()).splitlines() if cell_len(line) > 80]
    assert all("HOLD whosent" in line for line in wide)
    assert len(wide) <= 1


def test_no_blanks_end_a_line_of_text() -> None:
    lines = printed(reports.clean()).splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


def test_commands_are_printed_whole_so_that_they_can_be_pasted() -> None:
    text = printed(reports.guilty())
    for remedy in reports.alice().remedies:
        for command in [*remedy.commands, *remedy.undo]:
            indented = "\n".join(f"       {line}" for line in command.split("\n"))
            assert indented in text


def test_clean_is_one_paragraph_that_says_what_was_looked_at() -> None:
    text = " ".join(printed(reports.clean()).split())
    assert "CLEAN No: nobody here sent spam" in text
    assert "6,912,345 lines of 4 inputs" in text
    assert "What could not be seen: No Dovecot log was given" in text
    assert "Assumptions" not in text


def test_what_breaks_off_is_not_said_to_lack_nothing() -> None:
    report = msgspec.structs.replace(reports.clean(), blind_spots=[])
    text = " ".join(printed(report).split())
    assert "truncated gzip" in text
    assert "What could not be seen: What the inputs below hold beyond what was read." in text
    whole = [msgspec.structs.replace(one, problem=None) for one in report.coverage.sources]
    report = msgspec.structs.replace(report, coverage=msgspec.structs.replace(report.coverage, sources=whole))
    assert "Nothing known is missing from these logs." in " ".join(printed(report).split())


def test_unknown_says_what_to_give() -> None:
    assert "UNKNOWN  Nothing here could be read as a mail log" in printed(reports.unknown())


def test_a_pipe_gets_no_colour_and_only_our_own_characters() -> None:
    text = printed(reports.guilty())
    assert "\x1b" not in text
    assert set(re.sub(r"[ -~\n]", "", text)) <= {"…"}


def test_no_colour_is_asked_for_and_kept() -> None:
    text = printed(reports.guilty(), terminal=True, no_color=True)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][0-9;]*m", text)
    assert "CRITICAL" in text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_a_strangers_text_never_becomes_colour_markup_or_control(text: str) -> None:
    plain = printed(poison(reports.guilty(), text))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", plain)
    shown = printed(poison(reports.guilty(), text), terminal=True)
    assert set(CODES.findall(shown)) <= OUR_CODES
    assert CODES.sub("", shown).replace("\n", "").isprintable()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_any_width_will_do(width: int) -> None:
    for report in (poison(reports.guilty(), reports.HOSTILE), reports.guilty()):
        assert "CRITICAL" in printed(report, width=width)
