"""The victim's mail server outside, what a spammer writes in front of his message, and the trace of the copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.lab.machine import Machine, wait_until
from tests.lab.mail import MAIL_UID, MAILBOXES, prepare_postfix
from tests.lab.studio import CAROL
from tests.lab.world import DEAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.lab.lab import Lab

INNOCENT = "192.0.2.77"
VICTIM = "victim@dead.test"
MAILBOX = "dead.test/victim"
OPTIONS = ("--own-name", "mx.corp.test", "--own-name", "web.corp.test", "--timezone", "Etc/UTC", "--json")
POSTFIX_LINES = (
    "from mx.corp.test (mx.corp.test [{innocent}]) by mx.corp.test (Postfix) with ESMTP id 4jFORGED0000; {date}",
    (
        "from innocent.test (innocent.test [{innocent}]) (Authenticated sender: {carol}) by mx.corp.test (Postfix) "
        "with ESMTPSA id 4jFORGED0001; {date}"
    ),
    "by web.corp.test (Postfix, from userid 4242) id 4jFORGED0002; {date}",
)
EXIM_LINES = (
    (
        "from mx.corp.test ([{innocent}]) by mx.corp.test with esmtp (Exim 4.96) (envelope-from <{carol}>) "
        "id 1vFORG-000000-00; {date}"
    ),
    (
        "from [{innocent}] (helo=innocent.test) by mx.corp.test with esmtpsa (TLS1.3) (Exim 4.96) "
        "(envelope-from <{carol}>) id 1vFORG-000001-00; {date}"
    ),
    "from innocent by web.corp.test with local (Exim 4.96) id 1vFORG-000002-00; {date}",
)
CONFIGURATION = f"""
compatibility_level = 3.6
myhostname = mx.dead.test
inet_interfaces = {DEAD}
inet_protocols = ipv4
mydestination =
alias_maps =
alias_database =
virtual_mailbox_domains = dead.test
virtual_mailbox_base = {MAILBOXES}
virtual_mailbox_maps = static:dead.test/victim/
virtual_uid_maps = static:{MAIL_UID}
virtual_gid_maps = static:{MAIL_UID}
"""

Answer = dict[str, Any]


def start_victim(lab: Lab) -> None:
    """A real Postfix in the world outside that keeps what it is sent."""
    out = lab.host("out")
    prepare_postfix(out, CONFIGURATION)
    out.run(["mkdir", "-p", MAILBOXES])
    out.run(["chown", f"{MAIL_UID}:{MAIL_UID}", MAILBOXES])
    out.run(["postfix", "start"])
    wait_until(lambda: DEAD in out.run(["ss", "-Hltn", "sport = :25"]), "the victim's mail server")


def forged_lines(lines: Iterable[str] = POSTFIX_LINES) -> str:
    """What a spammer writes in front of his message."""
    now = formatdate()
    return "".join(f"Received: {line.format(date=now, innocent=INNOCENT, carol=CAROL)}\r\n" for line in lines)


def copy_of(machine: Machine, mailbox: str, subject: str) -> bytes:
    """The copy with this subject in a Maildir, once it has arrived."""
    sought = f"Subject: {subject}".encode()

    def found() -> list[bytes]:
        copies = (path.read_bytes() for path in sorted(machine.path(f"{MAILBOXES}/{mailbox}/new").glob("*")))
        return [copy for copy in copies if sought in copy]

    wait_until(lambda: bool(found()), f"{subject!r} in {mailbox}")
    return found()[0]


def traced(copy: bytes, folder: Path, logs: Iterable[tuple[Machine, str]] = ()) -> Answer:
    """What a trace says of a copy, with logs of our hosts or without: never a word against the innocent."""
    folder.mkdir(exist_ok=True)
    (folder / "copy.eml").write_bytes(copy)
    options = list(OPTIONS)
    for machine, log in logs:
        place = folder / f"{machine.name}-{Path(log).name}"
        place.write_bytes(machine.read(log))
        options += ["--logs", str(place)]
    program = [sys.executable, "-m", "whosent", "trace", str(folder / "copy.eml"), *options]
    environment = {**os.environ, "WHOSENT_CONFIG": os.devnull}
    done = subprocess.run(program, capture_output=True, check=False, env=environment)
    assert done.stderr == b"", done.stderr
    said: Answer = json.loads(done.stdout)
    if said["suspect"]:
        assert done.returncode == 2
        assert CAROL not in json.dumps(said["suspect"])
    blamed = json.dumps((said["boundary"], said["suspect"]))
    assert INNOCENT not in blamed
    assert "innocent" not in blamed
    return said
