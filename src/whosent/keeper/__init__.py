"""The keeper: a small program with the privileges that containing needs, and nothing else.

    whosent-keeper FOLDER VERB CLAIM [hold|refuse]

Verbs: ``look``, ``hold``, ``release``, ``purge`` (the queue); ``close``, ``pass``, ``open`` (the tap); ``wall``,
``unwall`` (the mail ports, for a client).  A claim is whose mail is meant (:mod:`whosent.queues.belonging`).  The
caller names nobody's messages: which are the suspect's is judged here, from each queue file.  Answers are JSON lines,
the last with ``done`` or ``error``.  Called by ``sudo`` it uses no folder but its own.  Only the standard library and
Whosent's readers of queue files are imported.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from whosent.keeper import taps, wall, work
from whosent.keeper.memory import BRAKE, Memory, Order, Said, secured
from whosent.keeper.servers import KeeperError
from whosent.queues.belonging import NoClaimError, claim

FOLDER: Final = "/var/lib/whosent-keeper"
_NAME: Final = "whosent-keeper"  # as sudo knows it
_FATES: Final = ("hold", "refuse")
_SECONDS: Final = re.compile(r"[0-9]{1,7}")

VERBS: Final[Mapping[str, Callable[[Order], Said]]] = {
    "look": work.look, "hold": work.hold, "release": work.release, "purge": work.purge,
    "close": taps.close, "pass": taps.let_pass, "open": taps.reopen, "wall": wall.add, "unwall": wall.remove,
}  # fmt: skip
"""All that it can be told to do."""


def _understood(given: list[str], say: Callable[[Said], None]) -> tuple[str, Order]:
    """Verb and order; everything but its own fixed form is refused."""
    usage = f"usage: {_NAME} FOLDER {'|'.join(VERBS)} CLAIM [{'|'.join(_FATES)}|SECONDS]"
    if len(given) not in {3, 4} or given[1] not in VERBS:
        raise KeeperError(usage)
    how = given[3] if len(given) > 3 else "hold"  # noqa: PLR2004  # the last word
    if how not in _FATES and not (given[1] == "wall" and _SECONDS.fullmatch(how)):
        raise KeeperError(usage)
    by_sudo = os.path.basename(os.environ.get("SUDO_COMMAND", "").partition(" ")[0])  # noqa: PTH119  # a word of sudo's
    if by_sudo == _NAME and given[0] != FOLDER:
        raise KeeperError(f"called by sudo it works in {FOLDER} alone")
    folder, wanted = secured(Path(given[0])), claim(given[2])
    return given[1], Order(how, say, Memory(folder, wanted), Memory(folder, BRAKE))


def main(arguments: list[str] | None = None) -> int:
    """Do one thing, and say how it went."""
    os.umask(0o077)

    def say(line: Said) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    try:
        verb, order = _understood(sys.argv[1:] if arguments is None else arguments, say)
        say({"done": VERBS[verb](order)})
    except (KeeperError, NoClaimError, OSError) as error:
        of_files = f"{error.filename or 'the keeper'}: {error.strerror}" if isinstance(error, OSError) else ""
        say({"error": of_files or str(error)})
        return 1
    return 0
