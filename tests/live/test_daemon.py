"""The daemon itself: one a folder, a clean stop, a full disk, what it says of itself, and questions to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from pathlib import Path

import pytest

from tests.live.kit import WHOSENT, Daemon, condition, environment, kept, sentences
from whosent import walk
from whosent.model.settings import Settings
from whosent.sources.files import at_path

INCIDENT = Path(__file__).parents[2] / "samples" / "incident"
LOGS = ("access.log", "mail.log", "php-mail.log", "web-mail.log")


def run(state: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WHOSENT, *arguments], env=environment(state, **more), capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Daemon]]:
    folder = tmp_path_factory.mktemp("watched")
    for name in LOGS:
        shutil.copy(INCIDENT / name, folder)
    daemon = Daemon(folder / "state", [folder / name for name in LOGS])
    for culprit in ("alice@corp.test", "/contact.php", ""):
        daemon.until(culprit)
    yield folder / "state", daemon
    if daemon.process.poll() is None:
        daemon.kill()


def test_a_second_daemon_is_refused_in_one_sentence(watched: tuple[Path, Daemon]) -> None:
    state, daemon = watched
    second = run(state, "watch", str(INCIDENT / "mail.log"))
    assert second.returncode == 3
    assert f"runs already, as process {daemon.process.pid}" in second.stderr
    assert second.stderr.count("\n") == 1


def test_status_is_a_line_that_monitoring_reads(watched: tuple[Path, Daemon]) -> None:
    state, _ = watched
    line = run(state, "status")
    assert line.returncode == 2
    assert line.stdout.startswith("WHOSENT CRITICAL - The account alice@corp.test")
    assert line.stdout.count("|") == 1
    assert "'incidents_open'=2;" in line.stdout.partition("|")[2]
    said = json.loads(run(state, "status", "--json").stdout)
    assert said["schema"] == "whosent.condition/1"
    assert said["running"]
    assert {Path(one["source"]).name for one in said["sources"]} == set(LOGS)


def test_questions_are_answered_while_it_runs(watched: tuple[Path, Daemon]) -> None:
    state, _ = watched
    asked = run(state, "query", "--json", "SELECT sender, count(*) AS n FROM messages WHERE host = 'mx' GROUP BY 1")
    assert {json.loads(line)["sender"] for line in asked.stdout.splitlines()} >= {"alice@corp.test"}
    table = run(state, "query", "SELECT id, state FROM incidents")
    assert "open" in table.stdout
    lines = run(state, "query", "--format", "csv", "SELECT measure, sum(value) AS n FROM rates GROUP BY 1 ORDER BY 1")
    assert lines.stdout.startswith("measure,n\nbounced,972\n")
    assert "outcomes" in run(state, "query", "--tables").stdout


@pytest.mark.parametrize(
    "question",
    ["DELETE FROM incidents", "SELECT * FROM nothing", "SELECT * FROM read_text('/etc/passwd')", "SELECT 1; SELECT 2",
     "COPY messages TO '/tmp/x.csv'", "SET enable_external_access = true", ""],
)  # fmt: skip
def test_a_question_reads_and_nothing_else(question: str, watched: tuple[Path, Daemon]) -> None:
    state, _ = watched
    refused = run(state, "query", question)
    assert refused.returncode == 3
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1


def test_it_stops_when_told_and_says_so(watched: tuple[Path, Daemon]) -> None:
    state, daemon = watched
    said = daemon.stop()
    assert daemon.process.returncode == 0
    assert "goes on from here" in said
    assert "Traceback" not in said
    now = condition(state)
    assert now
    assert not now.running
    with_incidents = run(state, "status")
    assert with_incidents.returncode == 2
    run(state, "incident", "dismiss", sentences_id(state, 0), "x")
    run(state, "incident", "dismiss", sentences_id(state, 0), "x")
    assert "nobody looks" in run(state, "status").stdout


def sentences_id(state: Path, number: int) -> str:
    return str(json.loads(run(state, "incident", "list", "--json").stdout.splitlines()[number])["incident"]["id"])


def test_nothing_to_watch_and_nothing_kept_are_said(tmp_path: Path) -> None:
    assert "no watch has run here" in run(tmp_path / "state", "status").stdout
    locked = tmp_path / "file"
    locked.touch()
    refused = run(locked / "state", "watch", str(INCIDENT / "mail.log"))
    assert refused.returncode == 3
    assert "WHOSENT_STATE" in refused.stderr
    queues = {"WHOSENT_WATCH__QUEUE": "true", "WHOSENT_WATCH__QUEUE_DIRECTORIES": "/nowhere/spool"}
    nowhere = run(tmp_path / "state", "watch", str(INCIDENT / "mail.log"), **queues)
    assert (nowhere.returncode, "there is no queue in /nowhere/spool" in nowhere.stderr) == (3, True)


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made by root: run as root on Debian")
def test_a_full_disk_is_said_and_what_was_read_is_kept_when_there_is_room(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "mail.log"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(state)], check=True)
    try:
        text = (INCIDENT / "mail.log").read_bytes()
        half = text.rfind(b"\n", 0, len(text) // 4) + 1
        log.write_bytes(text[:half])
        daemon = Daemon(state, [log], WHOSENT_WATCH__SAVE="0.2")
        daemon.until("")
        with (state / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while ballast.write(b"x" * 65536):
                pass
        with log.open("ab") as file:
            file.write(text[half:])
        daemon.until_said(" cannot be ")
        (state / "ballast").unlink()
        daemon.until("alice@corp.test")
        daemon.until_said("works again")
        said = daemon.stop()
        assert "state cannot be saved" in said or "cannot be written" in said
        assert "Traceback" not in said
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="a folder is made read-only by root: run as root on Debian")
def test_a_read_only_state_folder_is_one_sentence_and_then_it_goes_on(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "mail.log"
    state.mkdir()
    shutil.copy(INCIDENT / "mail.log", log)
    first = Daemon(state, [log])
    first.until("alice@corp.test")
    first.stop()
    before = sentences(state), kept(state)[1]
    subprocess.run(["mount", "--bind", str(state), str(state)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(state)], check=True)
        refused = run(state, "watch", str(log))
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)
    assert refused.returncode == 3
    assert refused.stderr.splitlines()[-1].startswith(f"whosent: {state}: the ledger cannot be opened")
    assert "Traceback" not in refused.stderr
    again = Daemon(state, [log])
    again.until("")
    assert "goes on where it was" in again.stop()
    assert (sentences(state), kept(state)[1]) == before


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the stepped clock is compiled: install gcc")
def test_a_clock_that_is_set_while_it_runs_loses_and_doubles_nothing(tmp_path: Path) -> None:
    library, offset, log = tmp_path / "stepped.so", tmp_path / "offset", tmp_path / "mail.log"
    source = Path(__file__).with_name("stepped.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    log.touch()
    daemon = Daemon(tmp_path / "state", [log], LD_PRELOAD=str(library), STEPPED=str(offset), WHOSENT_WATCH__SAVE="0.2")
    daemon.until("")
    lines = (INCIDENT / "mail.log").read_bytes().splitlines(keepends=True)
    steps = (86_400, -7_200, -172_800, 0)  # by NTP, by hand, by a virtual machine that was asleep
    for number, step in enumerate(steps):
        offset.write_text(str(step), encoding="ascii")
        with log.open("ab") as file:
            file.writelines(lines[len(lines) * number // 4 : len(lines) * (number + 1) // 4])
        time.sleep(1.5)
    daemon.until("alice@corp.test")
    daemon.until("")
    said = daemon.stop()
    assert "Traceback" not in said
    done = walk.scan(walk.prepare([at_path(log)], Settings(), UTC), Settings(), lambda _read: None, UTC)
    assert kept(tmp_path / "state")[1]["mx", "messages"] == done.witnessed.messages


def test_lines_whose_stamps_run_back_and_forth_are_read_once_each(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.touch()
    daemon = Daemon(tmp_path / "state", [log])
    daemon.until("")
    with log.open("a") as file:
        for number, hour in enumerate((3, 9, 2, 4, 1, 8)):
            head = f"2026-11-10T{hour:02}:00:00+00:00 mx postfix"
            file.write(f"{head}/smtpd[1]: A0000{number}: client=a.example[192.0.2.1]\n"
                       f"{head}/qmgr[2]: A0000{number}: from=<a@b.example>, size=100, nrcpt=1 (queue active)\n"
                       f"{head}/smtp[3]: A0000{number}: to=<c@d.example>, relay=d[198.51.100.1]:25, delay=1, "
                       "delays=1/0/0/0, dsn=2.0.0, status=sent (250 ok)\n"
                       f"{head}/qmgr[2]: A0000{number}: removed\n")  # fmt: skip
    daemon.until("")
    daemon.stop()
    asked = run(tmp_path / "state", "query", "--json", "SELECT sum(value) AS n FROM rates WHERE measure = 'messages'")
    assert json.loads(asked.stdout)["n"] == 6
