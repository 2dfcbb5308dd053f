"""What `whosent setup php` writes is heeded by the running PHP, and gone afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab import syslog
from tests.lab.containing import set_up, told
from tests.lab.lab import Lab
from tests.lab.machine import wait_until
from tests.lab.possible import require_lab
from tests.lab.queues import form
from tests.lab.studio import MAIL_LOG, PASSWORDS, STRANGERS, Studio

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.machine import Machine

pytestmark = pytest.mark.lab
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
