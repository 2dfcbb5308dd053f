"""Queues of real mail servers at work: everybody's messages are found, named rightly, and the log is borne out."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import pytest

from benchmarks.queue_files import fill
from tests.lab import exim, sendmail
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.queues import SPOOL, fill_mx, fill_sendmail, fill_web, form, stuck, stuck_sendmail, waiting
from tests.lab.studio import BOB, CAROL, MAIL_LOG, PASSWORDS, STRANGERS, Studio, letter
from whosent import answer, walk
from whosent.model.finding import Strength
from whosent.model.settings import Ours, Settings
from whosent.model.surroundings import Surroundings
from whosent.queue_reading import Snapshot, snapshot
from whosent.queues import Unread
from whosent.sources.files import at_path
from whosent.sources.spools import spools

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
PASSING = {Unread.VANISHED, Unread.UNFINISHED, Unread.EMPTY}


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab()


def look(machine: Machine, number: int = 0, place: str = SPOOL) -> Snapshot:
    (spool,), _ = spools([str(machine.path(place))])
    one = snapshot(spool, number, 1, machine.name, lambda _more: None)
    one.fold(Surroundings(Ours(domains=("corp.test",))))
    return one


def owners(one: Snapshot) -> Counter[tuple[str, str, str]]:
    found: Counter[tuple[str, str, str]] = Counter()
    for pile in one.piles:
        found[pile.actor.kind, pile.actor.name, pile.script] += pile.messages
    return found


def test_one_of_each_kind(tmp_path: Path) -> None:
    """Also the owners, which only a queue in its place tells: maildrop, and what postsuper requeued."""
    with stuck(tmp_path) as studio:
        fill_mx(studio)
        fill_web(studio)
        mx, web = studio.lab.host("mx"), studio.lab.host("web")
        on_mx, on_web = look(mx), look(web)
        said = {name: waiting(studio.lab.host(name)) for name in ("mx", "web")}
    assert owners(on_mx) == {
        ("account", BOB, ""): 4, ("stranger", "100.64.3.7", ""): 1, ("host", "127.0.0.1", ""): 2, ("mta", "", ""): 1,
    }  # fmt: skip
    assert owners(on_web) == {
        ("local_user", "33", "contact.php"): 1,
        ("local_user", "33", ""): 3,
        ("local_user", "0", ""): 1,
    }
    for one, name in ((on_mx, "mx"), (on_web, "web")):
        assert sum(pile.messages for pile in one.piles) == len(said[name])
        assert sum(pile.waiting for pile in one.piles) == sum(len(entry["recipients"]) for entry in said[name])  # type: ignore[arg-type, misc]
        assert not one.reading.unread
        assert {pile.actor.host for pile in one.piles} == {f"{name}.corp.test"}


def test_a_queue_that_is_worked_on(tmp_path: Path) -> None:
    """Mail comes in, is tried, deferred and moved while the queue is read again and again."""
    with stuck(tmp_path) as studio:
        mx = studio.lab.host("mx")
        studio.settings("minimal_backoff_time=1s", "maximal_backoff_time=1s", "queue_run_delay=1s")
        acts = [
            Act(0, "mail", f"{LAN}.101", MX, 587, user=who, password=PASSWORDS[who], helo="pc", sender=who,
                recipients=("later@isp.test",), message=letter(who, "later@isp.test", subject=f"number {number}"))
            for number in range(50) for who in ((BOB, CAROL) if number % 5 == 0 else (BOB,))
        ]  # fmt: skip
        looks: list[Snapshot] = []
        player = threading.Thread(target=lambda: studio.play(*acts))
        player.start()
        while player.is_alive():
            mx.run(["postqueue", "-f"])
            looks.append(look(mx))
        wait_until(lambda: len(waiting(mx)) == 60, "all messages in the queue")
        for _ in range(10):
            mx.run(["postqueue", "-f"])
            looks.append(look(mx))
        wait_until(lambda: all_held(mx) == 60, "all of them on hold, though some are on the move")
        final = look(mx)
    assert owners(final) == {("account", BOB, ""): 50, ("account", CAROL, ""): 10}
    assert final.reading.folders == {"hold": 60}
    assert len(looks) > 10
    for one in looks:
        assert set(one.reading.unread) <= PASSING, one.reading.examples
        found = owners(one)
        assert found["account", BOB, ""] <= 50
        assert found["account", CAROL, ""] <= 10
        assert set(found) <= set(owners(final))
    last = looks[-9:]  # all are there, though on the move: some are between two folders just then, and said to be
    assert max(owners(one).total() for one in last) >= 50, [one.reading.folders for one in last]
    for one in last:
        assert owners(one).total() + sum(one.reading.unread.values()) >= 40, (one.reading.folders, one.reading.unread)


def all_held(machine: Machine) -> int:
    """Put everything on hold; how many are."""
    machine.run(["postsuper", "-h", "ALL"])
    return sum(one["queue_name"] == "hold" for one in waiting(machine))


def test_the_queue_bears_the_log_out(tmp_path: Path) -> None:
    """An account sends spam; the log says so, and the queue files were written by somebody else than syslog."""
    addresses = [f"p{number}@{domain}.test" for number in range(40) for domain in ("bigmail", "isp")]
    with stuck(tmp_path) as studio:
        mx = studio.lab.host("mx")
        studio.lab.world.answer({one: ("unknown", "deferred")[number % 2] for number, one in enumerate(addresses)})
        acts = [
            Act(0, "mail", f"{LAN}.101", MX, 587, user=BOB, password=PASSWORDS[BOB], helo="pc", sender=BOB,
                recipients=tuple(addresses[2 * number : 2 * number + 2]), message=letter(BOB, "a@b", subject="win"))
            for number in range(40)
        ]  # fmt: skip
        studio.play(*acts)
        tried = re.compile(rb"/smtp\[.* to=<p[0-9]+@.* status=(bounced|deferred) ")
        wait_until(lambda: len(tried.findall(mx.read(MAIL_LOG))) == 80, "all of them tried")
        wait_until(lambda: {one["queue_name"] for one in waiting(mx)} == {"deferred"}, "nothing under way")
        studio.hush()
        (tmp_path / "mail.log").write_bytes(mx.read(MAIL_LOG))
        alone = scan(tmp_path / "mail.log")
        both = scan(tmp_path / "mail.log", look(mx, 1))
        mx.run(["postsuper", "-d", "ALL"])
        after = scan(tmp_path / "mail.log", look(mx, 1))
    assert [(case.suspect.name, case.strength) for case in alone.cases] == [(BOB, Strength.SHOWN)]
    assert [(case.suspect.name, case.strength) for case in both.cases] == [(BOB, Strength.PROVEN)]
    assert both.cases[0].witnesses == ("Postfix log of mx", "Postfix queue of mx")
    assert [(case.suspect.name, case.strength) for case in after.cases] == [(BOB, Strength.SHOWN)]
    report = json.loads(msgspec.json.encode(answer.report(both, answer.read_back(both), [])))
    assert report["queue"]["piles"][0]["incident"] == report["incidents"][0]["id"]
    assert "of its messages lie in the queue" in report["sentence"]


def scan(log: Path, *snapshots: Snapshot) -> walk.Pass:
    settings = Settings(ours=Ours(domains=("corp.test",)))
    zone = ZoneInfo("UTC")
    inputs = walk.prepare([at_path(log)], settings, zone)
    return walk.scan(inputs, settings, lambda _: None, zone, 1, snapshots)


def test_a_form_and_a_letter_of_the_same_user_are_two_piles(tmp_path: Path) -> None:
    with stuck(tmp_path) as studio:
        web = studio.lab.host("web")
        for number in range(5):
            form(studio, f"u{number}@isp.test")
        web.run(
            ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"],
            letter("www-data", "anna@bigmail.test"),
        )
        wait_until(lambda: [one["queue_name"] for one in waiting(web)] == ["deferred"] * 6, "six messages")
        found = owners(look(web))
    assert found == {("local_user", "33", "contact.php"): 5, ("local_user", "33", ""): 1}


def test_postfix_reads_the_queue_of_the_benchmark(tmp_path: Path) -> None:
    """What the measuring is done on are queue files to Postfix itself."""
    with stuck(tmp_path) as studio:
        web = studio.lab.host("web")
        web.run(["postfix", "stop"])
        filled = fill(web.path(SPOOL), 60, 12)
        web.run(["chown", "-R", "postfix:postfix", *(f"{SPOOL}/{folder}" for folder in ("active", "deferred"))])
        said = waiting(web)
        shown = web.run(["sh", "-c", f"cd {SPOOL} && find deferred -type f | head -1 | xargs postcat"])
        found = owners(look(web))
    assert len(said) == filled.spam + filled.others == found.total()
    assert found["local_user", "33", "contact.php"] == filled.spam
    assert "MESSAGE FILE END" in shown


def test_exims_spool_at_work(tmp_path: Path) -> None:
    """An account and a script fill Exim's spool, which is tried again and again while it is read."""
    require_lab(exim)
    with Lab(PASSWORDS, ("info@corp.test",), STRANGERS) as lab:
        mx, studio = lab.host("mx"), Studio(lab, tmp_path)
        mx.run(["postfix", "stop"])
        exim.start_mx(mx, PASSWORDS, ("info@corp.test",), exim.Settings(more="split_spool_directory = true\n"))
        lab.world.answer({"later@isp.test": "deferred"})
        php = letter("shop@corp.test", "later@isp.test", extra="X-PHP-Originating-Script: 33:contact.php\r\n")
        for number in range(12):
            studio.submit("later@isp.test", "anna@bigmail.test")
            argv = ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"]
            mx.run(argv, php.replace("\r\n", "\n").replace("Hello", f"number {number}"))
        wait_until(lambda: mx.run(["exim4", "-bpc"]).strip() == "24", "24 messages in Exim's spool")
        looks = []
        for _ in range(8):
            mx.run(["exim4", "-qff"])
            looks.append(look(mx, place="/run/exim4"))
        wait_until(lambda: exim.idle(mx), "the end of the first attempts")
        frozen = mx.run(["sh", "-c", "exiqgrep -i -r . | head -5 | xargs exim4 -Mf"], check=False)
        final = look(mx, place="/run/exim4")
    assert owners(final) == {("account", BOB, ""): 12, ("local_user", "33", "contact.php"): 12}, frozen
    assert sum(pile.done for pile in final.piles) == 12  # what went to anna
    assert sum(pile.waiting for pile in final.piles) == 24
    for one in looks:
        assert set(one.reading.unread) <= PASSING, one.reading.examples
        assert owners(one).total() >= 22


def test_sendmails_queue_at_work(tmp_path: Path) -> None:
    """Two queue folders are tried again and again while they are read; the submission program's has the local user."""
    require_lab(sendmail)
    with stuck_sendmail(tmp_path) as studio:
        mx, web = studio.lab.host("mx"), studio.lab.host("web")
        fill_sendmail(studio)
        for number in range(20):
            studio.submit("later@isp.test", text=letter(BOB, "later@isp.test", subject=f"number {number}"))
        looks = []
        for _ in range(6):
            running = threading.Thread(target=lambda: sendmail.run_queue(mx))
            running.start()
            while running.is_alive():
                looks.append(look(mx, place=sendmail.QUEUE))
            running.join()
        final, client = look(mx, place=sendmail.QUEUE), look(web, place=sendmail.CLIENT_QUEUE)
    expected = {
        ("unknown", "", ""): 21, ("mta", "", ""): 1, ("stranger", "100.64.3.7", ""): 1, ("host", "10.77.0.20", ""): 1,
        ("host", "127.0.0.1", ""): 1,
    }  # fmt: skip
    assert owners(final) == expected
    assert final.reading.folders == {"queue": 24, "quarantined": 1}
    assert owners(client) == {("local_user", "www-data", "contact.php"): 1}
    assert {pile.actor.host for pile in final.piles} == {"mx.corp.test"}
    assert sum(pile.looked_at for pile in final.piles) == 25
    assert looks
    for one in looks:
        assert set(one.reading.unread) <= PASSING, one.reading.examples
        assert owners(one).total() + one.reading.unread.total() >= 23
        assert set(owners(one)) <= set(expected)
