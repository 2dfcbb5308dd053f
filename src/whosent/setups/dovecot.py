"""Dovecot: failed logins in the log with name and address, so that a guessed password is seen before it is used.

The settings stand in a file of their own.  It lies in a folder that the running server's configuration includes; where
there is none, one more line at the end of that configuration includes it.  Dovecot itself says whether it reads it so.
"""

from __future__ import annotations

import re
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from whosent.keeper.servers import ENVIRONMENT, KeeperError, ask
from whosent.setups import CannotError, Change, file, write

_CONFIG: Final = Path("/etc/dovecot/dovecot.conf")
_RUNNING: Final = Path("/run/dovecot/dovecot.conf")  # a link that Dovecot sets to what it was started with
_NAME: Final = "99-whosent.conf"
_INCLUDE: Final = re.compile(r"^[ \t]*!include(?:_try)?[ \t]+(\S+)", re.MULTILINE)
_MARK: Final = "  # written by whosent setup dovecot\n"
_VERBOSE: Final = "# written by whosent setup dovecot\nauth_verbose = yes\n"
_ELEMENTS: Final = "login_log_format_elements"
_USUAL: Final = f"{_ELEMENTS} = user=<%u> method=%m rip=%r lip=%l mpid=%e %c session=<%{{session}}>\n"


def changes(_administrators: tuple[str, ...] = ()) -> list[Change]:
    """One file among those that Dovecot reads, and the line that makes it read it."""
    config = _config()
    if not shutil.which("doveadm", path=ENVIRONMENT["PATH"]) or not config.is_file():
        raise CannotError(f"Dovecot is not installed here (no doveadm, or no {config})")
    text = _read(config).replace(_line(config), "")
    folders = [(config.parent / one).parent for one in _INCLUDE.findall(text) if fnmatch(_NAME, Path(one).name)]
    place = (folders[0] if folders else config.parent) / _NAME
    settings = file(place, _settings(config, place), f"failed logins are logged with name and address ({_log(config)})")
    if folders:
        return [_heeded(settings, config)]
    line = Change(
        f"{config}: {_line(config).rstrip()}", "that file is read",
        lambda: _line(config) in _read(config),
        lambda: write(config, f"{_read(config).rstrip()}\n{_line(config)}"),
        lambda: write(config, _read(config).replace(_line(config), "")),
    )  # fmt: skip
    return [settings, _heeded(line, config, settings)]


def _config() -> Path:
    """What the running server reads, else what it would read."""
    return _RUNNING.resolve() if _RUNNING.exists() else _CONFIG


def _read(config: Path) -> str:
    return config.read_text(encoding="utf-8")


def _line(config: Path) -> str:
    return f"!include_try {config.parent / _NAME}{_MARK}"


def _says(config: Path, setting: str) -> str:
    return ask(["doveconf", "-c", str(config), "-h", setting]).strip()


def _log(config: Path) -> str:
    """Where to look for them."""
    path = _says(config, "info_log_path") or _says(config, "log_path")
    return f"by syslog, facility {_says(config, 'syslog_facility')}" if path == "syslog" else f"in {path}"


def _settings(config: Path, place: Path) -> str:
    """Logins are logged with name and address by default: they are set only where somebody took that out."""
    standing = _read(place) if place.exists() else ""
    usual = re.search(r"%\{?(?:r\b|rip|remote_ip)", _says(config, _ELEMENTS))
    return _VERBOSE + ("" if usual and _USUAL not in standing else _USUAL)


def _heeded(change: Change, config: Path, *before: Change) -> Change:
    """The last change; where Dovecot still says otherwise, or cannot read it, all of them are taken back."""

    def make() -> None:
        change.make()
        try:
            if _says(config, "auth_verbose") == "yes":
                return
            why = "a later line says auth_verbose = no: take that out"
        except KeeperError as error:
            why = str(error)
        for one in (change, *before):
            one.undo()
        raise CannotError(f"{config} did not take the setting, nothing was changed: {why}")

    return Change(change.what, change.why, change.done, make, change.undo, last=change.last)


def heed() -> None:
    """Let the running server take notice, if there is one."""
    try:
        ask(["doveadm", "-c", str(_config()), "reload"])
    except KeeperError:
        return  # it does not run: it reads the file when it starts
