"""What changed on this machine since a moment: packages by the package manager's log, configuration by file times."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_MAIL: Final = re.compile(
    r"postfix|exim|sendmail|dovecot|opensmtpd|squid|tinyproxy|dante|microsocks|3proxy|nftables|iptables|firewalld|php|"
    r"apache|nginx|lighttpd|rspamd|clamav|spamassassin|amavis|opendkim|roundcube|mailman|openssl|ssl"
)
_FOLDERS: Final = (
    "postfix", "exim4", "exim", "mail", "dovecot", "squid", "tinyproxy", "nftables.d", "nftables.conf", "danted.conf",
    "sockd.conf", "apache2", "httpd", "nginx", "lighttpd", "php", "php.ini", "rspamd", "clamav", "whosent",
)  # fmt: skip
_DPKG: Final = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (install|upgrade|remove|purge) (\S+) (\S+) (\S+)$")
_DNF: Final = re.compile(r"^(\S+) \S+ (Installed|Upgrade|Upgraded|Erase|Removed): (\S+)$")
_FILES: Final = 20_000
_MOST: Final = 40
_LARGEST: Final = 32 << 20


def since(moment: float, root: Path = Path("/")) -> list[str]:
    """Changes after ``moment``, those that concern mail first, then the latest first."""
    found = [*_packages(moment, root), *_files(moment, root)]
    found.sort(key=lambda one: (not one[1], -one[0]))
    told = [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z  {what}" for at, _, what in found]
    return [*told[:_MOST], *([f"and {len(told) - _MOST:,} more"] if len(told) > _MOST else [])]


def _packages(moment: float, root: Path) -> Iterator[tuple[float, bool, str]]:
    for line in _lines(sorted((root / "var/log").glob("dpkg.log*")), moment):
        found = _DPKG.match(line)
        if found:
            at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").astimezone().timestamp()  # local time
            if at >= moment:
                versions = found[5] if found[2] == "install" else f"{found[4]} -> {found[5]}"
                yield at, bool(_MAIL.search(found[3])), f"package {found[3]}: {found[2]} {versions}"
    for line in _lines(sorted((root / "var/log").glob("dnf.rpm.log*")), moment):
        found = _DNF.match(line)
        if found:
            try:
                at = datetime.fromisoformat(found[1]).timestamp()
            except ValueError:
                continue
            if at >= moment:
                yield at, bool(_MAIL.search(found[3])), f"package {found[3]}: {found[2].lower()}"


def _lines(paths: Iterable[Path], moment: float) -> Iterator[str]:
    for path in paths:
        try:
            if path.stat().st_mtime < moment:
                continue
            with (
                gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else path.open(errors="replace") as file
            ):
                yield from file.read(_LARGEST).splitlines()
        except (OSError, EOFError):
            continue


def _files(moment: float, root: Path) -> Iterator[tuple[float, bool, str]]:
    seen = 0
    for name in _FOLDERS:
        place = root / "etc" / name
        for path in [place] if place.is_file() else _below(place):
            seen += 1
            if seen > _FILES:
                return
            try:
                status = path.stat()
            except OSError:
                continue
            changed = max(status.st_mtime, status.st_ctime)
            if changed >= moment:
                yield changed, True, f"file /{path.relative_to(root)} changed"


def _below(place: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(place):  # does not follow links
        yield from (Path(folder) / name for name in names)
