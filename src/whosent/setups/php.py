"""PHP: each message a script sends names it in a header; each call of mail() stands in a log with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from whosent.setups import CannotError, Change, file

_FOLDERS: Final = ("etc/php/*/*/conf.d", "etc/php.d", "etc/php/conf.d")
_LINES: Final = "; written by whosent setup php\nmail.add_x_header = On\nmail.log = syslog\n"


def changes(_administrators: tuple[str, ...] = ()) -> list[Change]:
    """A file in each folder that a PHP here reads."""
    folders = sorted({path for pattern in _FOLDERS for path in Path("/").glob(pattern) if path.is_dir()})
    if not folders:
        raise CannotError("PHP is not installed here (no /etc/php/*/*/conf.d, no /etc/php.d)")
    why = "messages name their script, and calls of mail() are logged (as facility user: /var/log/syslog)"
    return [file(folder / "99-whosent.ini", _LINES, why) for folder in folders]


def heed() -> None:
    """PHP-FPM and Apache read it when they are reloaded; which of them runs the sites is the operator's to know."""
