"""What arrives at ``whosent complaint add``: files, and an IMAP folder from where an earlier run stopped."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from whosent.cli.leaving import fail
from whosent.model.settings import Settings
from whosent.sources.files import Source
from whosent.sources.imap import Mailbox, Position, place
from whosent.sources.reports import Raw, reports
from whosent.store.intake import Intake
from whosent.store.ledger import Ledger

_VARIABLE: Final = "WHOSENT_IMAP_PASSWORD"
_PATIENCE: Final = 60.0  # seconds for a command that asks a password store


class Arriving:
    """Reports one after the other; whoever dealt with one says so, and the next run begins behind it."""

    def __init__(
        self, sources: list[Source], address: str, settings: Settings, ledger: Ledger | None, *, mark: bool
    ) -> None:
        self._sources = sources
        self._intake = Intake(ledger) if ledger else None
        self._mailbox = self._at(address, settings, mark=mark) if address else None
        self._uids: dict[str, int] = {}

    def _at(self, address: str, settings: Settings, *, mark: bool) -> Mailbox:
        where = place(address)
        kept = self._intake.get(str(where)) if self._intake else None
        position = Position(*kept) if kept else None
        return Mailbox(where, password(settings), position, settings.intake.timeout, mark=mark)

    def __iter__(self) -> Iterator[Raw]:
        yield from reports(self._sources)
        if self._mailbox is not None:
            for uid, raw in self._mailbox.reports():
                self._uids[raw.name] = uid
                yield raw

    def used(self, name: str) -> None:
        """The report of this name was dealt with."""
        uid = self._uids.pop(name, None)
        if uid is None or self._mailbox is None:
            return
        self._mailbox.used([uid])
        if self._intake:
            self._intake.put(self._mailbox.name, *self._mailbox.position)

    def close(self) -> None:
        """Leave the mailbox."""
        if self._mailbox is not None:
            self._mailbox.close()

    @property
    def problems(self) -> list[str]:
        """What could not be read, and why."""
        told = [f"{one.name}: {one.problem}" for one in self._sources if one.problem]
        return [*told, f"{self._mailbox.name}: {self._mailbox.problem}"] if self.broken and self._mailbox else told

    @property
    def broken(self) -> bool:
        """Whether the mailbox could not be read to its end."""
        return self._mailbox is not None and self._mailbox.problem is not None

    @property
    def nothing_new(self) -> bool:
        """Whether a mailbox was read to its end: then it is no mistake that nothing came."""
        return self._mailbox is not None and not self.broken


def password(settings: Settings) -> str:
    """From the file, the command or the variable: the first of them that is given."""
    intake = settings.intake
    if intake.password_file:
        try:
            text = Path(intake.password_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            fail(f"intake.password_file: {intake.password_file} cannot be read: {error}.")
    elif intake.password_command:
        text = _asked(intake.password_command)
    elif _VARIABLE in os.environ:
        text = os.environ[_VARIABLE]
    else:
        fail(f"no password for the IMAP server: set intake.password_file, intake.password_command or {_VARIABLE}.")
    first = text.split("\n", 1)[0].rstrip("\r")
    if not first:
        fail("the password for the IMAP server is empty.")
    return first


def _asked(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE)  # noqa: S603  # the operator's own
    except (OSError, subprocess.TimeoutExpired) as error:
        fail(f"intake.password_command: {command[0]} could not be run: {error}.")
    if done.returncode:
        fail(f"intake.password_command: {command[0]} ended with {done.returncode}.")
    return done.stdout.decode("utf-8", "replace")
