"""Audits every night, and after changes of packages and of the mail servers' configuration: timer, path unit, hook.

Each run is compared with the one before, so that the day a hole reopens is known; the journal keeps what it said, and a
unit that failed (the exit code is that of a plugin) is what a monitoring system sees.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from whosent.keeper.servers import ENVIRONMENT
from whosent.setups import CannotError, Change, file

_UNITS: Final = Path("/etc/systemd/system")
_APT: Final = Path("/etc/apt/apt.conf.d/99whosent-audit")
_RUNNING: Final = Path("/run/systemd/system")
_WATCHED: Final = ("/etc/postfix", "/etc/exim4", "/etc/dovecot", "/etc/squid", "/etc/danted.conf", "/etc/tinyproxy",
                   "/etc/nftables.conf")  # fmt: skip
_SERVICE: Final = """[Unit]
Description=Whosent: audit this machine, and say what changed
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# A minute's calm: whoever edits a configuration saves more than once.
ExecStartPre=/bin/sleep 60
ExecStart={program} audit --compare
TimeoutStartSec=1h
Nice=10
"""
_TIMER: Final = """[Unit]
Description=Whosent: audit this machine every night

[Timer]
OnCalendar=*-*-* 03:40
RandomizedDelaySec=1h
Persistent=true

[Install]
WantedBy=timers.target
"""
_PATH: Final = """[Unit]
Description=Whosent: audit this machine when the configuration of its mail servers changes

[Path]
{paths}Unit=whosent-audit.service

[Install]
WantedBy=multi-user.target
"""
_HOOK: Final = """DPkg::Post-Invoke {{
  "if [ -d {running} ]; then systemctl start --no-block whosent-audit.service || true; fi";
}};
"""


def changes(_administrators: tuple[str, ...] = ()) -> list[Change]:
    """The units, and the hook where there is apt."""
    if not _UNITS.is_dir():
        raise CannotError(f"there is no systemd here ({_UNITS}): run `whosent audit --compare` from cron instead")
    program = shutil.which("whosent", path=ENVIRONMENT["PATH"]) or str(Path(sys.executable).with_name("whosent"))
    paths = "".join(f"PathChanged={path}\n" for path in _WATCHED)
    found = [
        file(_UNITS / "whosent-audit.service", _SERVICE.format(program=program), "what an audit runs"),
        file(_UNITS / "whosent-audit.timer", _TIMER, "every night, and after a night that was missed"),
        file(_UNITS / "whosent-audit.path", _PATH.format(paths=paths), "when a mail server's configuration changes"),
    ]
    if _APT.parent.is_dir():
        found.append(file(_APT, _HOOK.format(running=_RUNNING), "after packages were installed, upgraded or removed"))
    return found


def heed() -> None:
    """Systemd takes notice; units that are there are switched on, others off."""
    program = shutil.which("systemctl", path=ENVIRONMENT["PATH"])
    if program is None or not _RUNNING.is_dir():
        return
    units = ("whosent-audit.timer", "whosent-audit.path")
    stands = all((_UNITS / unit).exists() for unit in units)
    for words in (["daemon-reload"], ["enable" if stands else "disable", "--now", *units]):
        subprocess.run([program, *words], capture_output=True, timeout=60, check=False)  # noqa: S603  # ours
