"""Which logs of mail there are on this machine, to be followed; or those that globs of the operator name."""

from __future__ import annotations

from collections.abc import Iterable
from glob import glob
from pathlib import Path
from typing import Final

from whosent.sources.rotation import place

# Of each line the first that is there: what stands behind it holds the same lines.
_PLACES: Final = (
    ("/var/log/mail.log", "/var/log/maillog", "/var/log/mail", "/var/log/syslog", "/var/log/messages"),
    ("/var/log/exim4/mainlog", "/var/log/exim/main.log", "/var/log/exim_mainlog", "/var/log/exim/mainlog"),
    ("/var/log/exim4/rejectlog", "/var/log/exim/reject.log", "/var/log/exim_rejectlog"),
    ("/var/log/rspamd/rspamd.log",),
    ("/var/log/dovecot.log",),
    ("/var/log/php-mail.log", "/var/log/php/mail.log"),
    ("/var/log/apache2/*access.log", "/var/log/httpd/*access_log"),
    ("/var/log/nginx/*access.log",),
)


def logs_here(named: Iterable[str]) -> list[Path]:
    """The logs that these paths and globs name, rotated parts left out; of none, the usual places."""
    found: dict[Path, None] = {}
    for pattern in named:
        matches = _grown(pattern) if any(sign in pattern for sign in "*?[") else [_whole(pattern)]
        found.update(dict.fromkeys(match.absolute() for match in matches))
    if not found and not list(named):
        for patterns in _PLACES:
            there = next((paths for pattern in patterns if (paths := _grown(pattern))), [])
            found.update(dict.fromkeys(there))
    return sorted(found)


def _whole(name: str) -> Path:
    """The log that this file is a part of, if its parts have dates from the beginning; else the file."""
    found = place(name)
    return Path(found.base if found.grows else name)


def _grown(pattern: str) -> list[Path]:
    """Those that are still written to; a log whose parts have dates from the beginning by its name without them."""
    names = [name for name in sorted(glob(pattern)) if Path(name).is_file()]  # noqa: PTH207  # patterns are whole paths
    places = {name: place(name) for name in names}
    return [Path(one.base) for name, one in places.items() if one.base == name or one.grows]
