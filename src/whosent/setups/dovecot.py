"""Dovecot: failed logins in the log with name and address, so that a guessed password is seen before it is used."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from whosent.keeper.servers import ENVIRONMENT, KeeperError, ask
from whosent.setups import CannotError, Change, file

_FOLDER: Final = Path("/etc/dovecot/conf.d")
_LINES: Final = (
    "# written by whosent setup dovecot\n"
    "auth_verbose = yes\n"
    "login_log_format_elements = user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{session}>\n"
)


def changes(_administrators: tuple[str, ...] = ()) -> list[Change]:
    """One file among those that Dovecot reads."""
    if not shutil.which("doveadm", path=ENVIRONMENT["PATH"]) or not _FOLDER.is_dir():
        raise CannotError("Dovecot with a folder conf.d is not installed here")
    return [file(_FOLDER / "99-whosent.conf", _LINES, "failed logins are logged with name and address")]


def heed() -> None:
    """Let the running server take notice, if there is one."""
    try:
        ask(["doveadm", "reload"])
    except KeeperError:
        return  # it does not run: it reads the file when it starts
