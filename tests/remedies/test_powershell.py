"""Steps on other systems: what a stranger wrote stays one string of PowerShell, and every change has its undo."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.model.finding import Cause, Strength, Suspect, SuspectKind
from whosent.model.incident import Remedy
from whosent.remedies import ELSEWHERE, propose
from whosent.remedies.powershell import quoted
from whosent.remedies.shell import Unsafe

QUOTES = "'\u2018\u2019\u201a\u201b"


def proposed(server: str, name: str = "alice@corp.example", kind: SuspectKind = "account") -> list[Remedy]:
    suspect = Suspect(kind=kind, name=name, host="EX01", address=name if kind != "account" else None)
    return propose(
        incident="abc123", suspect=suspect, cause=Cause.COMPROMISED_ACCOUNT, strength=Strength.SHOWN, server=server
    )  # fmt: skip


def unquoted(text: str) -> str:
    """What PowerShell makes of a single-quoted string, after about_Quoting_Rules; fails if it ends early."""
    assert text[0] in QUOTES
    assert text[-1] in QUOTES
    found, at, inner = [], 0, text[1:-1]
    while at < len(inner):
        if inner[at] in QUOTES:
            assert inner[at + 1 : at + 2] in {*QUOTES} - {""}, "the string ends early"
            found.append(inner[at])
            at += 2
        else:
            found.append(inner[at])
            at += 1
    return "".join(found)


@given(st.text(min_size=1, max_size=60) | st.text(alphabet=QUOTES + '$`"(){};|&a ', min_size=1, max_size=30))
def test_a_quoted_word_is_what_was_written(text: str) -> None:
    try:
        assert unquoted(quoted(text)) == text
    except Unsafe:
        assert not text.isprintable()


@pytest.mark.parametrize("server", ELSEWHERE)
def test_every_change_has_its_undo_and_says_whom_it_touches(server: str) -> None:
    steps = proposed(server)
    assert {"inspect", "block", "close"} <= {step.step for step in steps}
    for step in steps:
        assert step.reach
        if step.step in {"hold", "block"}:
            assert bool(step.commands) == bool(step.undo)
            assert step.commands or "undo" in step.note
        assert step.note or step.commands


@pytest.mark.parametrize("server", ["exchange", "exchange_online"])
@pytest.mark.parametrize(
    "name", ["o'brien@corp.example", "x\u2019; Remove-Mailbox *;\u2018@corp.example", "$(calc)`n@x"]
)
def test_a_hostile_name_is_one_string(server: str, name: str) -> None:
    steps = proposed(server, name)
    if "*" in name:
        assert not any(step.commands for step in steps)
        return
    commands = [command for step in steps for command in (*step.commands, *step.undo) if name[:2] in command]
    assert commands
    for command in commands:
        assert quoted(name) in command
        assert name not in command.replace(quoted(name), "")


@pytest.mark.parametrize("server", ["exchange", "exchange_online"])
def test_a_client_is_an_address_or_nobody(server: str) -> None:
    steps = proposed(server, "10.0.7.31", "host")
    assert any("10.0.7.31" in command for step in steps for command in step.commands)
    refused = proposed(server, "10.0.7.31' -or 1 -eq 1", "host")
    assert [step.commands for step in refused] == [[]]


@pytest.mark.parametrize("server", ELSEWHERE)
def test_what_no_step_is_known_for_gets_a_sentence(server: str) -> None:
    (only,) = proposed(server, "/var/www/x.php", "script")
    assert not only.commands
    assert only.note


def test_nobody_is_touched_where_the_name_is_not_one_mailbox() -> None:
    """What was asked before, of somebody else, must not be answered again."""
    for step in proposed("exchange"):
        for command in (*step.commands, *step.undo):
            if "$mailbox" in command:
                assert command.startswith("$mailbox = @()\n$mailbox = @(Get-Mailbox -Identity ")
                assert command.splitlines()[2] == "if ($mailbox.Count -eq 1) {"


def test_google_has_no_step_for_a_client() -> None:
    assert not any(step.commands for step in proposed("google", "10.0.7.31", "host"))


def test_braces_close() -> None:
    for server in ELSEWHERE:
        for kind, name in (("account", "alice@corp.example"), ("host", "10.0.7.31")):
            for step in proposed(server, name, kind):  # type: ignore[arg-type]  # of the two
                for command in (*step.commands, *step.undo):
                    plain = re.sub(r"\"[^\"]*\"|'[^']*'", "_", command)
                    assert plain.count("{") == plain.count("}"), command
                    assert plain.count("(") == plain.count(")"), command
