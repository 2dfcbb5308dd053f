"""Messages that enter the queue in one line, with client and envelope (Exim, Sendmail, Exchange): who sent them (pure).

What is not logged stays unknown: a recipient count that no field tells is taken for one, the least it can be.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from whosent.dialects import discover, rules_of
from whosent.model.rows import Actor
from whosent.reading.recipients import split

if TYPE_CHECKING:
    from whosent.dialects import Rule

_DIGITS: Final = 18  # of a number that is one
_UID: Final = 10
_PATIENCE: Final = 60.0  # seconds between a call of sendmail and its message, where nothing else ties them
_LONG: Final = 3600.0  # the same where the process does
_WAITING: Final = 1000


class Arrival(NamedTuple):
    """The fields of the line, as far as it has them."""

    queue_id: bytes
    client_address: bytes | None
    account: bytes | None
    uid: bytes | None
    local_user: bytes | None  # the login name of who called sendmail, where the MTA logs that instead of the uid
    sender: bytes | None
    size: bytes | None
    recipient_count: bytes | None
    recipients: bytes | None  # the list itself, where the line has one
    script: bytes | None  # the script that called sendmail, or its folder
    original_queue_id: bytes | None  # of the message that a bounce is about
    pid: bytes | None  # of the process that took the message
    subject: bytes | None


LAYOUT: Final = Arrival._fields


@cache
def _dialects() -> dict[int, str]:
    return {id(rule): dialect.name for dialect in discover() for rule in rules_of(dialect)}


def server(rule: Rule) -> str:
    """The name of the dialect that the rule belongs to."""
    return _dialects().get(id(rule), "")


class _Called(NamedTuple):
    """Somebody called sendmail from this folder."""

    time: float
    folder: bytes


class Folders:
    """The folders from which sendmail was called, until the message of each is logged (Exim's ``cwd=`` lines).

    A line that has the process's id belongs to the arrival with the same; others to the next arrival of the user whose
    home the folder lies in (one of its parts is his login name), or of anybody if no other folder waits.  Where two
    folders could be meant none is.
    """

    def __init__(self) -> None:
        self._by_process: OrderedDict[bytes, _Called] = OrderedDict()
        self._waiting: deque[_Called] = deque(maxlen=_WAITING)

    def note(self, time: float, pid: bytes | None, folder: bytes) -> None:
        """Sendmail was called."""
        if pid is None:
            self._waiting.append(_Called(time, folder))
            return
        self._by_process.pop(pid, None)
        self._by_process[pid] = _Called(time, folder)
        if len(self._by_process) > _WAITING:
            self._by_process.popitem(last=False)

    def take(self, time: float, pid: bytes | None, user: bytes) -> bytes | None:
        """The folder behind a message that this user handed in."""
        called = self._by_process.get(pid) if pid else None
        if called is not None:
            return called.folder if abs(time - called.time) <= _LONG else None
        waiting = self._waiting
        while waiting and not 0 <= time - waiting[0].time <= _PATIENCE:
            waiting.popleft()
        at_home = [one for one in waiting if user in one.folder.split(b"/")]
        likely = at_home or [*waiting]
        if not likely:
            return None
        waiting.remove(likely[0])
        return likely[0].folder if len({one.folder for one in likely}) == 1 else None


def local_user(came: Arrival, host: str, folders: Folders, time: float) -> Actor | None:
    """The local user who called sendmail; None if a client, an account or the mail server itself handed it in.

    A bounce is made by the mail server, in the name of the user it runs as.
    """
    named = came.uid[:_UID] if came.uid else came.local_user
    if not named or came.client_address or came.account or (not came.sender and came.original_queue_id):
        return None
    name = came.local_user if came.uid else None
    script = came.script or folders.take(time, came.pid, named)
    return Actor("local_user", _text(named), host, _text(name or named), _text(script) if script else None)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def number(digits: bytes | None) -> int:
    """A size, 0 if none was logged."""
    return int(digits[:_DIGITS]) if digits and digits.isdigit() else 0


def recipients(came: Arrival) -> int:
    """How many recipients, at least."""
    listed = came.recipients
    if not listed or came.recipient_count:
        return number(came.recipient_count) or 1
    plain = b'"' not in listed and b"<" not in listed and b"," not in listed and b";" not in listed
    return len(listed.split()) if plain else len(split(listed)) or 1  # nearly always plain, and that is quicker
