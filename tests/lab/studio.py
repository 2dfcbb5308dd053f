"""A recording studio around the lab: play a few acts, wait for their last line, keep exactly what was logged."""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from tests.lab.lab import Lab
from tests.lab.machine import LabError, wait_until
from tests.lab.mail import DOMAIN, empty_queue, reload
from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.player import Act, Result
from tests.lab.syslog import written

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parents[1] / "samples"
MAIL_LOG = "/var/log/mail.log"
BOB = f"bob@{DOMAIN}"
CAROL = f"carol@{DOMAIN}"
PASSWORDS = {BOB: "secret-b", CAROL: "secret-c"}
OUTSIDER = "100.64.3.7"
STRANGERS = (OUTSIDER, "100.82.9.77", "100.99.12.80", "100.71.14.203")


@dataclass
class Studio:
    """The lab, and where samples go."""

    lab: Lab
    place: Path = SAMPLES

    @contextlib.contextmanager
    def take(self, name: str, until: str, *, times: int = 1, host: str = "mx", log: str = MAIL_LOG) -> Iterator[None]:
        """Keep what ``host`` logs while the block runs and until ``until`` was said ``times`` times, as ``name``."""
        machine, pattern = self.lab.host(host), re.compile(until.encode())
        self.hush(host, log)
        start = len(machine.read(log))
        yield
        try:
            wait_until(lambda: len(pattern.findall(machine.read(log), start)) >= times, f"{until!r} in {name}")
            self.hush(host, log)
        except LabError as error:
            said = machine.read(log)[start:].decode("utf-8", "backslashreplace")
            raise LabError(f"{error}; it was said:\n{said}") from error
        place = self.place / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(machine.read(log)[start:])

    def hush(self, host: str = "mx", log: str = MAIL_LOG) -> None:
        """Wait until a log has not grown for a moment, with all that was said."""
        machine = self.lab.host(host)
        written(machine)
        quiet, size = time.monotonic(), len(machine.read(log))

        def settled() -> bool:
            nonlocal size, quiet
            now = len(machine.read(log))
            if now != size:
                size, quiet = now, time.monotonic()
            return time.monotonic() - quiet > 0.3

        wait_until(settled, f"silence in {log}")

    def play(self, *acts: Act, host: str = "lan") -> list[Result]:
        """Play acts on a host, one after the other as given, and wait for their end."""
        player = self.lab.start(host, "tests.lab.player")
        said, _ = player.communicate("".join(act.line() for act in acts), timeout=600)
        results = [line for line in said.splitlines() if line.strip()]
        if len(results) != len(acts) or not all(line.startswith("{") for line in results):
            raise LabError(f"the player failed: {said}")
        return [Result(**json.loads(line)) for line in results]

    def submit(self, *to: str, account: str = BOB, text: str = "", sender: str | None = None, helo: str = "") -> None:
        """Let an account of the office submit one message on port 587."""
        self.play(
            Act(
                0, "mail", f"{LAN}.101", MX, 587, user=account, password=PASSWORDS[account],
                helo=helo or "pc01.corp.test", sender=account if sender is None else sender, recipients=to,
                message=text or letter(account, to[0]),
            )
        )  # fmt: skip

    def arrive(self, *to: str, sender: str = "anna@bigmail.test", port: int = 25, helo: str = "mail.bigmail.test",
               text: str = "", source: str = OUTSIDER) -> None:  # fmt: skip
        """Let somebody outside bring one message to the MX."""
        act = Act(
            0,
            "mail",
            source,
            PUBLIC,
            port,
            helo=helo,
            sender=sender,
            recipients=to,
            message=text or letter(sender, to[0]),
        )
        self.play(act, host="out")

    def say(self, dialogue: list[bytes], port: int = 25, host: str = "out", source: str = OUTSIDER, *,
            patient: bool = True) -> bytes:  # fmt: skip
        """Speak raw bytes to the MX, one command after the other; give all that it answered."""
        argv = ["tests.lab.raw", MX if host == "lan" else PUBLIC, str(port)]
        argv += [f"{LAN}.101" if host == "lan" else source, "wait" if patient else "rush"]
        speaker = self.lab.start(host, *argv)
        said, _ = speaker.communicate("".join(f"{line.hex()}\n" for line in dialogue), timeout=600)
        return bytes.fromhex("".join(said.split()))

    def settings(self, *settings: str, host: str = "mx") -> None:
        """Change settings of a host's Postfix and let it take notice of them before anything else is logged."""
        machine = self.lab.host(host)
        if settings:
            machine.run(["postconf", "-e", *settings])
        reload(machine)
        written(machine)

    def idle(self, host: str = "mx") -> None:
        """Empty the queue of a host."""
        empty_queue(self.lab.host(host))

    @contextlib.contextmanager
    def service(self, module: str, port: int) -> Iterator[None]:
        """Run one of the lab's own services on the MX for the time of the block."""
        process = self.lab.start("mx", module.partition(" ")[0], *module.split()[1:])
        machine = self.lab.host("mx")
        wait_until(lambda: bool(machine.run(["ss", "-Hltn", f"sport = :{port}"]).strip()), module)
        try:
            yield
        finally:
            machine.stop(process)


def letter(sender: str, to: str, subject: str = "Hello", extra: str = "") -> str:
    """Write a small message; ``extra`` are more header lines."""
    number = f"{crc32(repr((sender, to, subject)).encode()):010}"
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{number}@pc01.corp.test>\r\n{extra}"
        "\r\nHello.\r\n"
    )
