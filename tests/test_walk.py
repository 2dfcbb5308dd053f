"""One pass: the order of arguments, the cut of a rotated set and the number of processes change nothing it says."""

from __future__ import annotations

import gzip
import json
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from benchmarks.count_outcomes import count
from benchmarks.exactness import compare
from benchmarks.generator import Recipe, generate
from benchmarks.queue_files import fill
from tests.join.kit import START, client, delivery, pickup, queued, removed
from tests.memory import PEAK
from whosent import answer, walk
from whosent.audience import observe
from whosent.model.rows import Actor, Handover, JoinedRow, Message, Outcome, Reason, Request, Result, Subject, Verdict
from whosent.model.settings import Logs, Settings
from whosent.queue_reading import Snapshot, snapshot
from whosent.sources import files
from whosent.sources.files import Source, at_path
from whosent.sources.spools import spools

ROOT = Path(__file__).parents[1]
INCIDENT = ROOT / "samples" / "incident"
MAIL_LOG = (INCIDENT / "mail.log").read_bytes()
LINES = MAIL_LOG.splitlines(keepends=True)
UTC = ZoneInfo("UTC")
IN_UTC = Settings(logs=Logs(timezone="UTC", year=2026))

PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, "": bytes}

Answer = dict[str, Any]


def passed(paths: list[Path], jobs: int = 1, *snapshots: Snapshot) -> walk.Pass:
    inputs = walk.prepare([at_path(path) for path in paths], IN_UTC, UTC)
    return walk.scan(inputs, IN_UTC, lambda _consumed: None, UTC, jobs, snapshots)


def told(paths: list[Path], jobs: int = 1) -> bytes:
    done = passed(paths, jobs)
    return msgspec.json.encode(answer.report(done, answer.read_back(done), []))


def essence(report: bytes) -> Answer:
    """What a report says, without where it read it."""
    said: Answer = json.loads(report, object_hook=_without_its_place)
    said["assumptions"] = [line for line in said["assumptions"] if "mail.log" not in line]
    del said["coverage"]["sources"]
    return said


def _without_its_place(table: Answer) -> Answer:
    if "excerpt" not in table:
        return table
    return {name: value for name, value in table.items() if name not in {"source", "offset", "line"}}


@cache
def of_the_whole() -> Answer:
    return essence(told([INCIDENT / "mail.log"]))


@pytest.fixture
def whole() -> Answer:
    return of_the_whole()


@pytest.fixture
def small_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "_WORTH_A_PROCESS", 0)


def test_the_recorded_incident_is_told(whole: Answer) -> None:
    first = whole["incidents"][0]
    assert (first["suspect"]["name"], first["cause"]) == ("alice@corp.test", "compromised_account")
    assert whole["coverage"]["lines"] == len(LINES)
    assert whole["incidents"][0]["findings"][0]["evidence"]


def parts(folder: Path, cuts: list[int], pack: list[str]) -> list[Path]:
    """The incident's mail.log as rotation leaves it, cut before these lines."""
    edges = [0, *sorted(set(cuts)), len(LINES)]
    paths = []
    for age, (begin, end) in enumerate(zip(reversed(edges[:-1]), reversed(edges[1:]), strict=True)):
        kind = pack[age % len(pack)] if age else ""
        path = folder / f"mail.log{f'.{age}' if age else ''}{kind}"
        text = b"".join(LINES[begin:end])
        path.write_bytes(PACK[kind](text))
        paths.append(path)
    return paths


@settings(deadline=None, max_examples=10, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    cuts=st.lists(st.integers(1, len(LINES) - 1), min_size=1, max_size=5),
    pack=st.lists(st.sampled_from(["", ".gz", ".xz"]), min_size=1, max_size=3),
    order=st.integers(0, 1 << 30),
    size=st.sampled_from([1 << 14, 1 << 16, 1 << 18]),
)
def test_any_cut_any_order_any_chunk_gives_the_same(cuts: list[int], pack: list[str], order: int, size: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(files, "CHUNK", size)
        monkeypatch.setattr("whosent.sources.compression._PIECE", size)
        paths = parts(Path(folder), cuts, pack)
        random.Random(order).shuffle(paths)
        assert essence(told(paths)) == of_the_whole()


@pytest.mark.usefixtures("small_is_worth_it")
@pytest.mark.parametrize(("cuts", "jobs"), [([9000], 2), ([300, 301, 16000], 3), ([5000, 5010, 5020], 4)])
def test_several_processes_say_the_same_byte_for_byte(
    tmp_path: Path, whole: Answer, cuts: list[int], jobs: int
) -> None:
    paths = parts(tmp_path, cuts, ["", ".gz"])
    one = told(paths)
    assert told(paths[::-1], jobs) == one
    assert essence(one) == whole


@pytest.mark.usefixtures("small_is_worth_it")
def test_one_log_and_a_queue_say_the_same_with_two_processes(tmp_path: Path) -> None:
    """Who was learnt to be ours from the piles counts in every process."""
    fill(tmp_path, 200, 3)
    (spool,), _ = spools([str(tmp_path)])
    look = snapshot(spool, 1, 1, "mx", lambda _more: None)
    one, two = (
        walk.scan(
            walk.prepare([at_path(INCIDENT / "web-mail.log")], IN_UTC, UTC), IN_UTC, lambda _: None, UTC, jobs, [look]
        )
        for jobs in (1, 2)
    )
    assert two.findings == one.findings
    assert "queued" in {finding.detector for finding in one.findings}
    assert two.witnessed.queued == one.witnessed.queued > 0
    assert two.surroundings.learnt_domains == one.surroundings.learnt_domains != {}


@pytest.mark.usefixtures("small_is_worth_it")
def test_several_logs_say_the_same_in_any_order_and_number_of_processes() -> None:
    logs = [INCIDENT / name for name in ("access.log", "mail.log", "php-mail.log", "web-mail.log")]
    one = told(logs)
    assert told(logs[::-1]) == one
    assert told([logs[2], logs[0], logs[3], logs[1]], 2) == one


@pytest.mark.usefixtures("small_is_worth_it")
def test_generated_hosts_say_the_same_with_three_processes(tmp_path: Path) -> None:
    made = generate(Recipe(seed=31, size=1_500_000, hosts=3, files=4, ids="short"), tmp_path)
    assert told(made.paths, 3) == told(made.paths)


# ------------------------------------------------------------------ exact against the truth


RECIPES = [
    Recipe(seed=101, size=1_500_000, ids="short", hosts=3),
    Recipe(seed=102, size=1_500_000, files=4, stamps="iso"),
    Recipe(seed=103, size=1_000_000, hosts=2, stamps="rfc5424", hours=2),
    Recipe(seed=104, size=1_000_000, hours=240, ids="short", files=3),
    Recipe(seed=105, size=1_000_000, hours=0.5, ids="long", hosts=4, files=2),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"seed{recipe.seed}")
def test_outcomes_by_sender_and_by_actor_are_exact(recipe: Recipe, tmp_path: Path) -> None:
    made = generate(recipe, tmp_path)
    for table in compare(made.truth, count(made.paths)):  # type: ignore[arg-type]  # its tables
        assert (table.mismatching, table.misplaced) == ([], 0), table.sentence()
        assert table.rows > 20


# ------------------------------------------------------------------ the same lines twice


def test_a_copy_counts_once_and_is_told(tmp_path: Path, whole: Answer) -> None:
    (tmp_path / "mail.log").write_bytes(MAIL_LOG)
    (tmp_path / "saved.log.gz").write_bytes(gzip.compress(MAIL_LOG))
    (tmp_path / "taken-earlier.log").write_bytes(b"".join(LINES[:7000]))
    said = json.loads(told(sorted(tmp_path.iterdir())))
    main, *copies = said["coverage"]["sources"]
    assert main["problem"] is None
    for copy in copies:
        sentence = f"holds the same lines as {tmp_path}/mail.log: counted once"
        assert (copy["lines"], copy["problem"]) == (0, sentence)
        assert f"{copy['source']} {sentence}." in said["assumptions"]
    (tmp_path / "saved.log.gz").unlink()
    (tmp_path / "taken-earlier.log").unlink()
    said["assumptions"] = [line for line in said["assumptions"] if "holds the same lines" not in line]
    assert essence(json.dumps(said).encode()) == whole


def with_noise(lines: list[bytes], begin: int = 0) -> bytes:
    """What a syslog has that takes everything."""
    noise = b"2026-11-17T08:00:00.000000+01:00 mx kernel: noise\n"
    return noise + b"".join(
        line + (noise.replace(b"kernel", b"CRON") if n % 3 else b"") for n, line in enumerate(lines[begin:])
    )


@pytest.mark.parametrize("begin", [0, 9000])
@pytest.mark.parametrize("pack", ["", ".gz"])
def test_a_syslog_that_holds_the_mail_log_too_counts_once(tmp_path: Path, whole: Answer, begin: int, pack: str) -> None:
    """The syslog may have been rotated at another time: what happened before is then only in the mail.log."""
    (tmp_path / f"mail.log{pack}").write_bytes(PACK[pack](MAIL_LOG))
    (tmp_path / "syslog").write_bytes(with_noise(LINES, begin))
    said = json.loads(told(sorted(tmp_path.iterdir())))
    assert f"{tmp_path}/syslog and {tmp_path}/mail.log{pack} hold the same lines: what both tell counts once." in [
        text.replace(
            f"{tmp_path}/mail.log{pack} and {tmp_path}/syslog", f"{tmp_path}/syslog and {tmp_path}/mail.log{pack}"
        )
        for text in said["assumptions"]
    ]
    for name in ("messages", "outcomes"):
        assert said["coverage"][name] == whole["coverage"][name]
    assert [one["sentence"] for one in said["incidents"]] == [one["sentence"] for one in whole["incidents"]]


def test_logs_of_other_hosts_repeat_nothing() -> None:
    done = passed([INCIDENT / "mail.log", INCIDENT / "web-mail.log"])
    assert done.repeats == []


def test_rotated_parts_that_begin_in_one_second_stay_in_order(tmp_path: Path) -> None:
    begin = [client(0, "AAAAA1", "alice"), queued(0, "AAAAA1", "alice")]
    (tmp_path / "mail.log.2").write_bytes(b"".join(begin))
    (tmp_path / "mail.log.1").write_bytes(delivery(0, "AAAAA1", "bob", "deferred", "450 later"))
    (tmp_path / "mail.log").write_bytes(delivery(0, "AAAAA1", "bob") + removed(0, "AAAAA1"))
    done = passed(sorted(tmp_path.iterdir()))
    (join,) = done.joins
    assert (join.first_sight, join.open_lives()) == (0, 0)


# ------------------------------------------------------------------ order


def request(time: float, ref: int) -> Request:
    return Request(time, ref, "", "203.0.113.9", "POST", "/form.php", 200)


def test_requests_are_put_in_the_order_of_their_beginnings() -> None:
    times = [10.0, 12.0, 11.0, 40.0, 9.0, 90.0, 75.0, 200.0]
    rows = [request(time, number) for number, time in enumerate(times)]
    assert [row.time for row in walk.in_time_order(rows)] == sorted(times)


def test_rows_of_one_line_stay_in_their_order_and_are_never_compared() -> None:
    actor = Actor("account", "alice", "mx", "1.2.3.4")
    handover = Handover(1.0, 7, actor, "", "127.0.0.1", "ABC")
    outcome = Outcome(1.0, 7, actor, "", b"a", b"b", Result.HANDED_OVER, Reason.NONE, "r", forwarded=False)
    rows: list[JoinedRow] = [handover, outcome]
    assert list(walk.in_time_order(rows)) == rows


def test_one_stamp_far_ahead_holds_nothing_back() -> None:
    rows = [request(10.0, 0), request(1e10, 1), *(request(11.0 + number, 2 + number) for number in range(1000))]
    waiting = walk.in_time_order(iter(rows))
    for _ in range(900):
        assert next(waiting).time < 1e9


def test_observers_are_given_what_they_have_a_method_for() -> None:
    class Sees:
        def __init__(self) -> None:
            self.requests: list[Request] = []

        def request(self, row: Request) -> None:
            self.requests.append(row)

    sees = Sees()
    message = Message(1.0, 1, Actor("account", "a", "mx"), "", b"", 1, 1, 1.0)
    observe([message, request(2.0, 2)], [sees, object()])
    assert sees.requests == [request(2.0, 2)]


def test_the_self_contained_hear_a_batch_in_one_go_and_the_others_row_by_row() -> None:
    told: list[tuple[str, float]] = []

    class Observer:
        def __init__(self, name: str, *, self_contained: bool) -> None:
            self.name, self.self_contained = name, self_contained

        def request(self, row: Request) -> None:
            told.append((self.name, row.time))

    hearing = [Observer("alone", self_contained=True), *(Observer(name, self_contained=False) for name in "ab")]
    observe([request(1.0, 1), request(2.0, 2)], hearing)
    assert told == [("a", 1.0), ("b", 1.0), ("a", 2.0), ("b", 2.0), ("alone", 1.0), ("alone", 2.0)]


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_a_sleeping_observer_hears_from_the_first_row_on_that_wakes_it(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sleeper:
        woken_by = ("subject",)

        def __init__(self) -> None:
            self.heard: list[float] = []

        def request(self, row: Request) -> None:
            self.heard.append(row.time)

        def subject(self, row: Subject) -> None:
            self.heard.append(row.time)

    monkeypatch.setattr("whosent.audience._BATCH", batch)
    sleeper, never = Sleeper(), Sleeper()
    subject = Subject(3.0, 3, Actor("account", "al", "mx"), "", b"Hello")
    observe([request(1.0, 1), request(2.0, 2), subject, request(4.0, 4), subject._replace(time=5.0)], [sleeper])
    observe([request(1.0, 1)], [never])
    assert sleeper.heard == [3.0, 4.0, 5.0]
    assert never.heard == []


class Ear:
    """A detector that only notes whom the filters judged, wherever it hears of that."""

    name = "ear"
    notes: ClassVar[Path]

    def __init__(self, *_: object) -> None:
        self.notes.write_text("", encoding="utf-8")

    def verdict(self, row: Verdict) -> None:
        with self.notes.open("a", encoding="utf-8") as notes:
            notes.write(f"{row.actor.kind} {row.actor.name} {row.spam}\n")

    def findings(self) -> tuple[()]:
        return ()


@pytest.mark.usefixtures("small_is_worth_it")
@pytest.mark.parametrize("name", ["spamd", "rspamd", "amavis"])
def test_verdicts_find_their_messages_whoever_reads_the_parts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "discover", lambda: [Ear])
    monkeypatch.setattr(Ear, "notes", tmp_path / "heard", raising=False)
    log = (ROOT / "tests" / "samples" / name / "syslog.log").read_bytes()
    passed([ROOT / "tests" / "samples" / name / "syslog.log"])
    whole = Ear.notes.read_text(encoding="utf-8")
    assert {line.partition(" ")[0] for line in whole.splitlines()} >= {"account", "stranger"}
    for cut in (0.3, 0.5, 0.7):
        at = log.rindex(b"\n", 0, int(cut * len(log))) + 1
        (tmp_path / "mail.log.1").write_bytes(log[:at])
        (tmp_path / "mail.log").write_bytes(log[at:])
        for jobs in (1, 2, 3):
            passed([tmp_path / "mail.log", tmp_path / "mail.log.1"], jobs)
            assert Ear.notes.read_text(encoding="utf-8") == whole, (cut, jobs)


def test_hosts_are_followed_from_file_to_file(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_bytes(
        pickup(0, "AAAAA1", 33, host="web")
        + queued(0.1, "AAAAA1", "www@web", host="web")
        + delivery(2, "AAAAA1", "bob", relay="mx[10.0.0.3]:25", reply="250 Ok: queued as CCCCC3", host="web")
        + removed(2.1, "AAAAA1", host="web")
    )
    (tmp_path / "mx.log").write_bytes(
        client(1.0, "CCCCC3", address="10.0.0.2", host="mx")
        + queued(1.1, "CCCCC3", "www@web", host="mx")
        + delivery(50, "CCCCC3", "bob", host="mx")
        + removed(50.1, "CCCCC3", host="mx")
    )
    done = passed(sorted(tmp_path.iterdir()))
    assert (done.chain.followed, done.witnessed.messages, done.witnessed.outcomes) == (1, 1, 2)


def test_an_input_tells_when_its_last_line_was(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    path.write_bytes(client(0, "AAAAA1", "a") + removed(500, "AAAAA1") + client(20, "AAAAA2", "b"))
    (one,) = passed([path]).inputs
    assert one.last == START + 500


# ------------------------------------------------------------------ who wrote it down


def test_recorders(tmp_path: Path) -> None:
    journal = {"__REALTIME_TIMESTAMP": "1794787200000000", "_HOSTNAME": "mx", "SYSLOG_IDENTIFIER": "postfix/qmgr",
               "MESSAGE": "ABCDEF1: removed"}  # fmt: skip
    logs = {
        "access.log": b'203.0.113.9 - - [16/Nov/2026:00:00:07 +0000] "GET / HTTP/1.1" 200 17\n',
        "journal.json": json.dumps(journal).encode() + b"\n",
        "mail.log": removed(0, "AAAAA1"),
        "mail2.log": removed(1, "AAAAA1"),
        "php-mail.log.1": b"[16-Nov-2026 00:00:03 UTC] mail() on [/x.php:3]: To: a@b.c -- Headers: x\n",
    }
    for name, text in logs.items():
        (tmp_path / name).write_bytes(text)
    done = passed(sorted(tmp_path.iterdir()))
    recorders = {Path(one.source.name).name: done.recorder(one.number << 44) for one in done.inputs}
    assert recorders == {
        "access.log": f"{tmp_path}/access.log",
        "journal.json": "journal",
        "mail.log": "syslog",
        "mail2.log": "syslog",
        "php-mail.log.1": f"{tmp_path}/php-mail.log",
    }


# ------------------------------------------------------------------ memory


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    peaks = []
    for size in (5_000_000, 30_000_000):
        made = generate(Recipe(seed=41, size=size), tmp_path / str(size))
        code = (
            f"{PEAK}import gc, sys\n"
            "from pathlib import Path\n"
            "from tests.test_walk import passed\n"
            "gc.set_threshold(50_000)\n"
            "before = peak()\n"
            "passed([Path(sys.argv[1])])\n"
            "print(peak() - before)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(made.paths[0])], cwd=ROOT, capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < 120, peaks
    assert peaks[1] < 3 * peaks[0] + 20, peaks  # six times the log


def test_prepare_survives_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(MAIL_LOG[:50_000])
    sources = [Source("gone", tmp_path / "gone"), at_path(tmp_path / "mail.log"), at_path(tmp_path)]
    inputs = walk.prepare(sources, IN_UTC, UTC)
    done = walk.scan(inputs, IN_UTC, lambda _: None, UTC)
    assert {one.source.name: one.source.problem for one in done.inputs} == {
        "gone": "could not be read: No such file or directory",
        str(tmp_path): "could not be read: Is a directory",
        str(tmp_path / "mail.log"): None,
    }
    assert done.witnessed.messages > 10
