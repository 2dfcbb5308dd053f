"""What Sendmail's log needs besides: logins told apart from messages, and messages whose end is not logged (pure).

A login belongs to the messages of the process that logged it: its number stands in the tag of the login's line and
at the end of the queue ids that the process gives, behind the second in which it began: ``6ARAsY`` ``xv`` ``000164``.
Since 8.15 the protocol of such messages ends in A.  Where no message of a host ever said so (8.14), one without it is
the login's if the process began within minutes before the login, by the clock of both.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MARKED: Final = frozenset({b"ESMTPA", b"ESMTPSA"})  # RFC 3848: the client logged in
SHOWN_STATUS: Final = {b"2": b"sent", b"4": b"deferred", b"5": b"bounced"}  # by the class of the code (RFC 3463)
UNMARKED: Final = frozenset({b"ESMTP", b"ESMTPS"})
_STARTED: Final = 6  # characters of an id that say when its process began: year, month, day, hour, minute, second
_PROCESS: Final = 8  # where its number stands in an id
_DIGITS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
_LATER: Final = 300.0  # seconds a client may take to log in
_ZONES: Final = 900  # seconds; the offset of every time zone is a multiple of it
_SESSION: Final = 86_400.0  # seconds that a login is remembered
_UNMARKED_SESSION: Final = 3_600.0  # and one whose messages do not show that there was one
_MANY: Final = 50_000


class Session(NamedTuple):
    """Who logged in, where from and when; ``started`` of its ids once one was seen."""

    account: bytes
    address: bytes | None
    time: float
    started: bytes
    ref: int = 0  # of the line that says so


class Sessions:
    """The logins of one host, by process."""

    __slots__ = ("_by_process", "marks")

    def __init__(self) -> None:
        self._by_process: dict[int, Session] = {}
        self.marks = False  # whether its messages say that there was a login

    def authenticated(
        self, pid: bytes | None, account: bytes, address: bytes | None, time: float, ref: int = 0
    ) -> None:
        """A client of the process proved to be an account."""
        if pid is None or not pid.isdigit():
            return
        if len(self._by_process) >= _MANY:
            fresh = {key: session for key, session in self._by_process.items() if time - session.time < _SESSION}
            self._by_process = fresh if len(fresh) < _MANY else {}
        self._by_process[int(pid[:_PROCESS])] = Session(account, address, time, b"", ref)

    def account(self, queue_id: bytes, address: bytes | None, protocol: bytes | None, time: float) -> bytes | None:
        """Whose login the message came with; None if it came without one, or the login is not in the log."""
        self.marks |= protocol in MARKED
        process, longest = queue_id[_PROCESS:], _SESSION if protocol in MARKED else _UNMARKED_SESSION
        session = self._by_process.get(int(process)) if process.isdigit() else None
        if protocol not in MARKED and (self.marks or protocol not in UNMARKED):
            return None
        if session is None or session.address != address or not 0 <= time - session.time < longest:
            return None
        started = queue_id[:_STARTED]
        if session.started == started:
            return session.account
        if session.started or not (protocol in MARKED or _began(started, session.time)):
            return None
        self._by_process[int(process)] = session._replace(started=started)
        return session.account

    def line(self, queue_id: bytes) -> int:
        """Where the login that this message came with stands."""
        session = self._by_process.get(int(queue_id[_PROCESS:]))
        return session.ref if session else 0

    def in_doubt(self, account: bytes | None, protocol: bytes | None, since: float) -> bool:
        """Whether what was logged before this part, which began so long ago, may tell another account."""
        if protocol in MARKED:
            return account is None
        return protocol in UNMARKED and not self.marks and (account is not None or since < _UNMARKED_SESSION)

    def update(self, other: Sessions) -> None:
        """Take over what a later part of the log knows."""
        self._by_process.update(other._by_process)
        self.marks |= other.marks


def _began(started: bytes, login: float) -> bool:
    """Whether the process began within minutes before the login; the log's zone may be taken for another one."""
    minute, second = (_DIGITS.find(started[place : place + 1]) for place in (4, 5))
    return (login - (60 * minute + second)) % _ZONES <= _LATER
