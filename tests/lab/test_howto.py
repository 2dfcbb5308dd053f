"""The how-to "300,000 messages in the queue", followed word for word on a real Postfix."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab.containing import argv, queued
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.queues import waiting
from tests.lab.studio import STRANGERS, Studio, letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "full-queue.md"
ALICE, CAROL = "alice@example.org", "carol@example.org"
PASSWORDS = {ALICE: "secret-a", CAROL: "secret-c"}


def commands(part: int) -> Iterator[list[str]]:
    """Those before "Stop it" (0) or from there on (2), as they stand on the page; no copy of a queue is fetched."""
    text = PAGE.read_text(encoding="utf-8").partition("## Stop it\n")[part]
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in () if block.startswith("ssh ") else block.splitlines():
            sudo, program, *words = line.split()
            assert (sudo, program) == ("sudo", "whosent")
            yield words


def going(machine: Machine) -> bool:
    """Whether something is just on its way."""
    return bool({str(one["queue_name"]) for one in waiting(machine)} - {"deferred", "hold"})


def test_word_for_word(tmp_path: Path) -> None:
    require_lab()
    with Lab(PASSWORDS, (), STRANGERS) as lab:
        mx, studio = lab.host("mx"), Studio(lab, tmp_path)
        lab.world.answer({"later@isp.test": "deferred"})

        def send(account: str, count: int) -> None:
            studio.play(*(
                Act(0, "mail", f"{LAN}.101", MX, 587, user=account, password=PASSWORDS[account], helo="pc",
                    sender=account, recipients=("later@isp.test",), message=letter(account, "a@b", subject=str(number)))
                for number in range(count)
            ))  # fmt: skip

        send(ALICE, 20)
        send(CAROL, 4)
        wait_until(lambda: not going(mx), "all of them deferred")
        mx.write("/var/log/php-mail.log", "")
        for words in commands(0):
            scan = f"{shlex.join(argv(*words[:2]))} {' '.join(words[2:])}"  # the shell fills in mail.log*
            assert ALICE in mx.run(["sh", "-c", scan], check=False, within=600)
        seen = []
        for words in commands(2):
            printed = mx.run(["sh", "-c", '"$@" 2>&1', "_", *argv(*words)], check=False, within=600)
            assert "whosent:" not in printed, printed
            wait_until(lambda: not going(mx), "what goes on its way has been tried")
            folders = {name: set(queued(waiting(mx), name)) for name in (ALICE, CAROL)}
            seen.append((" ".join(words[:2]), "--dry-run" in words or "--let" in words or "--off" in words, folders))
    held, there, gone = {"hold"}, {"deferred"}, set[str]()
    states = [(one[ALICE], one[CAROL]) for _, _, one in seen]
    assert states == [
        (there, there), (there, there),  # setup
        (there, there), (held, there), (held, there),  # contain
        (there, there),  # release
        (held, held), (held, there), (there, there),  # the brake
        (held, there), (held, there), (gone, there),  # purge
        (gone, there),  # replay
    ]  # fmt: skip
