"""The way to the keeper: run by root directly, by everybody else as the configuration says (sudo); bounded in time."""

from __future__ import annotations

import json
import os
import selectors
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from whosent.model.mistake import Mistake
from whosent.model.settings import Containment

_PATIENCE: Final = 300.0  # seconds without a word; the keeper itself waits a minute at most
_MOMENT: Final = 5.0  # seconds that it may take to leave
_LONGEST: Final = 1 << 20  # bytes of one line


class Keeper:
    """Gives orders to the keeper and hears its answers."""

    def __init__(self, settings: Containment, patience: float = _PATIENCE) -> None:
        self._settings, self._patience = settings, patience

    def _command(self) -> list[str]:
        if os.geteuid() == 0 or self._settings.folder != Containment().folder:
            return [sys.executable, "-P", "-m", "whosent.keeper"]  # -P: no module from here
        return shlex.split(self._settings.keeper)

    def call(
        self, verb: str, claim: str, how: str = "", progress: Callable[[Mapping[str, int]], None] = lambda _said: None
    ) -> dict[str, Any]:
        """The last word of the keeper; what it could not do is a sentence."""
        words = [*self._command(), self._settings.folder, verb, claim, *([how] if how else [])]
        try:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603  # our own
        except OSError as error:
            raise Mistake(f"the keeper cannot be run ({words[0]}: {error.strerror}). Become root, or set"
                          " containment.keeper.") from None  # fmt: skip
        with process:
            try:
                for line in self._lines(process):
                    if "done" in line:
                        done: dict[str, Any] = line["done"]
                        return done
                    if "error" in line:
                        raise Mistake(f"{line['error']}.")
                    progress(line)
            finally:
                if process.poll() is None and process.stdout and not process.stdout.closed:
                    _ended(process)
        raise Mistake(f"the keeper ended with {process.returncode} and said nothing. Become root, or see that"
                      f" `{' '.join(self._command())}` works.")  # fmt: skip

    def _lines(self, process: subprocess.Popen[bytes]) -> Any:  # noqa: ANN401  # JSON
        assert process.stdout is not None
        pipe, rest = process.stdout.fileno(), b""
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            last = time.monotonic()
            while len(rest) < _LONGEST:
                if not selector.select(max(0.0, last + self._patience - time.monotonic())):
                    process.kill()
                    raise Mistake(f"the keeper said nothing for {self._patience:.0f} seconds and was ended. Run the"
                                  " command again: what was begun is completed then.")  # fmt: skip
                block = os.read(pipe, 1 << 16)
                if not block:
                    return
                last = time.monotonic()
                *lines, rest = (rest + block).split(b"\n")
                yield from map(json.loads, lines)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """It has said its last word, or we leave: give it a moment, then end it."""
    try:
        process.wait(_MOMENT)
    except subprocess.TimeoutExpired:
        process.kill()
