"""The site's own command against an account, a script or a host: a panel's hold, a directory's lock, a switch port.

A command line of the configuration without a shell; ``{name}`` is put into one word of it and can never be another.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import Final

from whosent.model.action import Action
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.responders import Step, Tools, Wish

_WITHIN: Final = 60.0  # seconds
_OF: Final = {"account": "account", "script": "script", "form": "script", "host": "host", "relay": "host",
              "proxy": "host"}  # fmt: skip


class _Command:
    name, rank = "command", 20

    def plan(self, wish: Wish, settings: Containment) -> Step | None:
        """What the operator has configured for this kind, if anything."""
        line = _line(wish.suspect.kind, "contain", settings)
        if not line:
            return None
        return Step("", f"as your own command does: {line.replace('{name}', wish.suspect.name)}",
                    expires=bool(_line(wish.suspect.kind, "release", settings)))  # fmt: skip

    def apply(self, action: Action, tools: Tools) -> dict[str, int]:
        """Run it."""
        _run(_line(action.suspect.kind, "contain", tools.settings), action)
        return {}

    def verify(self, _action: Action, _tools: Tools) -> str:
        """It left with 0."""
        return ""

    def undo(self, action: Action, tools: Tools) -> dict[str, int]:
        """Run what takes it back."""
        line = _line(action.suspect.kind, "release", tools.settings)
        if not line:
            raise Mistake(f"no command is configured that takes it back: set containment.release_"
                          f"{_OF[action.suspect.kind]}, or undo it by hand")  # fmt: skip
        _run(line, action)
        return {}


def _line(kind: str, verb: str, settings: Containment) -> str:
    what = _OF.get(kind)
    return str(getattr(settings, f"{verb}_{what}")) if what else ""


def argv(line: str, name: str) -> list[str]:
    """The words of a command line; the name stays within its word and begins none of its own with a hyphen."""
    if not name or name.startswith("-") or not name.isprintable():
        raise Mistake("the name begins with a hyphen or holds characters that do not print: run the command by hand")
    return [word.replace("{name}", name) for word in shlex.split(line)]


def _run(line: str, action: Action) -> None:
    words = argv(line, action.suspect.address or action.suspect.name)
    try:
        done = subprocess.run(  # noqa: S603  # configured by the operator, no shell
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise Mistake(f"{words[0]} did not end within {_WITHIN:.0f} seconds and was ended") from None
    except OSError as error:
        raise Mistake(f"{words[0]}: {error.strerror}") from None
    if done.returncode:
        raise Mistake(f"{words[0]} left with {done.returncode}: {done.stderr[-200:]!a}")


responder = _Command()
