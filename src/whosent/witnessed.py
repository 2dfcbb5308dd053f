"""What kinds of things the logs record, and hence what they cannot show (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from whosent.measures.phrases import count, listing
from whosent.model.pile import Pile
from whosent.model.rows import (
    Call,
    Login,
    Message,
    Outcome,
    Rejection,
    Reported,
    Request,
    Result,
    Subject,
    Verdict,
)

_MANY: Final = {"call of mail()": "calls of mail()", "record of DMARC reports": "records of DMARC reports"}
_OUTCOME_BLIND: Final = 9  # hand-overs for each outcome seen


class Witnessed:
    """Watches the rows that detectors see."""

    self_contained = True

    def __init__(self) -> None:
        self.messages = 0
        self.outcomes = 0
        self._results = [0] * len(Result)
        self._senders: Counter[str] = Counter()  # kinds of actors
        self._loginless = 0  # messages whose client logged in, nobody knows as whom
        self._logins = 0
        self._failed_logins = 0
        self._rejections = 0
        self._requests = 0
        self._calls = 0
        self._reported = 0
        self._folders = False  # whether the mail server logs from which folder sendmail was called
        self._named_on: set[str] = set()  # hosts whose mail server logs users by login name: Exim, Sendmail
        self._verdicts = self._subjects = self._unassigned = 0
        self.queued = 0  # messages in queues that were looked at
        self._by_mta = False  # any line of a mail server that is about mail

    def message(self, row: Message) -> None:
        """A message entered the queue."""
        self.messages += 1
        kind, name, host, address, script = row.actor
        self._senders[kind] += 1
        self._loginless += kind == "unknown" and address is not None
        if kind == "local_user" and not name.isdecimal():
            self._named_on.add(host)
            self._folders |= script is not None

    def outcome(self, row: Outcome) -> None:
        """A delivery was attempted."""
        self.outcomes += 1
        self._results[row.result] += 1

    def rejection(self, _row: Rejection) -> None:
        """A client was refused."""
        self._rejections += 1
        self._by_mta = True

    def login(self, row: Login) -> None:
        """Somebody logged in, or failed to."""
        self._logins += row.succeeded
        self._failed_logins += not row.succeeded
        self._by_mta |= row.service == "smtp"

    def request(self, _row: Request) -> None:
        """A web server answered."""
        self._requests += 1

    def call(self, _row: Call) -> None:
        """A script called mail()."""
        self._calls += 1

    def reported(self, _row: Reported) -> None:
        """A receiver told of mail in our name."""
        self._reported += 1

    def verdict(self, row: Verdict) -> None:
        """A content filter of ours judged a message."""
        self._verdicts += 1
        self._unassigned += row.actor.kind == "unknown"

    def subject(self, _row: Subject) -> None:
        """A subject was logged."""
        self._subjects += 1

    def pile(self, row: Pile) -> None:
        """Mail lies in a queue."""
        self.queued += row.messages

    @property
    def tells_of_mail(self) -> bool:
        """Whether a mail server's log is among the logs: without one, nothing can be said of who sent."""
        return bool(self.messages or self.outcomes or self._by_mta)

    @property
    def refusals(self) -> int:
        """Refused attempts and logins: all that some logs hold."""
        return self._rejections + self._logins + self._failed_logins

    def held(self) -> str:
        """``9 failed logins and 2 refused attempts``: what the logs do hold, where they hold no mail."""
        kinds = (
            (self._logins, "login"),
            (self._failed_logins, "failed login"),
            (self._rejections, "refused attempt"),
            (self._requests, "web request"),
            (self._calls, "call of mail()"),
            (self._reported, "record of DMARC reports"),
            (self._verdicts, "verdict"),
        )
        held = [count(number, noun, _MANY.get(noun, "")) for number, noun in kinds if number]
        return listing(held, most=len(held)) or "nothing about mail"

    def blind_spots(self, servers: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
        """What these logs could not show, and the setting or file that would show it.

        ``servers``: host -> the dialect of its mail server, where that is not Postfix.
        """
        on_exim = any(servers.get(host) == "exim" for host in self._named_on)
        seen = self._results[Result.SENT] + self._results[Result.BOUNCED] + 1
        if self._results[Result.HANDED_OVER] > _OUTCOME_BLIND * seen:
            yield (
                "Outcome-blind: nearly everything leaves through another host of ours, whose log is not here, so "
                "refusals are invisible. Logins, networks and new recipients had to do. Add the log of that host."
            )
        if on_exim and not self._folders:
            yield (
                "Exim logs local users without the folder their mail came from. Add to its configuration: "
                "log_selector = +arguments +pid (on a panel, in its Exim settings); from then on the folder is named."
            )
        elif self._senders["local_user"] and not on_exim and not self._calls:
            yield (
                f"Mail of local users is known by {'login name' if self._named_on else 'uid'} only. PHP names the "
                "script with mail.log = /var/log/php-mail.log and mail.add_x_header = On in php.ini."
            )
        if self._senders["local_user"] and not self._requests:
            yield "No web access log among the inputs: the visitor who made a script send cannot be named."
        if self._senders["account"] and not self._logins:
            yield "No successful IMAP or POP logins among the inputs: only addresses that mail came from are known."
        if self._unassigned:
            yield (
                f"{count(self._unassigned, 'verdict')} of our own filter could not be tied to a message: no login, no "
                "message that begins in these logs. Let it log to syslog beside the mail server (rspamd: "
                'type = "syslog"; facility = "mail"; in local.d/logging.inc).'
            )
        if self._senders["account"] and not (self._subjects or self._verdicts):
            yield (
                "Neither subjects nor a filter's verdicts among the inputs: one text from several accounts cannot be "
                "seen. Postfix logs subjects with header_checks = pcre:/etc/postfix/headers that holds /^Subject:/ "
                "WARN, Exim with log_selector = +subject; rspamd logs a digest of each text."
            )
        if self._loginless:
            yield (
                f"{count(self._loginless, 'message')} came from clients that had logged in, and these logs do not say "
                "as whom. Sendmail writes AUTH=server lines at LogLevel 9 or above: define(`confLOG_LEVEL', `9') in "
                "sendmail.mc, and let syslog keep the process number."
            )
        if before := self._senders["unknown"] - self._loginless:
            yield (
                f"{count(before, 'message')} entered the queue before the logs begin; who submitted "
                "them stands in the log before. Add the rotated one."
            )
