"""Queues of real mail servers: filled by known submissions, with one of each kind of message; and kept as samples.

``python -m tests.lab.queues`` records ``tests/queues/samples`` anew: of Postfix and Sendmail, MX and web host.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.lab import sendmail
from tests.lab.lab import Lab, why_not
from tests.lab.machine import wait_until
from tests.lab.mail import add_smtpd, reload
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
    reload(mx)
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


GROUPS = f"mkdir -p {sendmail.QUEUE}/q1/qf {sendmail.QUEUE}/q1/df {sendmail.QUEUE}/q1/xf {sendmail.QUEUE}/second"
OWNERS = f"chown -R smmta:smmsp {sendmail.QUEUE}; chmod -R 2750 {sendmail.QUEUE}"


@contextlib.contextmanager
def stuck_sendmail(place: Path) -> Iterator[Studio]:
    """The same with Sendmail, whose queue has two folders, one with folders of its own for control files and texts."""
    with Lab(PASSWORDS, (), STRANGERS, mta=sendmail) as lab:
        lab.world.answer({"later@isp.test": "deferred", "gone@isp.test": "unknown"})
        mx = lab.host("mx")
        mx.run(["sh", "-c", f"{GROUPS}; {OWNERS}"])
        mx.write("/etc/mail/aliases", "postmaster: root\nMAILER-DAEMON: postmaster\nsales: later@isp.test\n")
        sendmail.reconfigure(mx, f"define(`QUEUE_DIR', `{sendmail.QUEUE}/*')dnl\n")
        mx.run(["newaliases"])
        yield Studio(lab, place)


def fill_sendmail(studio: Studio) -> None:
    """An account, the MTA's own bounce, an alias, a host of ours, a local user here and there; one quarantined."""
    mx, web = studio.lab.host("mx"), studio.lab.host("web")
    call = ["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-i"]
    studio.submit("later@isp.test", "anna@bigmail.test")
    studio.submit("gone@isp.test", sender="later@isp.test")
    studio.arrive("sales@corp.test")
    php = "Subject: x\nX-PHP-Originating-Script: 33:contact.php\n\nx\n"
    forged = "Received: (from root@localhost)\n\tby mx.corp.test (8.17.1.9/8.17.1.9/Submit) id 6ARE8JsK000133; now\n"
    mx.run([*call, "later@isp.test"], forged + php)
    web.run([*call, "-f", "root", "later@isp.test"], php)

    def all_tried() -> bool:
        mailq = mx.run(["sh", "-c", "mailq -Am"])
        return "MAILER-DAEMON" in mailq and len(sendmail.control_files(mx)) == 5 and sendmail.idle(mx)

    wait_until(all_tried, "five messages in Sendmail's queue, one of them its own bounce")
    studio.hush("web")
    studio.hush()
    mine = mx.run(["sh", "-c", f"grep -rlF '[127.0.0.1]' {sendmail.QUEUE} --include='qf*'"]).split()[-1]
    mx.run([sendmail.BINARY, "-Am", "-Qunder suspicion", f"-qI{mine.rpartition('/qf')[2]}"])
    web.run(["sh", "-c", "kill $(head -n1 /run/sendmail/mta/sendmail.pid)"])
    web.run([*call, "-t"], f"To: later@isp.test, anna@isp.test\n{php}", check=False)


def keep_sendmail(machine: Machine, place: Path) -> None:
    """Copy the control files of both queues, and what Sendmail says of them."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    tar = f"cd /var/spool && tar cf - {Path(sendmail.QUEUE).name} {Path(sendmail.CLIENT_QUEUE).name} | base64"
    packed = base64.b64decode(machine.run(["sh", "-c", tar]))
    subprocess.run(["tar", "-C", str(place), "--no-same-owner", "-xf", "-"], input=packed, check=True)
    for mode in ("-Am", "-Ac", "-Am -qQ"):
        said = machine.run(["sh", "-c", f"mailq {mode}"])
        with place.with_suffix(".mailq.txt").open("a") as out:
            out.write(said)


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
    record_sendmail()


def record_sendmail() -> None:
    """Record Sendmail's queues of the MX and of the web host."""
    with stuck_sendmail(SAMPLES) as studio:
        fill_sendmail(studio)
        for name in ("mx", "web"):
            (SAMPLES / f"sendmail-{name}.mailq.txt").unlink(missing_ok=True)
            keep_sendmail(studio.lab.host(name), SAMPLES / f"sendmail-{name}")


if __name__ == "__main__":
    main()
