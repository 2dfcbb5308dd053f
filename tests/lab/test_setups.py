"""What `whosent setup` writes for PHP, Dovecot and complaints is heeded by the running servers, and gone afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab import syslog
from tests.lab.containing import set_up, told
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.network import LAN, MX
from tests.lab.player import Act
from tests.lab.possible import require_lab
from tests.lab.queues import form
from tests.lab.studio import BOB, MAIL_LOG, PASSWORDS, STRANGERS, Studio, letter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
REFUSED = b"Password mismatch"  # what auth_verbose adds
USER_LOG = "/var/log/user.log"
CALLED = b"mail() on [/var/www/html/contact.php:"


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab()


def undone(machine: Machine, server: str) -> None:
    assert not any(one["stands"] for one in told(machine, "setup", server, "--undo")["changes"])


def wrong_password(studio: Studio) -> None:
    studio.play(Act(0, "mail", f"{LAN}.101", MX, 587, user=BOB, password="wrong", helo="pc", sender=BOB,
                    recipients=("anna@bigmail.test",), message=letter(BOB, "anna@bigmail.test")))  # fmt: skip


def held_header(mx: Machine, name: str) -> list[str]:
    """The lines of this name in what is on hold."""
    printed = mx.run(["sh", "-c", "for id in $(ls /var/spool/postfix/hold); do postcat -qh $id; done"])
    return [line for line in printed.splitlines() if line.startswith(f"{name}:")]


def test_installed_heeded_and_gone(tmp_path: Path) -> None:
    with Lab(PASSWORDS, (), STRANGERS) as lab:
        studio, mx, web = Studio(lab, tmp_path), lab.host("mx"), lab.host("web")

        syslog.stop_syslog(web)
        syslog.start_syslog(web, {MAIL_LOG: syslog.RFC3339}, more=f'user.* action(type="omfile" file="{USER_LOG}")\n')
        set_up(web, "php")
        form(studio, "ben@isp.test")
        wait_until(lambda: web.read(USER_LOG).count(CALLED) == 1, "PHP's own line in the log")
        undone(web, "php")
        form(studio, "ben@isp.test")
        wait_until(lambda: web.read(MAIL_LOG).count(b"status=sent") == 2, "another message, without that line")
        assert web.read(USER_LOG).count(CALLED) == 1

        mx.run(["sh", "-c", "mkdir -p /etc/dovecot/conf.d; rm -f /etc/dovecot/conf.d/*"])
        mx.run(["sh", "-c", "echo '!include_try conf.d/*.conf' >> /etc/dovecot/lab.conf"])
        set_up(mx, "dovecot")
        mx.run(["sh", "-c", "doveadm -c /etc/dovecot/lab.conf reload"])
        wrong_password(studio)
        wait_until(lambda: mx.read(MAIL_LOG).count(REFUSED) == 1, "Dovecot's word on a wrong password")
        undone(mx, "dovecot")
        mx.run(["sh", "-c", "doveadm -c /etc/dovecot/lab.conf reload"])
        wrong_password(studio)
        wait_until(lambda: mx.read(MAIL_LOG).count(b"authentication failed") == 2, "Postfix's word on the second")
        assert mx.read(MAIL_LOG).count(REFUSED) == 1

        studio.settings("smtpd_end_of_data_restrictions=check_client_access static:HOLD")
        set_up(mx, "feedback")
        forged = "CFBL-Feedback-ID: q:4jINNOCENT\r\n"
        studio.submit("anna@bigmail.test", account=BOB, text=letter(BOB, "anna@bigmail.test", extra=forged))
        wait_until(lambda: bool(mx.run(["ls", "/var/spool/postfix/hold"])), "a message on hold")
        (name,) = mx.run(["ls", "/var/spool/postfix/hold"]).split()
        assert held_header(mx, "CFBL-Feedback-ID") == [f"CFBL-Feedback-ID: q:{name}"]
        assert held_header(mx, "CFBL-Address") == ["CFBL-Address: abuse@corp.test; report=arf"]
        undone(mx, "feedback")
        mx.run(["postsuper", "-d", name])
        studio.submit("anna@bigmail.test", account=BOB)
        wait_until(lambda: bool(mx.run(["ls", "/var/spool/postfix/hold"])), "another message on hold")
        assert held_header(mx, "CFBL-Feedback-ID") == []
