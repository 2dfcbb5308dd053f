"""Sendmail quarantines one suspect's mail alone: a script, a local user, a host of ours, a login; and lets it go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab import sendmail
from tests.lab.containing import argv, set_up, told
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.mail import listens
from tests.lab.network import WEB
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, CAROL, PASSWORDS, STRANGERS, Studio

if TYPE_CHECKING:
    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
SCRIPT, USER = ("--suspect", "script:/var/www/html/contact.php"), ("--suspect", "uid:33")
CALL = ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-i", "later@isp.test"]
PHP = "Subject: x\nX-PHP-Originating-Script: 33:contact.php\n\nx\n"


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab(sendmail)


def quarantined(mx: Machine) -> int:
    return sum(Path(name).name.startswith("hf") for name in sendmail.control_files(mx))


def delivered(studio: Studio, sender: str) -> int:
    return sum(one["sender"] == sender and one["answer"] == "accept" for one in studio.lab.world.seen())


def test_one_alone(tmp_path: Path) -> None:
    with Lab(PASSWORDS, (), STRANGERS, mta=sendmail) as lab:
        studio, mx, web = Studio(lab, tmp_path), lab.host("mx"), lab.host("web")
        lab.world.answer({"later@isp.test": "deferred"})
        before = [mx.read(f"/etc/mail/{name}.cf") for name in ("sendmail", "submit")]
        for _ in range(4):
            mx.run(CALL, PHP)
        for _ in range(2):
            mx.run(CALL, "Subject: honest\n\nx\n")
            web.run(CALL, "Subject: of another host\n\nx\n")
            studio.submit("later@isp.test", account=CAROL)
        wait_until(lambda: len(sendmail.control_files(mx)) == 10 and sendmail.idle(mx), "ten messages in the queue")

        assert told(mx, "queue", "hold", *SCRIPT)["actions"][0]["counts"]["held"] == 4
        assert quarantined(mx) == 4
        assert told(mx, "queue", "hold", *USER)["actions"][0]["counts"]["held"] == 2
        assert told(mx, "queue", "hold", "--suspect", f"host:{WEB}")["actions"][0]["counts"]["held"] == 2
        assert mx.run(["sh", "-c", "mailq -Am -qQ"]).count("QUARANTINE: whosent") == quarantined(mx) == 8
        assert told(mx, "queue", "release", *SCRIPT)["actions"][0]["counts"]["released"] == 4
        assert told(mx, "queue", "release", *USER)["actions"][0]["counts"]["released"] == 2
        assert quarantined(mx) == 2
        assert told(mx, "queue", "hold", *SCRIPT)["actions"][0]["counts"]["held"] == 4
        purged = told(mx, "queue", "purge", *SCRIPT, "--yes")["actions"][0]
        assert purged["counts"]["purged"] == 4
        assert len(sendmail.control_files(mx)) == 6
        assert len(mx.run(["sh", "-c", f"ls {sendmail.QUEUE} | grep ^df"]).split()) == 6
        assert len(mx.read(purged["note"]).splitlines()) == 5

        mx.write("/etc/mail/submit.cf", f"{before[1].decode()}Scheck_eoh\nR$*\t$@ OK\n")
        told_ = mx.run(["sh", "-c", '"$@" 2>&1; true', "_", *argv("setup", "sendmail", "--install")])
        assert "check_eoh has multiple definitions" in told_
        mx.write("/etc/mail/submit.cf", before[1].decode())
        set_up(mx, "sendmail")
        wait_until(lambda: listens(mx, 25) and listens(mx, 587), "the daemon, which starts itself anew")
        assert told(mx, "setup", "sendmail", "--install")["changed"] == 0
        suspect = ("--suspect", f"account:{BOB}")
        done = told(mx, "incident", "contain", *suspect)
        assert [one["state"] for one in done["actions"]] == ["applied", "failed"]
        assert "no queue file of Sendmail" in done["problems"][-1]
        sent = delivered(studio, CAROL)
        studio.submit("anna@bigmail.test", account=BOB)
        studio.submit("anna@bigmail.test", account=CAROL)
        wait_until(lambda: delivered(studio, CAROL) == sent + 1, "innocent mail")
        assert delivered(studio, BOB) == 0
        assert quarantined(mx) == 3
        assert told(mx, "queue", "status", *suspect)["held_by_us"] == 1
        told(mx, "queue", "release", *suspect)
        sendmail.run_queue(mx)
        wait_until(lambda: delivered(studio, BOB) == 1, "what the tap had caught")
        studio.submit("anna@bigmail.test", account=BOB)
        wait_until(lambda: delivered(studio, BOB) == 2, "new mail after the release")
        taps_of_programs(studio)
        told(mx, "setup", "sendmail", "--undo")
        assert [mx.read(f"/etc/mail/{name}.cf") for name in ("sendmail", "submit")] == before


def taps_of_programs(studio: Studio) -> None:
    """New mail of one script, then of one user, waits where it was handed in; everybody else's goes on."""
    mx = studio.lab.host("mx")
    script, user = ("--suspect", "script:/var/www/html/contact.php"), ("--suspect", "uid:65534")
    for one in (script, user):
        done = told(mx, "incident", "contain", *one)
        assert [action["state"] for action in done["actions"]] == ["applied", "applied"], done["problems"]
    calls = [("www-data", PHP), ("www-data", PHP.replace("\n\n", "\nX-PHP-Originating-Script: 0:a.php\n\n")),
             ("nobody", "Subject: x\n\nx\n"), ("nobody", PHP)]  # fmt: skip
    innocent = [("www-data", 'X-PHP-Originating-Script: 0:other".php\n\nx\n'), ("www-data", "Subject: x\n\nx\n"),
                ("daemon", "Received: (from nobody@localhost)\nSubject: x\n\nx\n")]  # fmt: skip
    sent = arrived(studio)
    for who, text in calls + innocent:
        call(mx, who, text)
    spoken = 'sleep 1; for word in "HELO x" "MAIL FROM:<a@corp.test>" "RCPT TO:<anna@bigmail.test>" DATA'
    spoken += ' "Subject: x" "" . QUIT; do printf "%s\\r\\n" "$word"; sleep 0.3; done'
    mx.run(["sh", "-c", f"({spoken}) | runuser -u nobody -- /usr/sbin/sendmail -bs"])
    wait_until(lambda: arrived(studio) == sent + len(innocent), "innocent mail")
    assert told(mx, "queue", "status", *user)["held_by_us"] == 3
    assert told(mx, "queue", "status", *script)["held_by_us"] == 3  # the one of both is held for either
    told(mx, "incident", "contain", *user, "--refuse")
    assert "Mail of this user or script is stopped" in call(mx, "nobody", "Subject: x\n\nx\n")
    for one in (user, script):
        assert told(mx, "queue", "release", *one)["problems"] == []
    sendmail.run_queue(mx)
    call(mx, "nobody", PHP)
    wait_until(lambda: arrived(studio) == sent + len(innocent) + 6, "what was held, and new mail")


def arrived(studio: Studio) -> int:
    return sum(one["answer"] == "accept" for one in studio.lab.world.seen())


def call(machine: Machine, user: str, text: str) -> str:
    words = ["sh", "-c", 'runuser -u "$1" -- /usr/sbin/sendmail -i anna@bigmail.test 2>&1; true', "_", user]
    return machine.run(words, text)
