"""A stolen account and a form script are contained alone on real servers, while innocent mail flows; and taken back."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import drill
from benchmarks.findings import Section
from tests.lab import exim
from tests.lab.containing import KEPT, accuse, argv, queued, said, set_up, told
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.mail import empty_queue, listens, reload
from tests.lab.network import LAN, MX
from tests.lab.player import Act
from tests.lab.possible import require, require_lab
from tests.lab.queues import form, stuck, waiting
from tests.lab.studio import BOB, CAROL, PASSWORDS, STRANGERS, Studio, letter
from whosent.model.finding import Cause, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
WEB = "www-data@web.corp.test"
RUNUSER = ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    require_lab()
    with stuck(tmp_path_factory.mktemp("contain")) as studio:
        yield studio


@pytest.fixture(autouse=True)
def afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """The next test finds empty queues and servers as they were."""
    yield
    if "studio" in request.fixturenames:
        lab = request.getfixturevalue("studio").lab
        for name in ("mx", "web"):
            if lab.host(name).path(f"{KEPT}/setup-postfix.json").exists():
                said(lab.host(name), "setup", "postfix", "--undo")
            empty_queue(lab.host(name))


def mails(account: str, count: int, to: str) -> list[Act]:
    return [
        Act(0, "mail", f"{LAN}.101", MX, 587, user=account, password=PASSWORDS[account], helo="pc", sender=account,
            recipients=(to,), message=letter(account, to, subject=f"number {number}"))
        for number in range(count)
    ]  # fmt: skip


def settled(machine: Machine) -> bool:
    return all(one["queue_name"] in {"deferred", "hold"} for one in waiting(machine))


def delivered(studio: Studio, sender: str) -> int:
    return sum(one["sender"] == sender and one["answer"] == "accept" for one in studio.lab.world.seen())


def test_a_stolen_account_alone(studio: Studio) -> None:
    mx = studio.lab.host("mx")
    before = {name: mx.read(f"/etc/postfix/{name}") for name in ("main.cf", "master.cf")}
    assert "missing. Make: whosent setup postfix --install" in said(mx, "setup", "postfix")
    set_up(mx)
    assert told(mx, "setup", "postfix", "--install")["changed"] == 0
    studio.play(*mails(BOB, 30, "later@isp.test"), *mails(CAROL, 3, "later@isp.test"))
    wait_until(lambda: settled(mx) and len(waiting(mx)) == 33, "33 deferred messages")
    name = accuse(mx, Suspect(kind="account", name=BOB, host="mx.corp.test"))
    plan = told(mx, "incident", "contain", name[:6], "--dry-run")
    assert (plan["messages"], plan["others"], plan["touched"]) == (30, 3, [])
    assert [step["responder"] for step in plan["steps"]] == ["tap", "queue"]
    assert queued(waiting(mx), BOB) == {"deferred": 30}

    flowing = threading.Thread(target=lambda: studio.play(*mails(CAROL, 40, "anna@bigmail.test")))
    sent = delivered(studio, CAROL)
    flowing.start()
    done = told(mx, "incident", "contain", name[:6])
    studio.play(*mails(BOB, 3, "anna@bigmail.test"), *mails(BOB, 1, "postmaster@corp.test"))
    flowing.join()
    assert done["problems"] == []
    assert done["command"] == f"whosent incident release {name}"
    wait_until(lambda: queued(waiting(mx), BOB) == {"hold": 33}, "all of it held, but what goes to the postmaster")
    wait_until(lambda: delivered(studio, CAROL) - sent == 40, "innocent mail delivered meanwhile")
    assert "hold" not in queued(waiting(mx), CAROL)
    assert said(mx, "incident", "show", name).startswith("CONTAINED")
    state = told(mx, "queue", "status", "--suspect", f"account:{BOB}")
    assert (state["held_by_us"], len(state["in_force"])) == (33, 2)

    released = told(mx, "incident", "release", name)
    assert released["problems"] == []
    assert "33 messages go on their way" in released["sentence"]
    wait_until(lambda: "hold" not in queued(waiting(mx), BOB), "nothing on hold")
    assert mails_pass(studio, BOB)
    told(mx, "setup", "postfix", "--undo")
    assert {name: mx.read(f"/etc/postfix/{name}") for name in before} == before


def mails_pass(studio: Studio, account: str) -> bool:
    sent = delivered(studio, account)
    studio.play(*mails(account, 1, "anna@bigmail.test"))
    wait_until(lambda: delivered(studio, account) > sent, f"a message of {account}")
    return True


def test_a_form_script_alone_refused_and_purged(studio: Studio) -> None:
    web = studio.lab.host("web")
    set_up(web)
    for number in range(5):
        form(studio, f"u{number}@isp.test")
    web.run(RUNUSER, letter("www-data", "anna@bigmail.test", extra="X-PHP-Originating-Script: 33:other.php\r\n"))
    web.run(["/usr/sbin/sendmail", "-f", "root@web.corp.test", "ben@isp.test"], letter("root", "ben@isp.test"))
    wait_until(lambda: settled(web) and len(waiting(web)) == 7, "seven messages")
    script = Suspect(kind="form", name="/var/www/html/contact.php", host="web", uid=33)
    name = accuse(web, script, Cause.ABUSED_FORM)
    done = told(web, "incident", "contain", name)
    assert done["actions"][-1]["counts"]["held"] == 5
    form(studio, "u9@isp.test")
    web.run(RUNUSER, letter("www-data", "anna@bigmail.test", subject="honest"))
    wait_until(lambda: settled(web) and len(waiting(web)) == 9, "nine messages")
    assert queued(waiting(web), WEB) == {"hold": 6, "deferred": 2}
    assert "say --yes" in web.run(["sh", "-c", '"$@" 2>&1; true', "_", *argv("queue", "purge", "--incident", name)])
    assert told(web, "queue", "purge", "--incident", name, "--dry-run")["held_by_us"] == 6
    purged = told(web, "queue", "purge", "--incident", name, "--yes")
    assert purged["actions"][0]["counts"]["purged"] == 6
    manifest = web.run(["cat", purged["actions"][0]["note"]]).splitlines()
    assert len(manifest) == 7
    digest, size, queue_id, _ = manifest[1].split("\t")
    sample = purged["actions"][0]["note"].replace("manifest.tsv", f"{queue_id}.sample")
    assert web.run(["sha256sum", sample]).split()[0] == digest
    assert web.path(sample).stat().st_size == int(size)
    assert queued(waiting(web), WEB) == {"deferred": 2}
    assert queued(waiting(web), "root@web.corp.test") == {"deferred": 1}
    assert "MAILER-DAEMON" not in json.dumps(waiting(web))
    told(web, "incident", "release", name)


def test_what_an_operator_held_stays_held(studio: Studio) -> None:
    mx = studio.lab.host("mx")
    studio.play(*mails(BOB, 2, "later@isp.test"))
    wait_until(lambda: settled(mx) and len(waiting(mx)) == 2, "two messages")
    mine = str(waiting(mx)[0]["queue_id"])
    mx.run(["postsuper", "-h", mine])
    suspect = ("--suspect", f"account:{BOB}")
    assert "1 of its queued messages are held" in told(mx, "queue", "hold", *suspect)["sentence"]
    assert "1 that we had not held were let alone" in told(mx, "queue", "purge", *suspect, "--yes")["sentence"]
    assert [one["queue_id"] for one in waiting(mx)] == [mine]
    assert "1 that we had not held stay on hold" in told(mx, "queue", "release", *suspect)["sentence"]


def test_the_emergency_brake(studio: Studio) -> None:
    mx = studio.lab.host("mx")
    set_up(mx)
    studio.play(*mails(BOB, 3, "later@isp.test"), *mails(CAROL, 2, "later@isp.test"))
    wait_until(lambda: settled(mx) and len(waiting(mx)) == 5, "five messages")
    told(mx, "queue", "brake")
    studio.play(*mails(BOB, 1, "anna@bigmail.test"), *mails(CAROL, 1, "anna@bigmail.test"))
    mx.run(["/usr/sbin/sendmail", "-f", "root@corp.test", "ben@isp.test"], letter("root", "ben@isp.test"))
    wait_until(lambda: [one["queue_name"] for one in waiting(mx)] == ["hold"] * 8, "eight messages, all of them held")
    studio.arrive("info@corp.test")  # from outside: not ours to answer for
    sent = delivered(studio, CAROL)
    told(mx, "queue", "brake", "--let", f"account:{CAROL}")
    studio.play(*mails(CAROL, 1, "anna@bigmail.test"))
    wait_until(lambda: delivered(studio, CAROL) - sent >= 1, "mail of the one who was let go")
    assert queued(waiting(mx), BOB) == {"hold": 4}
    assert "hold" not in queued(waiting(mx), CAROL)
    off = told(mx, "queue", "brake", "--off")
    assert off["problems"] == []
    wait_until(lambda: "hold" not in json.dumps(waiting(mx)), "nothing on hold")
    assert mails_pass(studio, BOB)


def test_while_the_mail_server_is_down(studio: Studio) -> None:
    """What was held then is held when it starts again, and all else goes its way."""
    mx = studio.lab.host("mx")
    set_up(mx)
    studio.play(*mails(BOB, 12, "later@isp.test"), *mails(CAROL, 3, "later@isp.test"))
    wait_until(lambda: settled(mx) and len(waiting(mx)) == 15, "fifteen messages")
    suspect = ("--suspect", f"account:{BOB}")
    mx.run(["postfix", "stop"])
    try:
        held = told(mx, "queue", "hold", *suspect)
        assert held["problems"] == []
        state = told(mx, "queue", "status", *suspect)
        assert state["held_by_us"] == 12
    finally:
        mx.run(["postfix", "start"])
    wait_until(lambda: listens(mx, 25), "Postfix listens again")
    assert queued(waiting(mx), BOB) == {"hold": 12}
    assert "hold" not in queued(waiting(mx), CAROL)
    assert told(mx, "queue", "release", *suspect)["problems"] == []
    assert "hold" not in queued(waiting(mx), BOB)
    assert mails_pass(studio, BOB)


def test_killed_at_any_moment_nothing_is_lost_or_doubled(studio: Studio) -> None:
    mx = studio.lab.host("mx")
    studio.play(*mails(BOB, 60, "later@isp.test"), *mails(CAROL, 10, "later@isp.test"))
    wait_until(lambda: settled(mx) and len(waiting(mx)) == 70, "seventy messages")
    every = ids(mx)
    kills = 40 if os.environ.get("WHOSENT_TEST_FULL") else 8
    suspect = ("--suspect", f"account:{BOB}")
    for number in range(kills):
        verb = "hold" if number % 2 == 0 else "release"
        seconds = 0.25 + 0.6 * number / kills
        mx.run(["timeout", "-s", "KILL", f"{seconds:.2f}", *argv("queue", verb, *suspect)], check=False)
        mx.run(["sh", "-c", "pkill -9 -xf '.*whosent.keeper.*'"], check=False)
        wait_until(lambda: ids(mx) == every, "all of them, though some may be between two folders just now")
        assert "hold" not in queued(waiting(mx), CAROL)
    done = told(mx, "queue", "hold", *suspect)
    assert queued(waiting(mx), BOB) == {"hold": 60}, done
    told(mx, "queue", "release", *suspect)
    assert "hold" not in queued(waiting(mx), BOB)
    wait_until(lambda: ids(mx) == every, "all of them")
    ledger = said(mx, "queue", "status", *suspect)
    assert "0 held by us" in ledger


def ids(machine: Machine) -> list[str]:
    return sorted(str(one["queue_id"]) for one in waiting(machine))


TALK = """
import socket
client = socket.create_connection(("127.0.0.1", 25))
told = client.makefile("rw", newline="\\r\\n")
print(told.readline(), end="", flush=True)
input()
told.write("QUIT\\r\\n")
told.flush()
print(told.readline(), end="", flush=True)
"""


def test_exim_freezes_one_alone(tmp_path: Path) -> None:
    require("Exim is not unpacked here: run tests/lab/packages.sh exim" if not exim.UNPACKED.exists() else "")
    with Lab(PASSWORDS, ("info@corp.test", "postmaster@corp.test"), STRANGERS) as lab:
        mx, studio = lab.host("mx"), Studio(lab, tmp_path)
        mx.run(["postfix", "stop"])
        exim.start_mx(mx, PASSWORDS, ("info@corp.test", "postmaster@corp.test"), exim.Settings())
        lab.world.answer({"later@isp.test": "deferred"})
        before = mx.read("/etc/exim4/exim4.conf")
        wait_until(lambda: begins(mx) > 0 and listens(mx, 587), "the daemon")
        begun = begins(mx)
        with mx.start(["python3", "-c", TALK], subprocess.PIPE) as client:
            assert client.stdout
            assert client.stdin
            assert client.stdout.readline().startswith("220 ")
            set_up(mx, "exim")
            client.stdin.write("go on\n")
            client.stdin.flush()
            assert client.stdout.readline().startswith("221 ")  # it was not cut off
        wait_until(lambda: begins(mx) == begun + 1 and listens(mx, 587), "the daemon, which starts itself anew")
        studio.play(*mails(BOB, 6, "later@isp.test"), *mails(CAROL, 2, "later@isp.test"))
        wait_until(lambda: mx.run(["exim4", "-bpc"]).strip() == "8", "eight messages")
        wait_until(lambda: exim.idle(mx), "the end of first attempts: a message is locked while it is tried")
        name = accuse(mx, Suspect(kind="account", name=BOB, host="mx"))
        done = told(mx, "incident", "contain", name)
        assert done["actions"][-1]["counts"]["held"] >= 6
        studio.play(*mails(BOB, 1, "anna@bigmail.test"), *mails(CAROL, 1, "anna@bigmail.test"))
        wait_until(lambda: delivered(studio, CAROL) == 1, "innocent mail")
        wait_until(lambda: frozen(mx) == {BOB: 7}, "seven frozen messages of one")
        told(mx, "incident", "release", name)
        assert frozen(mx) == {}
        wait_until(lambda: exim.idle(mx), "the end of the attempts after the release")
        told(mx, "queue", "hold", "--suspect", f"account:{BOB}")
        purged = told(mx, "queue", "purge", "--suspect", f"account:{BOB}", "--yes")
        assert purged["actions"][0]["counts"]["purged"] >= 6
        assert BOB not in mx.run(["exim4", "-bp"])
        told(mx, "setup", "exim", "--undo")
        assert mx.read("/etc/exim4/exim4.conf") == before


def begins(machine: Machine) -> int:
    return machine.read(exim.MAIN_LOG).count(b" daemon started: ")


def frozen(machine: Machine) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in machine.run(["exim4", "-bp"]).splitlines():
        if "*** frozen ***" in line:
            sender = line.split("<")[1].split(">")[0]
            found[sender] = found.get(sender, 0) + 1
    return found


def test_a_walled_host_and_an_order_that_runs_out(studio: Studio) -> None:
    mx = studio.lab.host("mx")
    set_up(mx)
    address = f"{LAN}.102"
    plain: dict[str, Any] = {"helo": "pc02", "sender": "pc@corp.test", "recipients": ("info@corp.test",),
                             "message": letter("pc@corp.test", "info@corp.test")}  # fmt: skip
    name = accuse(mx, Suspect(kind="host", name=address, address=address, host="mx"), Cause.INFECTED_HOST)
    done = told(mx, "incident", "contain", name, "--wall", "--hours", "1")
    assert [one["responder"] for one in done["actions"]] == ["tap", "nftables", "queue"]
    (refused,) = studio.play(Act(0, "mail", address, MX, 25, **plain))
    assert "Refused" in refused.reply
    (fine,) = studio.play(Act(0, "mail", f"{LAN}.101", MX, 25, **plain))
    assert fine.accepted == 1
    told(mx, "incident", "release", name)
    (again,) = studio.play(Act(0, "mail", address, MX, 25, **plain))
    assert again.accepted == 1


def test_the_big_drill_in_small(studio: Studio) -> None:
    """What ``make bench`` does with 300,000 messages: held, released and purged alone, while innocent mail flows."""
    mx, spam, others = studio.lab.host("mx"), 300, 40
    main = mx.read("/etc/postfix/main.cf")
    done = drill.on_postfix(studio, spam, others)
    mx.write("/etc/postfix/main.cf", main.decode())
    reload(mx)
    assert done.wrong == []
    assert set(done.rows) == {"hold", "release", "purge"}
    assert all(len(ours.runs) == len(bare.runs) == 2 for ours, bare in done.rows.values())
    assert done.delivered == done.sent > 0
    assert [one["queue_name"] for one in waiting(mx)] == ["deferred"] * others
    assert max(ours.span("peak")[1] for ours, _ in done.rows.values()) < drill.BOUND
    told_ = Section("drill", "")
    drill.tell(told_, "Postfix", done)
    assert [row[0] for row in told_.tables[0].rows] == ["hold", "release", "purge"]
