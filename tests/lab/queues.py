"""Queues of real mail servers: filled by known submissions, with one of each kind of message; and kept as samples.

``python -m tests.lab.queues`` records ``tests/queues/samples`` anew: Postfix's of the MX and of the web host.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.lab.lab import Lab, why_not
from tests.lab.machine import wait_until
from tests.lab.mail import add_smtpd
from tests.lab.network import PUBLIC
from tests.lab.player import Act
from tests.lab.studio import BOB, OUTSIDER, PASSWORDS, STRANGERS, Studio, letter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.machine import Machine

SAMPLES = Path(__file__).parents[1] / "queues" / "samples"
SPOOL = "/var/spool/postfix"
FOLDERS = ("incoming", "active", "deferred", "defer", "hold", "maildrop", "corrupt")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOBODY = "[198.51.100.99]"  # nothing listens there
SPREAD = [f"u{number}@bigmail.test" for number in range(120)]  # more recipients than one buffer holds


@contextlib.contextmanager
def stuck(place: Path) -> Iterator[Studio]:
    """A lab whose mail stays where it is: the world defers, the web host's relay does not answer."""
    with Lab(PASSWORDS, ("info@corp.test",), STRANGERS) as lab:
        studio = Studio(lab, place)
        lab.world.answer({"grey@isp.test": "greylist", "later@isp.test": "deferred", "gone@isp.test": "unknown"})
        studio.settings(f"relayhost={NOBODY}", host="web")
        yield studio


def waiting(machine: Machine) -> list[dict[str, object]]:
    """What Postfix itself says of its queue."""
    return [json.loads(line) for line in machine.run(["postqueue", "-j"], check=False).splitlines()]


def form(studio: Studio, *bcc: str) -> None:
    """A stranger abuses the contact form."""
    email = "x@y.test" + "".join(f"\nBcc: {address}" for address in bcc)
    body = urlencode({"email": email, "subject": "cheap pills", "message": "buy"})
    act = Act(0, "web", OUTSIDER, PUBLIC, 80, method="POST", path="/contact.php", headers=FORM, body=body)
    studio.play(act, host="out")


def fill_mx(studio: Studio) -> None:
    """An account, a host of ours, forwarded mail, the MTA's own bounce, held and edited mail, many recipients."""
    mx = studio.lab.host("mx")
    studio.submit("later@isp.test", "anna@dead.test", "x@bigmail.test", "gone@isp.test")
    studio.settings("defer_transports=smtp")
    studio.submit("ben@isp.test", sender="", text=letter("", "ben@isp.test", extra="Auto-Submitted: auto-replied\r\n"))
    studio.submit(*SPREAD, text=letter(BOB, "list", subject="many"))
    forged = "Received: from victim (victim [192.0.2.9])\r\n\tby mx.corp.test (Postfix) with ESMTP id 4jFORGED;\r\n"
    studio.submit(
        "cara@isp.test", text=forged + letter(BOB, "cara@isp.test", extra="X-PHP-Originating-Script: 0:no.php\r\n")
    )
    studio.settings("virtual_alias_domains=old.test", "virtual_alias_maps=inline:{away@old.test=dora@isp.test}")
    studio.arrive("away@old.test", text=letter("anna@bigmail.test", "away@old.test", subject="for the alias"))
    add_smtpd(mx, "127.0.0.1:10026", ("smtpd_milters=inet:127.0.0.1:10030",))
    mx.run(["postfix", "reload"])
    with studio.service("tests.lab.milter", 10030):
        argv = ["/usr/bin/env", "python3", "-c", MILTERED]
        mx.run(argv)
    bounce = letter("bad@nowhere.test", "fail@corp.test")
    mx.run(["sendmail", "-f", "forged@isp.test", "missing@localhost"], bounce)
    wait_until(lambda: "forged@isp.test" in json.dumps(waiting(mx)), "the MTA's own bounce")
    wait_until(lambda: all(one["queue_name"] in {"deferred", "hold"} for one in waiting(mx)), "all of them deferred")


MILTERED = """
import smtplib
with smtplib.SMTP("127.0.0.1", 10026, "app.corp.test") as smtp:
    text = "Subject: old\\r\\nX-Gone: yes\\r\\nMessage-ID: <m@x>\\r\\n\\r\\nHi\\r\\n"
    smtp.sendmail("app@corp.test", ["edit-ed@isp.test"], text)
    smtp.sendmail("app@corp.test", ["quarantine-d@isp.test"], "Subject: held\\r\\n\\r\\nHi\\r\\n")
"""


def fill_web(studio: Studio) -> None:
    """PHP's form, sendmail(1) by two users, one requeued, and what waits in maildrop while Postfix is stopped."""
    web = studio.lab.host("web")
    form(studio, "ben@isp.test")
    runuser = ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"]
    stamp = "Received: by web.corp.test (Postfix, from userid 0)\n\tid 123456; now\n"
    web.run(runuser, stamp + letter("www-data", "anna@bigmail.test", subject="with a forged stamp"))
    web.run(["/usr/sbin/sendmail", "-f", "root@web.corp.test", "ben@isp.test"], letter("root", "ben@isp.test"))
    web.run(runuser, letter("www-data", "cara@isp.test", subject="requeued"))
    wait_until(lambda: len(waiting(web)) == 4, "four messages in the web host's queue")
    wait_until(lambda: all(one["queue_name"] == "deferred" for one in waiting(web)), "all of them deferred")
    again = next(str(one["queue_id"]) for one in waiting(web) if "cara@isp.test" in json.dumps(one))
    web.run(["postsuper", "-r", again])
    web.run(["postqueue", "-f"])
    wait_until(
        lambda: again not in json.dumps(waiting(web)) and len(waiting(web)) == 4, "the requeued one under its new id"
    )
    wait_until(lambda: all(one["queue_name"] == "deferred" for one in waiting(web)), "all of them deferred again")
    web.run(
        ["postsuper", "-h", next(str(one["queue_id"]) for one in waiting(web) if one["sender"] == "root@web.corp.test")]
    )
    web.run(["postfix", "stop"])
    web.run(runuser, letter("www-data", "anna@bigmail.test", subject="stopped"))


def keep(machine: Machine, place: Path) -> None:
    """Copy a queue with its modes and owners' numbers."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    folders = [folder for folder in FOLDERS if machine.path(f"{SPOOL}/{folder}").exists()]
    packed = subprocess.run(
        ["tar", "-C", str(machine.path(SPOOL)), "-cf", "-", *folders], capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-C", str(place), "-xf", "-"], input=packed, check=True, stderr=subprocess.DEVNULL)


def main() -> None:
    """Record the samples."""
    reason = why_not()
    if reason:
        sys.exit(reason)
    with stuck(SAMPLES) as studio:
        fill_mx(studio)
        fill_web(studio)
        for name in ("mx", "web"):
            keep(studio.lab.host(name), SAMPLES / name)
            said = waiting(studio.lab.host(name))
            (SAMPLES / f"{name}.postqueue.json").write_text("".join(json.dumps(one) + "\n" for one in said))


if __name__ == "__main__":
    main()
