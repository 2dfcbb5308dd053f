"""The big drill: a full queue of a real Postfix (and Exim), one culprit, innocents who go on writing meanwhile.

Beside Whosent the mail server's own program is fed the same ids in the same run.  It knows them already; Whosent has to
read and judge every file first.  The two take turns, each goes first once, and both find the queue as it was; of what
is deleted for good, each deletes one half.
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
from benchmarks.measure import Command, Run, run
from benchmarks.queue_files import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.lab.machine import Machine
    from tests.lab.studio import Studio

MESSAGES, OTHERS, FROZEN = 300_000, 40, 20_000
TIMES, BOUND = 2.0, 200
"""How many times the wall clock time of the bare program, and MiB."""
_HOW = (
    "They take turns, each goes first once, and the figures are means of the two; of what is purged each deletes one"
    f" half. The bounds are {TIMES:g} times the wall clock time of the bare program, and {BOUND} MiB."
)
SUSPECT = ("--suspect", "script:/var/www/html/contact.php")
SPOOL, IDS = "/var/spool/postfix", "/run/ids"
QUIET = ("queue_run_delay=1d", "minimal_backoff_time=1d", "maximal_backoff_time=1d", "maximal_queue_lifetime=99d")


@dataclass
class Drill:
    """What was measured."""

    rows: dict[str, tuple[Run, Run]] = field(default_factory=dict)  # what -> whosent, the bare program
    delivered: int = 0  # of the innocents, meanwhile
    sent: int = 0
    wrong: list[str] = field(default_factory=list)


def measure(bench: Bench) -> Section:
    """Postfix, in a lab of its own."""
    section = Section(
        "drill",
        f"{MESSAGES:,} messages in the queue of a running Postfix, all but {OTHERS} of one script. From the command to"
        f" the last message held, released and purged, beside `postsuper` fed the same ids in the same run. {_HOW}",
    )
    section.missing = _impossible()
    if section.missing:
        return section
    from tests.lab.queues import stuck  # noqa: PLC0415  # of the tests

    bench.workdir.mkdir(parents=True, exist_ok=True)
    with stuck(bench.workdir) as studio:
        _tell(section, f"Postfix, {MESSAGES:,}", on_postfix(studio, MESSAGES - OTHERS, OTHERS))
    return section


def measure_exim(bench: Bench) -> Section:
    """Exim, in a lab of its own."""
    section = Section(
        "drill_exim",
        f"{FROZEN:,} messages in the spool of a running Exim, all but {OTHERS} of one account: frozen, thawed and"
        f" removed, beside `exim -Mf`, `-Mt` and `-Mrm` fed the same ids in the same run, 200 at a time. {_HOW}",
    )
    section.missing = _impossible()
    if section.missing:
        return section
    bench.workdir.mkdir(parents=True, exist_ok=True)
    _tell(section, f"Exim, {FROZEN:,}", on_exim(bench.workdir, FROZEN - OTHERS, OTHERS))
    return section


def _impossible() -> bool:
    from tests.lab.lab import why_not  # noqa: PLC0415  # of the tests; elsewhere this is not measured

    return lacks("whosent.keeper") or bool(why_not())


def _tell(section: Section, title: str, drill: Drill) -> None:
    table = Table([title, "whosent, wall s", "whosent, CPU s", "peak MiB", "bare, wall s", "bare, CPU s", "x bare"])
    within = True
    for what, (ours, bare) in drill.rows.items():
        ratio = ours.wall / bare.wall
        within &= ours.peak <= BOUND and ratio <= TIMES
        table.rows.append([what, f"{ours.wall:.1f}", f"{ours.cpu:.1f}", f"{ours.peak:.0f}", f"{bare.wall:.1f}",
                           f"{bare.cpu:.1f}", f"{ratio:.2f}"])  # fmt: skip
    section.tables.append(table)
    section.notes.append(f"{title}: {'within' if within else 'NOT within'} the bounds.")
    if drill.sent:
        section.notes.append(f"Innocent mail handed in and delivered meanwhile: {drill.delivered} of {drill.sent}.")
    section.notes.append("; ".join(drill.wrong) or "Every message of the culprit was held, and nobody else's.")


def on_postfix(studio: Studio, spam: int, others: int) -> Drill:
    """Hold and release by Whosent and by postsuper in turn; of what is held at last, each deletes one half."""
    mx, drill = studio.lab.host("mx"), Drill()
    mx.run(["postfix", "stop"])
    mx.run(["postconf", "-e", *QUIET])
    say(f"  filling Postfix's queue with {spam + others:,} messages")
    ids = _fill(mx, spam, others)
    mx.run(["postfix", "start"])
    innocent = _Innocent(studio)
    turns = _Turns(mx, SUSPECT, lambda flag: _bare(mx, flag, *(() if flag == "-h" else ("hold",))), drill)
    flags = {"hold": "-h", "release": "-H", "purge": "-d"}
    turns.take(flags, lambda: len(_names(mx, "hold")), spam)
    innocent.stop(drill)
    mx.path(IDS).write_text("".join(f"{one}\n" for one in ids[::2]))
    turns.purge(flags["purge"], lambda: len(_names(mx, "hold")), len(ids) - len(ids[::2]))
    return drill


class _Turns:
    """Whosent and the bare program on the same messages, in turn."""

    def __init__(self, mx: Machine, suspect: tuple[str, ...], bare: Callable[[str], Run], drill: Drill) -> None:
        self._mx, self._suspect, self._bare, self._drill = mx, suspect, bare, drill

    def take(self, flags: Mapping[str, str], held: Callable[[], int], spam: int) -> None:
        """Twice each, the first of one turn the second of the other; then Whosent holds all of it once more."""
        runs: dict[str, tuple[list[Run], list[Run]]] = {"hold": ([], []), "release": ([], [])}
        for bare in (True, False, False, True):
            for verb in ("hold", "release"):
                runs[verb][bare].append(self._bare(flags[verb]) if bare else self._ours(verb))
                wanted = spam if verb == "hold" else 0
                if not bare and (seen := held()) != wanted:
                    self._drill.wrong.append(f"{verb}: {seen:,} are held, not {wanted:,}")
        for verb, (ours, theirs) in runs.items():
            self._drill.rows[verb] = (_mean(ours), _mean(theirs))
        self._ours("hold")
        if (seen := held()) != spam:
            self._drill.wrong.append(f"hold: {seen:,} are held, not {spam:,}")

    def purge(self, flag: str, left: Callable[[], int], half: int) -> None:
        """One half by the bare program, which finds its ids in the list, the other by Whosent."""
        theirs = self._bare(flag)
        if (seen := left()) != half:
            self._drill.wrong.append(f"the bare program left {seen:,}, not {half:,}")
        self._drill.rows["purge, one half each"] = (self._ours("purge", "--yes"), theirs)
        if seen := left():
            self._drill.wrong.append(f"purge left {seen:,}")

    def _ours(self, verb: str, *more: str) -> Run:
        return _ours(self._mx, "queue", verb, *self._suspect, *more)


def _mean(runs: list[Run]) -> Run:
    count = len(runs)
    return Run(wall=sum(one.wall for one in runs) / count, cpu=sum(one.cpu for one in runs) / count,
               peak=max(one.peak for one in runs))  # fmt: skip


def _fill(mx: Machine, spam: int, others: int) -> list[str]:
    """Into deferred, not to be tried before tomorrow; the ids of the spam go into a file."""
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
    mx.path(IDS).write_text("".join(f"{one}\n" for one in ids))
    mx.run(["chown", "-R", "postfix:postfix", f"{SPOOL}/deferred", f"{SPOOL}/defer"], within=900)
    return ids


def _names(mx: Machine, folder: str) -> list[str]:
    return [path.name for path in mx.path(f"{SPOOL}/{folder}").iterdir()]


def _bare(mx: Machine, flag: str, *among: str) -> Run:
    script = f"postsuper {flag} - {' '.join(among)} < {IDS} 2>/dev/null"
    cost = run(Command(arguments=mx.command(["sh", "-c", script])))
    say(f"  postsuper {flag}: wall {cost.wall:.1f} s")
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


def on_exim(workdir: Path, spam: int, others: int) -> Drill:
    """Freeze, thaw and purge the spool of a real Exim, made of copies of one message of an account."""
    from tests.lab import exim  # noqa: PLC0415  # of the tests
    from tests.lab.lab import Lab  # noqa: PLC0415
    from tests.lab.studio import BOB, CAROL, PASSWORDS, STRANGERS, Studio  # noqa: PLC0415

    suspect, drill = ("--suspect", f"account:{BOB}"), Drill()
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
        script = f"cd /run/exim4/input && grep -rl 'auth_id {BOB}' . | sed -n 's#^./##; s/-H$//p' > {IDS}"
        mx.run(["sh", "-c", script])
        ids = mx.path(IDS).read_text().split()
        turns = _Turns(mx, suspect, lambda flag: _exim(mx, flag), drill)
        turns.take({"hold": "-Mf", "release": "-Mt"}, lambda: _frozen(mx), len(ids))
        mx.path(IDS).write_text("".join(f"{one}\n" for one in ids[::2]))
        turns.purge("-Mrm", lambda: _frozen(mx), len(ids) - len(ids[::2]))
    return drill


def _frozen(mx: Machine) -> int:
    return int(mx.run(["sh", "-c", "grep -rl '^-frozen ' /run/exim4/input | wc -l"]))


def _exim(mx: Machine, flag: str) -> Run:
    cost = run(Command(arguments=mx.command(["sh", "-c", f"xargs -n 200 exim4 {flag} < {IDS} > /dev/null"])))
    say(f"  exim {flag}: wall {cost.wall:.1f} s")
    return cost


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
