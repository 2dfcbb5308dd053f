"""The real Exim tells who it was: a stolen account, a script's folder, an infected machine, and nobody else."""

from __future__ import annotations

import dataclasses
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.lab import exim
from tests.lab import mail as postfix
from tests.lab.exim import CPANEL, MAIN_LOG, REJECT_LOG, Settings
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, CAROL, MAIL_LOG, PASSWORDS, STRANGERS, Studio, letter
from tests.lab.world import DOMAINS
from whosent import answer, walk
from whosent.model import settings as knobs
from whosent.sources.files import Source

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.machine import Machine
    from whosent.model.report import Report

pytestmark = pytest.mark.lab
EACH = 60
FOLDER = "/var/www/html/gallery"


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab(exim)


def mail(source: str, to: str, user: str = "", *, port: int = 25) -> Act:
    server = MX if source.startswith(LAN) else PUBLIC
    return Act(
        0, "mail", source, server, port, user=user, password=PASSWORDS.get(user, ""), helo="pc",
        sender=user or BOB, recipients=(to,), message=letter(user or BOB, to),
    )  # fmt: skip


def scan(folder: Path) -> Report:
    inputs = walk.prepare([Source(str(path), path) for path in sorted(folder.iterdir())], knobs.Settings(), UTC)
    done = walk.scan(inputs, knobs.Settings(), lambda _: None, UTC)
    return answer.report(done, answer.read_back(done), [])


def play(lab: Lab, studio: Studio) -> None:
    """Everybody writes; every second address of the three lists does not exist."""
    mx = lab.host("mx")
    lab.world.answer({f"{who}{n}@isp.test": "unknown" for who in ("s", "w", "h") for n in range(0, EACH, 2)})
    friends = [f"friend{number % 9}@bigmail.test" for number in range(EACH)]
    studio.play(*(mail(f"{LAN}.101", to, CAROL, port=587) for to in friends))
    studio.play(*(mail(STRANGERS[n % 4], f"s{n}@isp.test", BOB, port=587) for n in range(EACH)), host="out")
    studio.play(*(mail(f"{LAN}.102", f"h{n}@isp.test") for n in range(EACH)))
    mx.run(["mkdir", "-p", FOLDER])
    for number in range(EACH):
        to = f"w{number}@isp.test"
        argv = ["runuser", "-u", "www-data", "--", "env", f"--chdir={FOLDER}", "/usr/sbin/sendmail", "-i", to]
        mx.run(argv, letter("www-data", to))
    mx.run(["runuser", "-u", "daemon", "--", "/usr/sbin/sendmail", "-i", friends[0]], letter("daemon", friends[0]))


def test_the_log_of_a_real_exim_names_the_culprits(tmp_path: Path) -> None:
    with Lab(PASSWORDS, (), STRANGERS, mta=exim) as lab:
        mx = lab.host("mx")
        exim.configure(mx, Settings(selector=f"{CPANEL} +pid", relay=f"127.0.0.1 : {LAN}.0/24"))
        play(lab, Studio(lab, tmp_path))
        wait_until(lambda: mx.read(MAIN_LOG).count(b"@isp.test R=remote") == 3 * EACH, "every delivery")
        for name in (MAIN_LOG, REJECT_LOG):
            (tmp_path / name.rpartition("/")[2]).write_bytes(mx.read(name))
    report = scan(tmp_path)
    accused = {(one.suspect.kind, one.suspect.name) for one in report.incidents if one.severity == "critical"}
    assert accused == {("account", BOB), ("script", FOLDER), ("host", f"{LAN}.102")}, report.sentence
    assert all("Exim log" in one.witnesses for one in report.incidents)
    (script,) = [one for one in report.incidents if one.suspect.kind == "script"]
    assert (script.messages, script.refused) == (EACH, EACH // 2)
    assert not any(
        "postsuper" in command for one in report.incidents for step in one.remedies for command in step.commands
    )
    assert report.coverage.not_understood == 0


def relayed(lab: Lab, studio: Studio) -> None:
    """Two strangers send to the world by way of us, under ever new names; others write to people here."""
    wide = [f"r{number}@{DOMAINS[number % 40]}" for number in range(2 * EACH)]
    lab.world.answer({to: "unknown" for number, to in enumerate(wide) if number % 4 < 2})
    studio.play(*(mail(f"{LAN}.101", f"friend{number % 9}@bigmail.test", CAROL, port=587) for number in range(EACH)))
    acts = []
    for number, to in enumerate(wide):
        sender = f"win{number}@brand{number % 30}.test"
        act = mail(STRANGERS[1 + number % 2], to)
        acts.append(dataclasses.replace(act, sender=sender, message=letter(sender, to, subject="You won")))
        if number % 4 == 0:
            acts.append(dataclasses.replace(mail(STRANGERS[3], CAROL), sender=f"fan{number}@bigmail.test"))
    studio.play(*acts, host="out")


def test_an_open_relay_is_told_alike_by_exim_and_postfix(tmp_path: Path) -> None:
    told = {}
    for name, mta in (("exim", exim), ("postfix", postfix)):
        (tmp_path / name).mkdir()
        with Lab(PASSWORDS, (CAROL,), STRANGERS, mta=mta) as lab:
            mx, studio = lab.host("mx"), Studio(lab, tmp_path)
            if mta is exim:
                exim.configure(mx, Settings(selector=CPANEL, relay="0.0.0.0/0"))
                log, done = MAIN_LOG, b" Completed"
            else:
                studio.settings("mynetworks=0.0.0.0/0", "smtpd_client_connection_rate_limit=0")
                log, done = MAIL_LOG, b": removed"
            relayed(lab, studio)
            wait_until(partial(_seen, mx, log, done), f"{name}'s end")
            over = exim.idle if mta is exim else postfix.queue_is_empty  # bounces of bounces stay with Exim
            wait_until(partial(over, mx), f"the end of {name}'s work")
            studio.hush("mx", log)
            (tmp_path / name / "log").write_bytes(mx.read(log))
        report = scan(tmp_path / name)
        assert report.coverage.not_understood == 0
        told[name] = {
            (one.suspect.kind, one.suspect.name, one.cause) for one in report.incidents if one.severity == "critical"
        }
    assert (
        told["exim"]
        == told["postfix"]
        == {("relay", STRANGERS[1], "open_relay"), ("relay", STRANGERS[2], "open_relay")}
    )


def _seen(mx: Machine, log: str, done: bytes) -> bool:
    """Whether what the story sends has left the queue."""
    return mx.read(log).count(done) >= 3.5 * EACH
