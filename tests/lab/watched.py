"""``whosent watch`` on a lab host under a standing order, an office that sends all along, and what came of both."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.lab.containing import STATE, argv, said
from tests.lab.machine import PATIENCE, LabError, wait_until
from tests.lab.mail import empty_queue
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act, Result
from tests.lab.studio import MAIL_LOG, letter
from tests.lab.syslog import written
from tests.lab.world import DOMAINS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from subprocess import Popen

    from tests.lab.lab import Lab
    from tests.lab.machine import Machine

HEARD = "/run/alerts"
RULES = f"""
[containment]
order = "contain"
order_kinds = ["account", "script", "form", "host", "relay"]
untouchables = ["{{untouchable}}"]
administrators = ["postmaster@corp.test"]

[alerts]
channels = ["command"]
command = ["tee", "-a", "{HEARD}"]
pause = 0
{{more}}
"""
OFFICE = tuple(f"{name}@corp.test" for name in ("anna", "ben", "clara", "dora", "emil"))
STOLEN = "bob@corp.test"
PASSWORDS = {name: f"secret-{number}" for number, name in enumerate([*OFFICE, STOLEN])}
FRIENDS = tuple(f"friend{number}@{DOMAINS[number % 7]}" for number in range(40))
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Host": "www.corp.test"}


@dataclass
class Watched:
    """One run of the daemon from a clean start, with all that it told."""

    machine: Machine
    output: Path
    process: Popen[str]

    def alerts(self) -> list[dict[str, Any]]:
        """What somebody was told, the oldest first."""
        whole = self.machine.read(HEARD).rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def told(self, news: str, name: str = "", within: float = PATIENCE) -> dict[str, Any]:
        """Wait for this news of this suspect."""
        try:
            wait_until(lambda: bool(self._of(news, name)), f"{news} {name}", within)
        except LabError as error:
            raise LabError(f"{error}\n{self.account()}") from error
        return self._of(news, name)[0]

    def account(self) -> str:
        """All that it said, to everybody."""
        names = {one["incident"] for one in self.alerts() if one["incident"]}
        shown = [said(self.machine, "incident", "show", name)[:3000] for name in names]
        heard = [f"{one['news']} {one['sentence']} {one['order']}" for one in self.alerts()]
        return "\n".join([self.output.read_text(), *heard, *shown])

    def _of(self, news: str, name: str) -> list[dict[str, Any]]:
        return [
            one for one in self.alerts()
            if news in one["news"] and one["suspect"] and one["suspect"]["name"].endswith(name)
        ]  # fmt: skip

    def accused(self) -> set[str]:
        """Everybody of whom anything was told."""
        return {one["suspect"]["name"] for one in self.alerts() if one["suspect"]}


@contextlib.contextmanager
def watched(  # noqa: PLR0913  # what the operator decided
    machine: Machine, place: Path, logs: Sequence[str] = (MAIL_LOG,), *, untouchable: str = "", tried: bool = True,
    more: str = "",
) -> Iterator[Watched]:  # fmt: skip
    """Follow these logs with an empty state; ``tried``: the standing order was replayed on the logs there are."""
    machine.run(["sh", "-c", f"rm -rf {STATE} {HEARD}; mkdir -p /run/conf.d"])
    machine.write("/run/conf.d/story.toml", RULES.format(untouchable=untouchable, more=more))
    if tried:
        assert "order would have done nothing" in said(machine, "replay", *logs)
    output = place / f"{machine.name}-{time.monotonic()}.said"
    with output.open("w") as file:
        process = machine.start(argv("watch", *logs), file)
        one = Watched(machine, output, process)
        try:
            wait_until(lambda: "following" in output.read_text(), f"the watch\n{output.read_text()}")
            yield one
        finally:
            machine.stop(process)


def clean(machine: Machine, logs: Sequence[str] = (MAIL_LOG,)) -> None:
    """Nothing queued, nothing logged."""
    empty_queue(machine)
    written(machine)
    machine.run(["sh", "-c", 'for log; do : >"$log"; done', "_", *logs])


@dataclass
class Office:
    """Innocent people who send all along: each act is new, its recipient writes down who got it."""

    lab: Lab
    make: Callable[[int], Act]
    host: str = "lan"
    every: float = 0.15
    results: list[Result] = field(default_factory=list)

    def __enter__(self) -> Office:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        return self

    def _work(self) -> None:
        player = self.lab.start(self.host, "tests.lab.player")
        assert player.stdin
        number = 0
        while not self._ended.wait(self.every):
            player.stdin.write(self.make(number).line())
            player.stdin.flush()
            number += 1
        said_, _ = player.communicate(timeout=600)
        self.results = [Result(**json.loads(line)) for line in said_.splitlines()]

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def sent(self) -> int:
        """Messages that were taken from them, once it is over."""
        assert all(one.accepted == 1 for one in self.results), self.results
        return len(self.results)


def colleague(number: int, account: str = "") -> Act:
    """One of the office writes to somebody who exists."""
    account, friend = account or OFFICE[number % len(OFFICE)], FRIENDS[number % len(FRIENDS)]
    return Act(
        0, "mail", f"{LAN}.{101 + number % 2}", MX, 587, user=account, password=PASSWORDS[account],
        helo="pc01.corp.test", sender=account, recipients=(friend,), message=letter(account, friend, str(number)),
    )  # fmt: skip


def customer(number: int) -> Act:
    """Somebody orders in the web host's shop, which confirms it by mail."""
    return Act(
        0, "web", "100.64.3.7", PUBLIC, 80, method="POST", path="/shop/order.php", headers=FORM,
        body=f"customer={FRIENDS[number % 40]}&number={number}",
    )  # fmt: skip
