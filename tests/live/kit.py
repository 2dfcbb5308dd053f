"""A real ``whosent watch`` in a process of its own, and what it kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from whosent.model.condition import Condition
from whosent.store.asking import Questions
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.store.rates import Rates

LATENESS = 1.0  # seconds that old lines wait for those of other logs
PATIENCE = 180.0  # seconds until what is waited for will not come, on a machine that is busy with other things too
_WORDS = 2  # more than so many of its words, two seconds one from the other
WHOSENT = (sys.executable, "-m", "whosent")


def environment(state: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WHOSENT_", "JOURNAL_STREAM"))}
    fixed = {"WHOSENT_CONFIG": os.devnull, "WHOSENT_STATE": str(state), "WHOSENT_LOGS__TIMEZONE": "UTC",
             "WHOSENT_WATCH__LATENESS": str(LATENESS), "WHOSENT_WATCH__SAVE": "1"}  # fmt: skip
    return {**kept, **fixed, "WHOSENT_WATCH__QUEUE": "false", **more}


class Daemon:
    """One run of it."""

    def __init__(self, state: Path, logs: list[Path], **more: str) -> None:
        self.state = state
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # until it is gone
        self.process = subprocess.Popen(
            [*WHOSENT, "watch", *map(str, logs)], env=environment(state, **more), stderr=self._said
        )

    def said(self) -> str:
        """All that it has said so far."""
        return os.pread(self._said.fileno(), 1 << 24, 0).decode()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self._gone()

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def _gone(self) -> str:
        self.process.wait(PATIENCE)
        said = self.said()
        self._said.close()
        return said

    def until(self, ready: str, seconds: float = PATIENCE) -> None:
        """Wait until the ledger holds an incident of this suspect, or (with "") all that was written is read.

        Then the daemon has said so several times, over more seconds than lines wait for those of other logs: what
        waited is on its way to those who ask.
        """
        end = time.monotonic() + seconds
        words: set[str] = set()
        lines = -1
        while time.monotonic() < end:
            assert self.process.poll() is None, self._gone()
            now = condition(self.state)
            if now and now.pid != self.process.pid:
                now = None  # the word of one that was killed
            if ready and any(ready in one for one in sentences(self.state)):
                return
            if not ready and now:
                if now.lines != lines or now.catching_up or any(one.behind for one in now.sources):
                    words, lines = set(), now.lines
                words.add(now.at)
                if now.running and len(words) > _WORDS:
                    return
            time.sleep(0.05)
        raise AssertionError(f"{ready or 'the end of the logs'} was not reached in {seconds} s; {self.said()}")

    def until_said(self, words: str, seconds: float = PATIENCE) -> None:
        """Wait until it has said this."""
        end = time.monotonic() + seconds
        while words not in self.said():
            assert self.process.poll() is None, self._gone()
            assert time.monotonic() < end, f"{words!r} was not said in {seconds} s; {self.said()}"
            time.sleep(0.05)


def condition(state: Path) -> Condition | None:
    return Conditions(Ledger(state)).latest() if (state / "ledger.sqlite3").exists() else None


def sentences(state: Path) -> list[str]:
    return [one.incident.sentence for one in Incidents(Ledger(state)).all()]


def rows(state: Path) -> list[tuple[Any, ...]]:
    """Rows kept for questions: how many of each table and host, and of which senders."""
    questions = Questions(Ledger(state))
    try:
        return sorted(
            questions.ask(
                "SELECT 'messages', host, sender, count(*), sum(recipients) FROM messages GROUP BY ALL UNION ALL "
                "SELECT 'outcomes', host, sender || ' ' || result, count(*), 0 FROM outcomes GROUP BY ALL UNION ALL "
                "SELECT 'logins', host, account, count(*), 0 FROM logins GROUP BY ALL UNION ALL "
                "SELECT 'requests', host, path, count(*), 0 FROM requests GROUP BY ALL"
            ).rows
        )
    finally:
        questions.close()


def kept(state: Path) -> tuple[list[Any], dict[tuple[str, str], int]]:
    """Incidents with all their findings and lines, and every counter."""
    ledger = Ledger(state)
    incidents = [(one.state, json.loads(msgspec.json.encode(one.incident))) for one in Incidents(ledger).all()]
    return incidents, Rates(ledger).totals()
