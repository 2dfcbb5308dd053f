"""A host's own clock: another start and a faster run, so that a working day can be recorded in minutes."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.machine import LabError

if TYPE_CHECKING:
    from tests.lab.machine import Machine

SOURCE = Path(__file__).with_name("clock.c")
LIBRARY = "/etc/lab/clock.so"


@dataclass(frozen=True)
class Clock:
    """The mapping from the world's time to the lab's."""

    real_start: int
    fake_start: int
    rate: int

    @classmethod
    def starting_at(cls, moment: datetime, rate: int) -> Clock:
        """Make a clock that shows ``moment`` now and runs ``rate`` times as fast as the world."""
        return cls(real_start=int(time.time()), fake_start=int(moment.timestamp()), rate=rate)

    def now(self) -> float:
        """Give the lab's time in seconds since 1970."""
        return self.fake_start + (time.time() - self.real_start) * self.rate

    def install(self, machine: Machine) -> None:
        """Make every program that ``machine`` starts from now on live by this clock."""
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "clock.so"
            made = subprocess.run(
                ["gcc", "-O2", "-Wall", "-shared", "-fPIC", f"-DREAL_START={self.real_start}LL",
                 f"-DFAKE_START={self.fake_start}LL", f"-DRATE={self.rate}LL", "-o", str(library), str(SOURCE)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if made.returncode:
                sentence = f"cannot compile {SOURCE.name}: {made.stderr.strip()}"
                raise LabError(sentence)
            place = machine.path(LIBRARY)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(library.read_bytes())
            place.chmod(0o755)
        machine.write("/etc/ld.so.preload", LIBRARY + "\n")
