"""What `whosent setup` writes is heeded by the running PHP and Dovecot, and gone afterwards."""

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
from tests.lab.studio import BOB, MAIL_LOG, PASSWORDS, STRANGERS, Studio

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
DOVECOT = "/etc/dovecot/lab.conf"
USER_LOG = "/var/log/user.log"
CALLED = b"mail() on [/var/www/html/contact.php:"


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab()


def undone(machine: Machine, server: str) -> None:
    assert not any(one["stands"] for one in told(machine, "setup", server, "--undo")["changes"])


def test_installed_heeded_and_gone(tmp_path: Path) -> None:
    with Lab(PASSWORDS, (), STRANGERS) as lab:
        studio, web = Studio(lab, tmp_path), lab.host("web")

        syslog.stop_syslog(web)
        syslog.start_syslog(web, {MAIL_LOG: syslog.RFC3339}, more=f'user.* action(type="omfile" file="{USER_LOG}")\n')
        set_up(web, "php")
        form(studio, "ben@isp.test")
        wait_until(lambda: web.read(USER_LOG).count(CALLED) == 1, "PHP's own line in the log")
        undone(web, "php")
        form(studio, "ben@isp.test")
        wait_until(lambda: web.read(MAIL_LOG).count(b"status=sent") == 2, "another message, without that line")
        assert web.read(USER_LOG).count(CALLED) == 1


def test_dovecot_that_reads_no_folder_of_files_names_who_fails_to_log_in() -> None:
    with Lab(PASSWORDS, (), STRANGERS) as lab:
        mx, web = lab.host("mx"), lab.host("web")
        before = mx.read(DOVECOT)
        assert not fails(lab)
        set_up(mx, "dovecot")
        assert told(mx, "setup", "dovecot", "--install")["changed"] == 0
        wait_until(lambda: fails(lab), "the failed login with name and address")
        undone(mx, "dovecot")
        assert mx.read(DOVECOT) == before

        set_up(web, "dovecot")  # Debian's own configuration, not running
        assert web.read("/etc/dovecot/conf.d/99-whosent.conf")
        assert web.run(["doveconf", "-h", "auth_verbose"]).strip() == "yes"


def fails(lab: Lab) -> bool:
    """Whether Dovecot tells of a password that was wrong, once somebody has tried it."""
    player = lab.start("lan", "tests.lab.player")
    act = Act(0, "imap", f"{LAN}.101", MX, 143, user=BOB, password="wrong")
    player.communicate(act.line(), timeout=600)
    return b"bob@corp.test,10.77.0.101" in lab.host("mx").read(MAIL_LOG)
