"""Bounces as real mailboxes get them: Postfix returns mail to the account that sent it, with the log beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.machine import wait_until
from tests.lab.mail import MAILBOXES, queue_is_empty
from tests.lab.people import WEB_USER
from tests.lab.studio import BOB, MAIL_LOG, letter

if TYPE_CHECKING:
    from tests.lab.studio import Studio

REPORTS = Path(__file__).parents[1] / "complaints" / "samples" / "dsn"
LOGS = Path(__file__).parents[1] / "complaints" / "logs"


def returned(studio: Studio) -> None:
    """Two recipients of three refused; a domain that does not exist; a delay; a script's mail refused behind the MX."""
    studio.lab.world.answer({f"{word}@bigmail.test": word for word in ("unknown", "full", "spam")})
    starts = {host: len(studio.lab.host(host).read(MAIL_LOG)) for host in ("mx", "web")}
    keep(studio, "recorded-postfix-several", BOB, "unknown@bigmail.test", "full@bigmail.test", "anna@bigmail.test")
    keep(studio, "recorded-postfix-spam", BOB, "spam@bigmail.test")
    keep(studio, "recorded-postfix-no-domain", BOB, "anna@nowhere.test")
    web = studio.lab.host("web")
    text = letter("www-data", "unknown@bigmail.test", "An offer")
    web.run(["runuser", "-u", "www-data", "--", "/usr/sbin/sendmail", "-t", "-i"], text)
    fetch(studio, "recorded-postfix-of-script", WEB_USER)
    LOGS.mkdir(parents=True, exist_ok=True)
    for host, start in starts.items():
        studio.hush(host)
        (LOGS / f"{host}-mail.log").write_bytes(studio.lab.host(host).read(MAIL_LOG)[start:])


def keep(studio: Studio, name: str, account: str, *to: str) -> None:
    """Let the account write to these people and keep what comes back."""
    studio.submit(*to, account=account)
    fetch(studio, name, account)


def fetch(studio: Studio, name: str, account: str) -> None:
    """Keep the one message that came into the account's mailbox."""
    local, _, domain = account.partition("@")
    inbox = studio.lab.host("mx").path(f"{MAILBOXES}/{domain}/{local}/new")
    wait_until(lambda: inbox.is_dir() and any(inbox.iterdir()), f"a bounce for {account}")
    wait_until(lambda: queue_is_empty(studio.lab.host("mx")), "the MX's empty queue")
    found = sorted(inbox.iterdir())
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{name}.eml").write_bytes(found[0].read_bytes())
    for path in found:
        path.unlink()
