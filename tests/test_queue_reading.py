"""A queue looked at as a whole: by one process or several, quoted back, told in the report."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.queue_files import fill
from tests.queues.kit import SAMPLES
from whosent import queue_reading
from whosent.model.settings import Ours
from whosent.model.surroundings import Surroundings
from whosent.queue_reading import Snapshot, snapshot
from whosent.sources import queue
from whosent.sources.spools import Spool, spools

LOG = Path(__file__).parents[1] / "samples" / "incident" / "mail.log"


def look(place: Path, jobs: int = 1) -> Snapshot:
    (spool,), _ = spools([str(place)])
    one = snapshot(spool, 3, jobs, "here", lambda _more: None)
    one.fold(Surroundings(Ours(domains=("corp.test",))))
    return one


def scan(*arguments: str | Path, code: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "whosent", "scan", *map(str, arguments)], capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == code, (done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


def told(*arguments: str | Path, code: int) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(scan("--json", *arguments, code=code))
    return said


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("queue")
    fill(place, 2000, 40)
    return place


def test_several_processes_see_what_one_sees(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_reading, "_WORTH_A_PROCESS", 100)
    one, three = look(full), look(full, jobs=3)
    assert [pile._replace(time=0) for pile in one.piles] == [pile._replace(time=0) for pile in three.piles]
    assert one.reading.folders == three.reading.folders
    assert one.lines() == three.lines()


def test_what_was_put_in_comes_out(full: Path) -> None:
    piles = look(full).piles
    first = piles[0]
    assert (first.actor.kind, first.actor.name, first.script, first.messages) == (
        "local_user",
        "33",
        "contact.php",
        2000,
    )
    assert first.waiting == 4000
    assert sum(pile.messages for pile in piles) == 2040
    assert first.recipient_domains.distinct == 4


def test_a_process_that_dies_is_counted(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_reading, "_WORTH_A_PROCESS", 100)
    real = queue.read

    def killing(spool: Spool, part: int, parts: int, progress: Any) -> Any:  # noqa: ANN401  as the real one
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        return real(spool, part, parts, progress)

    monkeypatch.setattr(queue, "read", killing)
    one = look(full, jobs=2)
    assert one.problem
    assert "ended early" in one.problem


def test_records_can_be_quoted_though_the_file_is_gone(tmp_path: Path) -> None:
    place = tmp_path / "q"
    shutil.copytree(SAMPLES / "mx", place)
    one = look(place)
    files = {path.name: path.read_bytes() for path in place.rglob("*") if path.is_file() and "defer/" not in str(path)}
    shutil.rmtree(place)
    lines = one.lines()
    for ref, line in lines.items():
        path, offset = one.place(ref)
        raw = files[Path(path).name]
        assert raw[offset + 2 :].startswith(line.raw)
        assert line.digest == hashlib.sha256(line.raw).hexdigest()
    assert len(lines) == 9  # who handed in each, and a script


def test_the_report_tells_of_the_queue(full: Path) -> None:
    said = told("--queue-directory", full, "--own-domain", "corp.test", code=1)
    assert said["verdict"] == "warning"
    assert said["queue"]["messages"] == 2040
    (source,) = said["queue"]["sources"]
    assert (source["mta"], source["messages"], source["problem"]) == ("postfix", 2040, None)
    pile = said["queue"]["piles"][0]
    assert (pile["name"], pile["script"], pile["messages"]) == ("33", "contact.php", 2000)
    (incident,) = said["incidents"]
    assert pile["incident"] == incident["id"]
    assert incident["suspect"]["kind"] == "script"
    assert {remedy["step"] for remedy in incident["remedies"]} == {"inspect", "hold"}
    evidence = incident["findings"][0]["evidence"][0]
    raw = Path(evidence["source"]).read_bytes()[evidence["offset"] + 2 :]
    assert raw.startswith(evidence["excerpt"].encode())
    assert hashlib.sha256(evidence["excerpt"].encode()).hexdigest() == evidence["sha256"]
    assert evidence["line"] == 0
    assert sum(len(one["samples"]) for one in said["queue"]["piles"]) >= 8


def test_evidence_of_a_queue_is_original(full: Path, tmp_path: Path) -> None:
    scan("--queue-directory", full, "--evidence", tmp_path / "case", "--html", tmp_path / "r.html", code=1)
    index = next((tmp_path / "case").glob("incident-*/index.txt")).read_text()
    assert "\toriginal\t" in index
    assert "\tchanged\t" not in index
    assert "In the queue now" in (tmp_path / "r.html").read_text()


def test_a_queue_where_nobody_stands_out() -> None:
    said = scan("--queue-directory", SAMPLES / "mx", "--queue-directory", SAMPLES / "exim", code=0)
    text = " ".join(said.split())  # where lines break depends on where this folder is
    assert "In the queue lie 14 messages of 5 senders; nobody stands out." in text
    assert "account bob@corp.test" in text
    assert "7 deferred, 1 hold." in text


def test_an_empty_queue(tmp_path: Path) -> None:
    (tmp_path / "active").mkdir()
    assert "The queue is empty." in scan("--queue-directory", tmp_path, code=0)


def test_logs_and_a_queue_of_others_stay_apart() -> None:
    alone, both = told(LOG, code=2), told(LOG, "--queue-directory", SAMPLES / "mx", code=2)
    assert both.pop("queue")["messages"] == 8
    assert alone.pop("queue") is None
    assert both == alone


def test_damaged_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "active").mkdir()
    file = tmp_path / "active" / "4jGARBAGE"
    file.write_bytes(b"\0" * 50)
    file.chmod(0o700)
    text = " ".join(scan("--queue-directory", tmp_path, code=3).split())
    assert "Nothing in the queue could be read as a message." in text
    assert "1 file damaged or no queue file." in text
    assert f"{file} has an unknown record at byte 0." in text


def test_what_cannot_be_read_is_said_first(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    place = tmp_path / "q"
    (place / "deferred").mkdir(parents=True)
    for folder in (place, *tmp_path.parents, tmp_path):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    (place / "deferred").chmod(0o700)
    os.seteuid(65534)
    try:
        one = look(place)
    finally:
        os.seteuid(0)
    assert one.problem == ("1 of its folders may not be read by this user: run as root (sudo whosent scan --queue)")


def test_no_queue_there(tmp_path: Path) -> None:
    text = scan("--queue-directory", tmp_path, code=3)
    assert f"no mail queue at {tmp_path}" in text
