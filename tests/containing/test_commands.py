"""The commands that act: whom they accept, what they print, what they refuse; numbers stand for the queue."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from tests.containing.kit import ALICE, CLAIM, Queue, accuse
from whosent.cli import app
from whosent.cli.acting import desk as opened
from whosent.cli.leaving import Exit
from whosent.configuration import load
from whosent.model.finding import Strength
from whosent.responders import keeping
from whosent.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

SUSPECT = ("--suspect", f"account:{ALICE.name}")
INCIDENT = Path(__file__).parents[2] / "samples" / "incident"


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setenv("WHOSENT_STATE", str(tmp_path))
    monkeypatch.setenv("WHOSENT_CONFIG", str(tmp_path))
    monkeypatch.setenv("SUDO_USER", "anna")
    one = Queue(Ledger(tmp_path))

    def call(
        _self: object,
        verb: str,
        claim: str,
        how: str = "",
        progress: Callable[[Mapping[str, int]], None] = lambda _said: None,
    ) -> dict[str, Any]:
        return one.call(verb, claim, how, progress)

    monkeypatch.setattr(keeping.Keeper, "call", call)
    return one


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_contain_and_release_an_incident(queue: Queue, tmp_path: Path) -> None:
    one = accuse(tmp_path)
    dry = run("incident", "contain", "abc1", "--dry-run")
    assert dry.exit_code == Exit.CLEAN
    assert dry.stdout.startswith("10 messages of alice@example.org in the queue (0 held by us); 3 of others")
    assert "1. tap hold: only new mail handed in with the login alice@example.org" in " ".join(dry.stdout.split())
    assert "Nothing was changed" in dry.stdout
    assert queue.calls == []
    done = run("incident", "contain", "abc1", "--hours", "0")
    assert done.exit_code == Exit.CLEAN, done.output
    assert f"Next: whosent incident release {one.id}" in done.stdout
    told = json.loads(run("incident", "release", "abc1", "--why", "hers", "--json").stdout)
    assert told["schema"] == "whosent.done/1"
    assert "contained by anna" in run("incident", "show", "abc1").stdout


def test_an_incident_that_names_nobody_is_not_contained(queue: Queue, tmp_path: Path) -> None:
    accuse(tmp_path, strength=Strength.CANDIDATES)
    told = run("incident", "contain", "abc1")
    assert told.exit_code == Exit.UNKNOWN
    assert "nobody is named with confidence" in told.stderr
    assert queue.calls == []


def test_the_queue_commands(queue: Queue) -> None:
    assert "10 messages of alice@example.org in the queue (deferred 10)" in run("queue", "status", *SUSPECT).stdout
    assert "whosent scan --queue" in run("queue", "status").stdout
    assert json.loads(run("queue", "status", "--json").stdout)["claim"] == "everything:"
    assert json.loads(run("queue", "hold", *SUSPECT, "--dry-run", "--json").stdout)["schema"] == "whosent.plan/1"
    assert "10 of its queued messages are held" in run("queue", "hold", *SUSPECT).stdout
    assert "10 messages of alice@example.org would go" in run("queue", "release", *SUSPECT, "--dry-run").stdout
    assert json.loads(run("queue", "purge", *SUSPECT, "--dry-run", "--json").stdout)["held_by_us"] == 10
    asked = run("queue", "purge", *SUSPECT)
    assert asked.exit_code == Exit.UNKNOWN
    assert "10 messages would be deleted for good" in asked.stderr
    assert "10 messages (1,000 bytes) were deleted" in run("queue", "purge", *SUSPECT, "--yes").stdout
    assert queue.calls == [("hold", CLAIM), ("purge", CLAIM)]
    assert "0 messages go on their way" in run("queue", "release", *SUSPECT).stdout


def test_purge_asks_on_a_terminal(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.cli.queue._terminal", lambda: True)
    run("queue", "hold", *SUSPECT)
    assert "nothing was deleted" in CliRunner().invoke(app, ["queue", "purge", *SUSPECT], input="n\n").stderr
    done = CliRunner().invoke(app, ["queue", "purge", *SUSPECT], input="y\n")
    assert done.exit_code == Exit.CLEAN
    assert queue.calls[-1] == ("purge", CLAIM)


def test_the_brake(queue: Queue) -> None:
    assert "are held, all others would be" in run("queue", "brake", "--dry-run").stdout
    assert "Next: whosent queue brake --off" in run("queue", "brake").stdout
    assert "passes the brake" in run("queue", "brake", "--let", SUSPECT[1]).stdout
    assert run("queue", "brake", "--off").exit_code == Exit.CLEAN
    assert [call[0] for call in queue.calls] == ["close", "hold", "pass", "release", "open", "release"]


def test_a_suspect_of_a_report(queue: Queue, tmp_path: Path) -> None:
    logs = [str(INCIDENT / name) for name in ("mail.log", "web-mail.log", "access.log", "php-mail.log")]
    report = tmp_path / "scan.json"
    report.write_text(run("scan", "--json", "--timezone", "UTC", *logs).stdout)
    names = run("queue", "hold", "--report", str(report))
    assert "name one incident of the report" in names.stderr
    alice = next(one for one in json.loads(report.read_text())["incidents"] if one["suspect"]["kind"] == "account")
    text = report.read_text().replace('"host":"mx"', f'"host":"{os.uname().nodename}"')
    report.write_text(text)
    held = run("queue", "hold", "--report", str(report), "--incident", alice["id"])
    assert held.exit_code == Exit.CLEAN, held.stderr
    assert queue.calls == [("hold", "account:alice@corp.test")]
    report.write_text("{}")
    assert "is no report" in run("queue", "hold", "--report", str(report), "--incident", "a").stderr
    assert "No such file" in run("queue", "hold", "--report", "/nowhere", "--incident", "a").stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("queue", "hold"), "name one suspect"),
        (("queue", "hold", *SUSPECT, "--incident", "abc"), "name one suspect"),
        (("queue", "hold", "--incident", "abc"), "no incident has the id"),
        (("incident", "contain", "abc"), "no incident has the id"),
        (("incident", "contain"), "name one suspect"),
        (("setup", "postfix", "--install", "--undo"), "exclude each other"),
        (("replay", "/nowhere.log"), "nothing that could be tried"),
    ],
)
@pytest.mark.usefixtures("queue")
def test_mistakes_say_what_to_do_next(words: tuple[str, ...], sentence: str) -> None:
    told = run(*words)
    assert told.exit_code == Exit.UNKNOWN
    assert sentence in told.stderr


def test_what_fails_is_a_warning(queue: Queue) -> None:
    queue.fails_at = "hold"
    told = run("queue", "hold", *SUSPECT)
    assert told.exit_code == Exit.WARNING
    assert "Nothing could be done." in told.stdout
    assert "Note: queue: it was told to fail" in told.stdout


def test_progress_on_a_terminal(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.cli.acting._terminal", lambda: True)
    with opened(load({"WHOSENT_STATE": str(queue._actions._ledger.place)}), quiet=False) as place:  # noqa: SLF001
        place.progress({"held": 5, "files": 10, "total": 20})
        place.progress({"total": 0})
    assert run("queue", "status", *SUSPECT).exit_code == Exit.CLEAN


@pytest.mark.usefixtures("queue")
def test_replay_and_obey() -> None:
    logs = [str(INCIDENT / name) for name in ("mail.log", "web-mail.log", "access.log", "php-mail.log")]
    told = run("replay", "--timezone", "UTC", *logs)
    assert told.exit_code == Exit.CLEAN, told.stderr
    assert "this order would have stopped the outbreak of alice@corp.test at mail" in " ".join(told.stdout.split())
    assert "delayed 0 honest messages" in " ".join(told.stdout.split())
    assert 'containment.order = "contain"' in told.stdout
    assert json.loads(run("replay", "--json", "--timezone", "UTC", logs[0]).stdout)["schema"] == "whosent.replay/1"
    assert run("incident", "obey").stdout == ""
    assert json.loads(run("incident", "obey", "--json").stdout) == []


@pytest.mark.usefixtures("queue")
def test_replay_names_whom_it_leaves_to_the_operator() -> None:
    told = run("replay", "--timezone", "UTC", str(INCIDENT / "mail.log"))
    assert told.exit_code == Exit.CLEAN, told.stderr
    assert "Left to you: 10.77.0.20." in told.stdout  # the web host: its scripts are in another log


def test_setup_is_shown_installed_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOSENT_CONFIG", str(tmp_path))
    monkeypatch.setenv("WHOSENT_CONTAINMENT__FOLDER", str(tmp_path / "kept"))
    (tmp_path / "conf.d").mkdir()
    monkeypatch.setattr("whosent.setups.php._FOLDERS", (str(tmp_path / "conf.d").lstrip("/"),))
    assert "1 change missing. Make: whosent setup php --install" in run("setup", "php").stdout
    assert "Take back: whosent setup php --undo" in run("setup", "php", "--install").stdout
    assert "All of it stands." in run("setup", "php").stdout
    assert json.loads(run("setup", "php", "--json").stdout)["changes"][0]["stands"]
    assert "Taken back: 1 change." in run("setup", "php", "--undo").stdout
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "only root may change" in run("setup", "php", "--install").stderr
