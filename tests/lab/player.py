"""A client on a lab host that plays a list of acts at their moments: mail, logins and web requests.

``python -m tests.lab.player`` reads acts as JSON lines on standard input until its end, plays each when its
moment has come (``at`` seconds after the first line was read) from its own source address, and prints one
JSON line of what came of it.
"""

from __future__ import annotations

import contextlib
import http.client
import imaplib
import json
import smtplib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

WORKERS = 24


@dataclass(frozen=True)
class Act:
    """One thing that one client does."""

    at: float
    kind: str  # mail, login, imap, web, local
    source: str = ""
    server: str = ""
    port: int = 0
    label: str = ""  # whose act this is, in the truth
    user: str = ""
    password: str = ""
    helo: str = "localhost"
    sender: str = ""
    recipients: tuple[str, ...] = ()
    message: str = ""
    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def line(self) -> str:
        """Write the act as one line for the player."""
        return json.dumps(asdict(self)) + "\n"


@dataclass
class Result:
    """What came of one act."""

    label: str
    kind: str
    intended: int = 0
    accepted: int = 0
    refused: int = 0
    reply: str = ""


def play(act: Act) -> Result:
    """Do what ``act`` says, now."""
    result = Result(act.label, act.kind, len(act.recipients))
    try:
        {"mail": _mail, "login": _mail, "imap": _imap, "web": _web, "local": _local}[act.kind](act, result)
    except (OSError, smtplib.SMTPException, imaplib.IMAP4.error, http.client.HTTPException) as error:
        result.reply = result.reply or f"{type(error).__name__}: {error}"
    return result


def _mail(act: Act, result: Result) -> None:
    with smtplib.SMTP(timeout=300, local_hostname=act.helo, source_address=(act.source, 0)) as smtp:
        smtp.connect(act.server, act.port)
        if act.user:
            smtp.login(act.user, act.password)
        if act.kind == "login":
            return
        smtp.ehlo_or_helo_if_needed()
        smtp.mail(act.sender)
        for recipient in act.recipients:
            code, reply = smtp.rcpt(recipient)
            if code < 400:
                result.accepted += 1
            else:
                result.refused += 1
                result.reply = f"{code} {reply.decode('utf-8', 'backslashreplace')}"
        if result.accepted:
            code, reply = smtp.data(act.message.encode("utf-8", "surrogateescape"))
            result.reply = f"{code} {reply.decode('utf-8', 'backslashreplace')}"
            if code >= 400:
                result.accepted, result.refused = 0, result.accepted + result.refused


class _Imap(imaplib.IMAP4):
    """IMAP from a chosen source address."""

    source = ""

    def __init__(self, act: Act) -> None:
        self.source = act.source
        super().__init__(act.server, act.port, timeout=300)

    def _create_socket(self, timeout: float | None) -> Any:  # noqa: ANN401  # as the base class has it
        import socket  # noqa: PLC0415  # only this kind of act needs it

        return socket.create_connection((self.host, self.port), timeout, (self.source, 0))


def _imap(act: Act, result: Result) -> None:
    imap = _Imap(act)
    try:
        imap.login(act.user, act.password)
        result.accepted = 1
        imap.select("INBOX", readonly=True)
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            imap.logout()


def _web(act: Act, result: Result) -> None:
    connection = http.client.HTTPConnection(act.server, act.port, timeout=300, source_address=(act.source, 0))
    with contextlib.closing(connection):
        connection.request(act.method, act.path, act.body.encode("utf-8", "surrogateescape") or None, act.headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "backslashreplace")
    result.reply = f"{response.status} {text.strip()[:80]}"
    result.accepted = int(response.status < 400)


def _local(act: Act, result: Result) -> None:
    argv = ["/usr/sbin/sendmail", "-i", "-f", act.sender, *act.recipients]
    done = subprocess.run(argv, input=act.message.encode("utf-8", "surrogateescape"), check=False)
    result.accepted = 0 if done.returncode else len(act.recipients)


def main() -> None:
    """Play the acts that standard input brings."""
    start = time.monotonic()
    printing = threading.Lock()

    def perform(act: Act) -> None:
        time.sleep(max(0.0, start + act.at - time.monotonic()))
        result = play(act)
        with printing:
            print(json.dumps(asdict(result)), flush=True)

    with ThreadPoolExecutor(WORKERS) as pool:
        for line in sys.stdin:
            pool.submit(perform, Act(**json.loads(line)))


if __name__ == "__main__":
    main()
