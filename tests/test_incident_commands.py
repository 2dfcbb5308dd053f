"""``whosent incident``: operators see, decide and read what happened; strangers' names stay text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.store.test_incidents import incident
from whosent.cli import app
from whosent.cli.leaving import Exit
from whosent.model.finding import Cause, Suspect
from whosent.remedies.recovery import left_undone, steps
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Incidents:
    monkeypatch.setenv("WHOSENT_STATE", str(tmp_path))
    monkeypatch.setenv("WHOSENT_CONFIG", str(tmp_path))
    monkeypatch.setenv("SUDO_USER", "anna")
    kept = Incidents(Ledger(tmp_path))
    kept.tell(incident())
    kept.tell(incident(id="def", severity="warning", suspect=Suspect(kind="script", name="[red]\x1b[31m/x.php")))
    return kept


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["incident", *arguments])


def test_the_list_says_the_worst_first_and_with_its_exit_code(state: Incidents) -> None:
    told = run("list")
    assert told.exit_code == Exit.CRITICAL
    assert told.stdout.index("alice@example.org") < told.stdout.index("[red]")
    assert "\x1b" not in told.stdout
    run("dismiss", "abc1", "hers")
    assert run("list").exit_code == Exit.WARNING
    assert "alice" not in run("list").stdout
    assert "alice" in run("list", "--all").stdout
    run("dismiss", "def", "mine")
    clean = run("list")
    assert (clean.exit_code, clean.stdout) == (Exit.CLEAN, "No incident is open or contained.\n")
    assert [json.loads(line)["state"] for line in run("list", "--all", "--json").stdout.splitlines()] == [
        "dismissed"
    ] * 2
    assert len(run("list", "--state", "dismissed", "--json").stdout.splitlines()) == 2
    assert state.latest() == 4


def test_one_is_shown_with_what_happened_to_it(state: Incidents) -> None:
    run("note", "abc1", "laptop [bold]stolen")
    told = run("show", "abc1").stdout
    assert told.startswith("OPEN  incident abc123abc123, revision 1")
    assert "is being used to send spam" in told
    assert "noted by anna: laptop [bold]stolen" in told
    whole = json.loads(run("show", "abc1", "--json").stdout)
    assert whole["schema"] == "whosent.incident/1"
    assert [one["what"] for one in whole["history"]] == ["opened", "noted"]
    assert state.latest() == 3


def test_resolving_says_what_was_not_done(state: Incidents) -> None:
    told = run("resolve", "abc1", "--done", "password", "--why", "spoke to her")
    assert "not done: sessions (they outlive the password)" in told.stdout
    assert "password (" not in told.stdout
    kept = state.history("abc123abc123")[-1]
    assert kept.text.startswith("spoke to her; done: password; not done: sessions")
    assert run("reopen", "abc1", "again").exit_code == Exit.CLEAN
    assert run("resolve", "abc1", "--done", "all").stdout == "abc123abc123: resolved.\n"
    assert "not done: password" in run("resolve", "abc1").stdout  # nobody to ask


def test_mistakes_say_what_to_do_next(state: Incidents) -> None:
    assert "`whosent incident list --all`" in run("show", "nothing").stderr
    assert "The steps are: password, sessions" in run("resolve", "abc1", "--done", "prayer").stderr
    assert "a reason is needed" in run("dismiss", "abc1", " ").stderr
    assert state.latest() == 2


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_that_leaves_a_hole_has_steps(cause: Cause) -> None:
    none = {Cause.DIRECTION_CONFUSION, Cause.SPOOFED_ELSEWHERE, Cause.UNUSUAL_VOLUME, Cause.UNKNOWN}
    plan = steps(cause)
    assert bool(plan) != (cause in none)
    assert not left_undone(plan, [step.name for step in plan])
    assert len({step.name for step in plan}) == len(plan)
