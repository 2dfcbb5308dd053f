"""A letter to the owner of a contained account: why mail waits, what to do, whom to ask.  A thief may read it, too."""

from __future__ import annotations

import re
import subprocess
from typing import Final

from whosent.model.action import Action
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.responders import Step, Tools, Wish

_SENDMAIL: Final = "/usr/sbin/sendmail"
_WITHIN: Final = 30.0  # seconds
_ADDRESS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@[A-Za-z0-9.-]{1,255}")
_TEXT: Final = """From: Postmaster <postmaster@{domain}>
To: {name}
Subject: Your outgoing mail waits
Auto-Submitted: auto-generated

Your login {name} was used to send spam, so what is sent with it waits on our server. Nothing is lost.
You still receive mail, and you can still write to postmaster@{domain}.

1. Change your password, from a computer that you trust.
2. Have the computers and phones checked that knew the old one.
3. Look for rules and forwards in your mailbox that you did not make.
4. Write to postmaster@{domain} when this is done.
"""


class _Letter:
    name, rank = "letter", 90

    def plan(self, wish: Wish, _settings: Containment) -> Step | None:
        """Only where it is asked for, and the account is an address."""
        if not wish.tell or wish.suspect.kind != "account" or not _ADDRESS.fullmatch(wish.suspect.name):
            return None
        return Step("", f"one letter to {wish.suspect.name}: why mail waits, and what to do", expires=False)

    def apply(self, action: Action, _tools: Tools) -> dict[str, int]:
        """Hand it to the local mail server; it is no alarm, and may wait."""
        name = action.suspect.name
        text = _TEXT.format(name=name, domain=name.rpartition("@")[2])
        try:
            done = subprocess.run(  # noqa: S603  # one address of a fixed form
                [_SENDMAIL, "-i", "-f", "<>", "--", name], input=text.encode(), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, timeout=_WITHIN, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Mistake(f"the letter could not be handed in: {error}") from None
        if done.returncode:
            raise Mistake(f"the letter could not be handed in: {_SENDMAIL} left with {done.returncode}")
        return {"letters": 1}

    def verify(self, _action: Action, _tools: Tools) -> str:
        """The mail server has it."""
        return ""

    def undo(self, _action: Action, _tools: Tools) -> dict[str, int]:
        """A letter cannot be taken back."""
        return {}


responder = _Letter()
