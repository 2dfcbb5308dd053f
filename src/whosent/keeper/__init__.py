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
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from whosent.keeper import taps, wall, work
from whosent.keeper.memory import BRAKE, Memory, secured
from whosent.keeper.servers import KeeperError, mail_servers
from whosent.queues.belonging import Claim, NoClaimError, claim

FOLDER: Final = "/var/lib/whosent-keeper"
_NAME: Final = "whosent-keeper"  # as sudo knows it
_FATES: Final = ("hold", "refuse")
_SECONDS: Final = re.compile(r"[0-9]{1,7}")
_USAGE: Final = "whosent-keeper FOLDER look|hold|release|purge|close|pass|open|wall|unwall CLAIM [hold|refuse|SECONDS]"


def _close(folder: Path, wanted: Claim, how: str) -> dict[str, Any]:
    """Close the tap; the moment is kept, for what it catches is ours to release."""
    will: taps.Will = "refuse" if how == "refuse" else "hold"
    memory, done, problems = Memory(folder, wanted), 0, []
    since = min(time.time(), memory.tap[0] if memory.tap[1] is None else time.time())
    memory.tapped(since)
    for server in taps.tapped(mail_servers()):
        try:
            taps.turn(server, wanted, will)
            done += 1
        except KeeperError as error:
            problems.append(str(error))
    if not done:
        memory.tapped(since, since)
        raise KeeperError("; ".join(problems))
    return {"servers": done, "problems": problems}


def _open(folder: Path, wanted: Claim, _how: str) -> dict[str, Any]:
    """Open the tap; twice does no harm."""
    servers = [one for one in taps.tapped(mail_servers()) if taps.ready(one)]
    for server in servers:
        taps.turn(server, wanted, None)
    memory = Memory(folder, wanted)
    if memory.tap[1] is None and memory.tap[0] < float("inf"):
        memory.tapped(memory.tap[0], time.time())
    return {"servers": len(servers)}


def _pass(folder: Path, wanted: Claim, _how: str) -> dict[str, Any]:
    """Let new mail of one suspect pass the emergency brake."""
    if Memory(folder, BRAKE).tap[1] is not None:
        raise KeeperError("the brake is not on: there is nothing to pass")
    servers = taps.tapped(mail_servers())
    for server in servers:
        taps.turn(server, wanted, "pass")
    return {"servers": len(servers)}


_ORDERS: Final[dict[str, Callable[[Path, Claim, str], dict[str, Any]]]] = {
    "close": _close, "open": _open, "pass": _pass, "wall": wall.add, "unwall": wall.remove,
}  # fmt: skip


def _understood(given: list[str]) -> tuple[Path, str, Claim, str]:
    """Folder, verb, claim, and how; everything but its own fixed form is refused."""
    if len(given) not in {3, 4} or given[1] not in {*work.VERBS, *_ORDERS}:
        raise KeeperError(f"usage: {_USAGE}")
    how = given[3] if len(given) > 3 else "hold"  # noqa: PLR2004  # the last word
    if how not in _FATES and not (given[1] == "wall" and _SECONDS.fullmatch(how)):
        raise KeeperError(f"usage: {_USAGE}")
    by_sudo = os.path.basename(os.environ.get("SUDO_COMMAND", "").partition(" ")[0])  # noqa: PTH119  # a word of sudo's
    if by_sudo == _NAME and given[0] != FOLDER:
        raise KeeperError(f"called by sudo it works in {FOLDER} alone")
    return secured(Path(given[0])), given[1], claim(given[2]), how


def main(arguments: list[str] | None = None) -> int:
    """Do one thing, and say how it went."""
    os.umask(0o077)

    def say(line: work.Said) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    try:
        folder, verb, wanted, how = _understood(sys.argv[1:] if arguments is None else arguments)
        if verb in work.VERBS:
            say({"done": work.VERBS[verb](folder, wanted, say)})
        else:
            say({"done": _ORDERS[verb](folder, wanted, how)})
    except (KeeperError, NoClaimError, OSError) as error:
        of_files = f"{error.filename or 'the keeper'}: {error.strerror}" if isinstance(error, OSError) else ""
        say({"error": of_files or str(error)})
        return 1
    return 0
