"""Samples of the envelope: one and the same mail log in every format that rsyslog and the journal write."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab import syslog
from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX
from tests.lab.player import Act
from tests.lab.studio import BOB, MAIL_LOG, PASSWORDS
from tests.lab.takes_hostile import FORGED

if TYPE_CHECKING:
    from tests.lab.studio import Studio

FORMATS = {
    MAIL_LOG: syslog.RFC3339,
    "/var/log/mail-rfc3164.log": syslog.TRADITIONAL,
    "/var/log/mail-rfc5424.log": syslog.RFC5424,
}
NAMES = dict(zip(FORMATS, ("rfc3339", "rfc3164", "rfc5424"), strict=True))
TAG = "postfix/submission/smtpd[4711]"
ODD = (
    "tab\there",
    "escape \x1b[31m",
    "utf-8 Grüße",
    "octets \udcff\udcfe",
    "<34>1 2026-11-22T10:00:00Z mx x - - - nested",
    "",
)


def formats(studio: Studio) -> None:
    """A submission, a login and a failure, in three formats; and lines that a local user forges."""
    for prefix, scene in (("", honest), ("hostile-", hostile)):
        with contextlib.ExitStack() as takes:
            for log, name in NAMES.items():
                until = "Logged out" if not prefix else "nested"
                takes.enter_context(studio.take(f"syslog/{prefix}{name}.log", until, log=log))
            scene(studio)


def slashes(studio: Studio) -> None:
    """RFC 5424 again, with rsyslog told to keep the whole name of the program."""
    mx = studio.lab.host("mx")
    syslog.stop_syslog(mx)
    syslog.start_syslog(mx, FORMATS, slash=True)
    with studio.take("syslog/rfc5424-whole-names.log", "removed", log="/var/log/mail-rfc5424.log"):
        studio.submit("anna@bigmail.test", "carol@corp.test")


def honest(studio: Studio) -> None:
    """One submission and one IMAP session."""
    studio.submit("anna@bigmail.test", "carol@corp.test")
    studio.play(Act(0, "imap", f"{LAN}.101", MX, 143, user=BOB, password=PASSWORDS[BOB]))


def hostile(studio: Studio) -> None:
    """A local user writes to the system's log as if he were Postfix, and things that no log likes."""
    for text in (*FORGED, *ODD):
        command = ["runuser", "-u", "www-data", "--", "logger", "-p", "mail.info", "-t", TAG, "--", text]
        studio.lab.host("mx").run(command)


def journal(studio: Studio) -> None:
    """The same through systemd's journal, which says itself who spoke: JSON and export format."""
    mx = studio.lab.host("mx")
    mx.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    mx.run(["mkdir", "-p", "/run/systemd/journal", "/run/log/journal"])
    daemon = mx.start(["/lib/systemd/systemd-journald"])
    wait_until(mx.path("/run/systemd/journal/dev-log").exists, "the journal's socket")
    mx.run(["ln", "-sf", "/run/systemd/journal/dev-log", "/dev/log"])
    mx.run(["postfix", "stop"])
    mx.run(["postfix", "start"])
    for prefix, scene in (("", honest), ("hostile-", hostile)):
        cursor = mx.run(["journalctl", "-n0", "--show-cursor"]).rpartition("cursor: ")[2].strip()
        scene(studio)
        last = "nested" if prefix else ": removed"
        command = ["journalctl", "--no-pager", "--facility=mail", f"--after-cursor={cursor}"]
        wait_until(lambda: last in mx.run(command), f"{last!r} in the journal")  # noqa: B023  # used at once
        for form in ("json", "export", "short-iso"):
            command = ["journalctl", "-o", form, "--no-pager", "--facility=mail", f"--after-cursor={cursor}"]
            wanted = {"json": "journal.json", "export": "journal.export", "short-iso": "journal-short-iso.log"}[form]
            place = studio.place / "syslog" / f"{prefix}{wanted}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(mx.output(command))
    mx.stop(daemon)


TAKES = (formats, slashes, journal)
