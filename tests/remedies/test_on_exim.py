"""The printed commands on a real Exim: they touch the culprit's mail, nobody else's, and leave no trace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.lab import exim
from tests.lab.lab import Lab, why_not
from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.studio import BOB, CAROL, PASSWORDS, STRANGERS, Studio, letter
from whosent.model.finding import Cause, Strength, Suspect
from whosent.remedies import propose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.machine import Machine
    from whosent.model.incident import Remedy

pytestmark = pytest.mark.lab
TAG = "3f9a1c20b7de"
PC = f"{LAN}.102"
CULPRITS = {
    "bob": (Suspect(kind="account", name=BOB, host="mx"), Cause.COMPROMISED_ACCOUNT),
    "www-data": (Suspect(kind="local_user", name="www-data", host="mx", account="www-data"), Cause.ABUSED_SCRIPT),
    "pc": (Suspect(kind="host", name=PC, host="mx", address=PC), Cause.INFECTED_HOST),
    "stranger": (Suspect(kind="relay", name=f"{LAN}.103", host="mx"), Cause.OPEN_RELAY),
}
EVERYBODY = {"bob", "carol", "www-data", "daemon", "pc", "stranger"}


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab(exim)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    if why_not() or not exim.UNPACKED.exists():
        pytest.skip("the test itself says why")
    with Lab(PASSWORDS, (), STRANGERS, mta=exim) as lab:
        exim.configure(lab.host("mx"), exim.Settings(relay=f"127.0.0.1 : {LAN}.0/24", more="queue_only = true"))
        yield Studio(lab, tmp_path_factory.mktemp("takes"))


def steps(who: str) -> list[Remedy]:
    suspect, cause = CULPRITS[who]
    return propose(incident=TAG, suspect=suspect, cause=cause, strength=Strength.SHOWN, server="exim")


def bash(mx: Machine, command: str) -> str:
    """As an operator types it; a daemon that only notes SIGHUP is woken, as the next connection would."""
    daemon = mx.read("/run/exim4/exim-daemon.pid").decode().strip()
    image = mx.read(f"/proc/{daemon}/auxv")
    said = mx.run(["bash", "-c", command])

    def anew() -> bool:
        mx.run(["kill", "-CHLD", daemon])
        return mx.read(f"/proc/{daemon}/auxv") != image

    if "-HUP" in command:
        wait_until(anew, "Exim that starts itself anew")
    return said


def send(studio: Studio, who: str, round_: int) -> None:
    mx, to = studio.lab.host("mx"), "anna@bigmail.test"
    text = letter("x@corp.test", to, f"{who} {round_}", "X-Other: auth_id bob@corp.test\r\n")
    if who in {"bob", "carol"}:
        studio.submit(to, account=f"{who}@corp.test", text=text, sender=BOB)
    elif who in {"pc", "stranger"}:
        source = PC if who == "pc" else f"{LAN}.103"
        studio.play(Act(0, "mail", source, MX, 25, helo="pc", sender=BOB, recipients=(to,), message=text))
    else:
        mx.run(["runuser", "-u", who, "--", "/usr/sbin/sendmail", "-i", "-f", BOB, to], text)


def queue(mx: Machine) -> dict[str, bool]:
    """Subject of each queued message -> whether it is frozen."""
    listed = re.findall(r"^ *\d+[mhd] +\S+ (\S+) <.*$", mx.run(["exim", "-bpr"]), re.MULTILINE)
    found = {}
    for message in listed:
        head = mx.run(["exim", "-Mvh", message])
        subject = re.search(r"Subject: (.*)", head)
        assert subject
        found[subject[1]] = "\n-frozen " in head
    return found


def frozen(mx: Machine) -> set[str]:
    return {subject for subject, is_frozen in queue(mx).items() if is_frozen}


def configuration(mx: Machine) -> bytes:
    return mx.read("/etc/exim4/exim4.conf") + mx.run(["sh", "-c", "ls /etc /etc/exim4 /root"]).encode()


@pytest.mark.parametrize("who", CULPRITS)
def test_commands_touch_the_culprit_alone_and_undo_themselves(studio: Studio, who: str) -> None:
    mx = studio.lab.host("mx")
    bash(mx, "exim -bpr | awk 'NF > 3 {print $3}' | xargs -r exim -Mrm; rm -f ~/whosent-*")
    before = configuration(mx)
    told = steps(who)
    inspect, hold = (next(step for step in told if step.step == name) for name in ("inspect", "hold"))
    block = next(step for step in told if step.step == "block")
    remove = told[-1]
    for name in EVERYBODY:
        send(studio, name, 1)
    assert len(bash(mx, inspect.commands[0]).split()) == 1
    bash(mx, hold.commands[0])
    assert frozen(mx) == {f"{who} 1"}
    bash(mx, hold.undo[0])
    assert frozen(mx) == set()

    bash(mx, hold.commands[0])
    bash(mx, remove.commands[0])
    assert set(queue(mx)) == {f"{name} 1" for name in EVERYBODY - {who}}
    bash(mx, remove.undo[0])
    assert frozen(mx) == {f"{who} 1"}
    bash(mx, hold.undo[0])
    assert frozen(mx) == set()

    for _ in range(2):  # twice is once
        bash(mx, block.commands[0])
    for name in EVERYBODY:
        send(studio, name, 2)
    arrived = {subject for subject in queue(mx) if subject.endswith("2")}
    refused = {f"{who} 2"} if who == "stranger" else set()
    assert arrived == {f"{name} 2" for name in EVERYBODY} - refused
    assert frozen(mx) == {f"{who} 2"} - refused
    bash(mx, block.undo[0])
    wait_until(lambda: configuration(mx) == before, "the configuration as it was")
    send(studio, who, 3)
    assert queue(mx)[f"{who} 3"] is False


def test_somebody_with_the_same_words_in_his_mail_is_left_alone(studio: Studio) -> None:
    """Headers, senders and recipients are a stranger's words; the envelope is Exim's."""
    mx = studio.lab.host("mx")
    bash(mx, "exim -bpr | awk 'NF > 3 {print $3}' | xargs -r exim -Mrm")
    odd = letter("x@corp.test", "anna@bigmail.test", "odd", f"\r\n-auth_id {BOB}\r\n--auth_id {BOB}\r\n")
    studio.submit("anna@bigmail.test", account=CAROL, text=odd, sender='"auth_id bob@corp.test"@corp.test')
    hold = next(step for step in steps("bob") if step.step == "hold")
    bash(mx, hold.commands[0])
    assert frozen(mx) == set()
