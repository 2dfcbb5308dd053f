"""The big drill: a full queue of a real Postfix (and Exim), one culprit, innocents who go on writing meanwhile.

Beside Whosent the mail server's own program is fed the same ids in the same run.  It knows them already; Whosent has to
read and judge every file first.  They take turns, each goes first every other time, and both find the queue as it was:
nothing unwritten, the same messages where they lay; what was deleted for good is put back from a copy.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import Bench, lacks, say
from benchmarks.findings import Section, Table
from benchmarks.measure import Command, Run, Summary, run
from benchmarks.queue_files import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.lab.machine import Machine
    from tests.lab.studio import Studio

MESSAGES, OTHERS, FROZEN = 300_000, 40, 20_000
TIMES, BOUND = 2.0, 200
"""How many times the wall clock time of the bare program, and MiB."""
SUSPECT = ("--suspect", "script:/var/www/html/contact.php")
SPOOL, IDS = "/var/spool/postfix", "/run/ids"
QUIET = ("queue_run_delay=1d", "minimal_backoff_time=1d", "maximal_backoff_time=1d", "maximal_queue_lifetime=99d")


@dataclass
class Drill:
    """What was measured."""

    rows: dict[str, tuple[Summary, Summary]] = field(default_factory=dict)  # what -> whosent, the bare program
    delivered: int = 0  # of the innocents, meanwhile
    sent: int = 0
    wrong: list[str] = field(default_factory=list)


def measure(bench: Bench) -> Section:
    """Postfix, in a lab of its own."""
    text = (
        f"{MESSAGES:,} messages in the queue of a running Postfix, all but {OTHERS} of one script. From the command to"
        " the last message held, released and purged, beside `postsuper` fed the same ids in the same run."
    )
    return _section(bench, Section("drill", text), f"Postfix, {MESSAGES:,}", _stuck)


def measure_exim(bench: Bench) -> Section:
    """Exim, in a lab of its own."""
    text = (
        f"{FROZEN:,} messages in the spool of a running Exim, all but {OTHERS} of one account: frozen, thawed and"
        " removed, beside `exim -Mf`, `-Mt` and `-Mrm` fed the same ids in the same run, 200 at a time."
    )
    return _section(bench, Section("drill_exim", text), f"Exim, {FROZEN:,}", on_exim)


def _stuck(workdir: Path, rounds: int) -> Drill:
    from tests.lab.queues import stuck  # noqa: PLC0415  # of the tests

    with stuck(workdir) as studio:
        return on_postfix(studio, MESSAGES - OTHERS, OTHERS, rounds)


def _section(bench: Bench, section: Section, title: str, play: Callable[[Path, int], Drill]) -> Section:
    from tests.lab.lab import why_not  # noqa: PLC0415  # of the tests; elsewhere this is not measured

    rounds = max(2, bench.rounds)
    section.says += (
        f" They take turns, {rounds} each, and each goes first every other time; medians. The bounds are {TIMES:g}"
        f" times the wall clock time of the bare program, and {BOUND} MiB."
    )
    section.missing = lacks("whosent.keeper") or bool(why_not())
    if not section.missing:
        bench.workdir.mkdir(parents=True, exist_ok=True)
        tell(section, title, play(bench.workdir, rounds))
        section.notes.append(f"Whosent was measured {_as()}.")
    return section


def _as() -> str:
    """What reads the queue files: hosts of the lab run the same."""
    from whosent.queues import proving  # noqa: PLC0415  # of what is measured

    pure = str(proving.__file__).endswith(".py")
    return "from its sources, nothing compiled" if pure else "as its wheel is, compiled"


def tell(section: Section, title: str, drill: Drill) -> None:
    """A row for each verb, each turn beside the one of the bare program, and whether all stayed within the bounds."""
    table = Table([title, "whosent, wall s", "CPU s", "peak MiB", "bare, wall s", "CPU s", "x bare", "in each turn"])
    within = True
    for what, both in drill.rows.items():
        (wall, cpu), (bare, bare_cpu) = ((one.median("wall"), one.median("cpu")) for one in both)
        peak = both[0].span("peak")[1]
        within &= peak <= BOUND and wall <= TIMES * bare
        each = ", ".join(f"{one.wall / other.wall:.2f}" for one, other in zip(both[0].runs, both[1].runs, strict=True))
        table.rows.append([what, f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.0f}", f"{bare:.1f}", f"{bare_cpu:.1f}",
                           f"{wall / bare:.2f}", each])  # fmt: skip
    section.tables.append(table)
    section.notes.append(f"{title}: {'within' if within else 'NOT within'} the bounds.")
    if drill.sent:
        section.notes.append(f"Innocent mail handed in and delivered meanwhile: {drill.delivered} of {drill.sent}.")
    section.notes.append("; ".join(drill.wrong) or "Every message of the culprit was held, and nobody else's.")


def on_postfix(studio: Studio, spam: int, others: int, rounds: int = 2) -> Drill:
    """Hold, release and purge by Whosent and by postsuper in turn."""
    mx = studio.lab.host("mx")
    mx.run(["postfix", "stop"])
    mx.run(["postconf", "-e", *QUIET])
    say(f"  filling Postfix's queue with {spam + others:,} messages")
    ids = _fill(mx, spam, others)
    mx.run(["postfix", "start"])
    innocent, place = _Innocent(studio), mx.path(SPOOL)

    def bare(flag: str) -> Run:
        return _bare(mx, f"postsuper {flag} - {'' if flag == '-h' else 'hold'} < {IDS} 2>/dev/null")

    flags = {"hold": "-h", "release": "-H", "purge": "-d"}
    turns = _Turns(mx, SUSPECT, bare, flags, lambda: sum(1 for _ in (place / "hold").iterdir()))
    turns.take(ids, rounds)
    innocent.stop(turns.drill)
    turns.purge(f"{SPOOL}/deferred", rounds, len(ids))
    return turns.drill


class _Turns:
    """Whosent and the bare program on the same messages, in turn."""

    def __init__(
        self, mx: Machine, suspect: tuple[str, ...], bare: Callable[[str], Run], flags: Mapping[str, str],
        held: Callable[[], int],
    ) -> None:  # fmt: skip
        self.drill = Drill()
        self._mx, self._suspect, self._bare, self._flags, self._held = mx, suspect, bare, flags, held
        self._runs: dict[tuple[str, bool], list[Run]] = {}

    def take(self, ids: Sequence[str], rounds: int) -> None:
        """Hold and release."""
        self._mx.path(IDS).write_text("".join(f"{one}\n" for one in ids))
        for bare in _order(rounds):
            self._run("hold", len(ids), bare=bare)
            self._run("release", 0, bare=bare)
        for verb in ("hold", "release"):
            self._row(verb)

    def purge(self, folder: str, rounds: int, count: int) -> None:
        """What lies in this folder is held by Whosent, then deleted; before each turn it is put back."""
        self._mx.run(["cp", "-a", folder, f"{folder}.copy"], within=900)
        for bare in _order(rounds):
            self._mx.run(["cp", "-a", "-n", f"{folder}.copy/.", folder], within=900)
            self._run("hold", count, bare=False)
            self._run("purge", 0, "--yes", bare=bare)
        self._row("purge")

    def _row(self, verb: str) -> None:
        """What was taken so far: a purge holds again, and that is no turn of a hold."""
        self.drill.rows[verb] = (Summary(tuple(self._runs[verb, False])), Summary(tuple(self._runs[verb, True])))

    def _run(self, verb: str, wanted: int, *more: str, bare: bool) -> None:
        """One turn of one of them, and whether so many are held then; the disk has nothing to do when it begins."""
        os.sync()
        cost = self._bare(self._flags[verb]) if bare else _ours(self._mx, "queue", verb, *self._suspect, *more)
        self._runs.setdefault((verb, bare), []).append(cost)
        if (seen := self._held()) != wanted:
            self.drill.wrong.append(f"{verb}{' by the bare program' * bare}: {seen:,} are held, not {wanted:,}")


def _order(rounds: int) -> Iterator[bool]:
    """Whether it is the bare program's turn: each goes first every other time."""
    for number in range(rounds):
        yield from (number % 2 == 0, number % 2 == 1)


def _fill(mx: Machine, spam: int, others: int) -> list[str]:
    """Into deferred, not to be tried before tomorrow; the ids of the spam."""
    place = mx.path(SPOOL)
    fill(place, spam, others, start=int(time.time()) - 20_000)
    for path in (place / "active").iterdir():
        folder = place / "deferred" / path.name[-5]
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    later = time.time() + 86_400
    ids = []
    for folder in (place / "deferred").iterdir():
        for path in folder.iterdir():
            os.utime(path, (later, later))
            if b"contact.php" in path.read_bytes():
                ids.append(path.name)
    mx.run(["chown", "-R", "postfix:postfix", f"{SPOOL}/deferred", f"{SPOOL}/defer"], within=900)
    return ids


def _bare(mx: Machine, script: str) -> Run:
    cost = run(Command(arguments=mx.command(["sh", "-c", script])))
    say(f"  {script.partition(' <')[0]}: wall {cost.wall:.1f} s, cpu {cost.cpu:.1f} s")
    return cost


def _ours(mx: Machine, *arguments: str) -> Run:
    from tests.lab.containing import argv  # noqa: PLC0415  # of the tests

    cost = run(Command(arguments=mx.command(argv(*arguments)), fine=frozenset({0})))
    say(f"  whosent {' '.join(arguments[:2])}: wall {cost.wall:.1f} s, cpu {cost.cpu:.1f} s, peak {cost.peak:.0f} MiB")
    return cost


class _Innocent:
    """An honest account that writes all along."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._over, self._sent = studio, threading.Event(), 0
        self._before = self._delivered()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _delivered(self) -> int:
        from tests.lab.studio import CAROL  # noqa: PLC0415  # of the tests

        seen = self._studio.lab.world.seen()
        return sum(one["sender"] == CAROL and one["answer"] == "accept" for one in seen)

    def _write(self) -> None:
        from tests.lab.studio import CAROL  # noqa: PLC0415  # of the tests

        while not self._over.wait(0.5):
            self._studio.submit("anna@bigmail.test", account=CAROL)
            self._sent += 1

    def stop(self, drill: Drill) -> None:
        """No more; count what arrived."""
        self._over.set()
        self._thread.join()
        deadline = time.monotonic() + 30
        while self._delivered() - self._before < self._sent and time.monotonic() < deadline:
            time.sleep(0.2)
        drill.sent, drill.delivered = self._sent, self._delivered() - self._before


def on_exim(workdir: Path, rounds: int, spam: int = FROZEN - OTHERS, others: int = OTHERS) -> Drill:
    """Freeze, thaw and purge the spool of a real Exim, made of copies of one message of an account."""
    from tests.lab import exim  # noqa: PLC0415  # of the tests
    from tests.lab.lab import Lab  # noqa: PLC0415
    from tests.lab.studio import BOB, CAROL, PASSWORDS, STRANGERS, Studio  # noqa: PLC0415

    with Lab(PASSWORDS, ("info@corp.test",), STRANGERS) as lab:
        mx, studio = lab.host("mx"), Studio(lab, workdir)
        mx.run(["postfix", "stop"])
        exim.start_mx(mx, PASSWORDS, ("info@corp.test",), exim.Settings())
        lab.world.answer({"later@isp.test": "deferred"})
        for account in (BOB, CAROL):
            studio.submit("later@isp.test", account=account)
        say(f"  filling Exim's spool with {spam + others:,} messages")
        _clone(mx, BOB, spam)
        _clone(mx, CAROL, others)
        place = mx.path("/run/exim4/input")
        ids = [one.name[:-2] for one in place.glob("*-H") if f"auth_id {BOB}\n".encode() in one.read_bytes()]

        def bare(flag: str) -> Run:
            return _bare(mx, f"xargs -n 200 exim4 {flag} < {IDS} > /dev/null")

        def frozen() -> int:
            return int(mx.run(["sh", "-c", "grep -rl '^-frozen ' /run/exim4/input | wc -l"]))

        flags = {"hold": "-Mf", "release": "-Mt", "purge": "-Mrm"}
        turns = _Turns(mx, ("--suspect", f"account:{BOB}"), bare, flags, frozen)
        turns.take(ids, rounds)
        turns.purge("/run/exim4/input", rounds, len(ids))
    return turns.drill


def _clone(mx: Machine, account: str, count: int) -> None:
    """So many messages like the one this account has in the spool, under ids of their own."""
    place = mx.path("/run/exim4/input")
    head = next(path for path in place.glob("*-H") if f"auth_id {account}".encode() in path.read_bytes())
    old = head.name[:-2]
    texts = {kind: place.joinpath(f"{old}-{kind}").read_bytes() for kind in "HD"}
    owner = head.stat()
    for new in _ids(old, count):
        for kind, text in texts.items():
            copy = place / f"{new}-{kind}"
            copy.write_bytes(text.replace(old.encode(), new.encode()))
            copy.chmod(0o640)
            os.chown(copy, owner.st_uid, owner.st_gid)


def _ids(old: str, count: int) -> Iterator[str]:
    """Other ids of the same second's form."""
    digits: Sequence[str] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    first, _, last = old.split("-")
    for number in range(count):
        text, rest = "", number + 62**4
        for _ in range(6):
            rest, digit = divmod(rest, 62)
            text = digits[digit] + text
        yield f"{first}-{text}-{last}"
