"""The firewall against mail past the mail server: loads the table, makes it stay, takes it away; whole or not at all.

What must survive a restart is a file and a unit of systemd that loads it; both are ours, and go with the undo.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from whosent.model.mistake import Mistake
from whosent.servers import firewall
from whosent.servers.firewall import Counted, Policy

RULES: Final = Path("/etc/whosent/egress.nft")
UNIT: Final = Path("/etc/systemd/system/whosent-egress.service")
_WITHIN: Final = 20.0
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SERVICE: Final = f"""[Unit]
Description=Whosent: only declared senders speak to port 25
Wants=network-pre.target
Before=network-pre.target
After=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {RULES}
ExecStop=/usr/sbin/nft delete table inet {firewall.TABLE}

[Install]
WantedBy=multi-user.target
"""


def load(policy: Policy) -> None:
    """Put the rules in force; the kernel takes all of them or none."""
    _nft(firewall.rules(policy))


def keep(tried: str) -> list[str]:
    """Make the rules of a trial stay, over restarts too; what was written."""
    _nft(firewall.for_good())
    RULES.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    RULES.write_text(firewall.lasting(tried), encoding="utf-8")
    written = [str(RULES)]
    if UNIT.parent.is_dir():
        UNIT.write_text(_SERVICE, encoding="utf-8")
        written.append(str(UNIT))
        _systemctl("daemon-reload")
        _systemctl("enable", UNIT.name)
    return written


def undo() -> list[str]:
    """Take everything back; what was removed."""
    _nft(firewall.removal())
    removed = []
    if UNIT.exists():
        _systemctl("disable", UNIT.name)
    for path in (UNIT, RULES):
        if path.exists():
            path.unlink()
            removed.append(str(path))
    if str(UNIT) in removed:
        _systemctl("daemon-reload")
    return removed


def status() -> Counted | None:
    """What the rules have counted; None if they are not loaded."""
    try:
        done = subprocess.run(  # noqa: S603  # an argument vector of ours
            [_program(), "-j", "list", "table", "inet", firewall.TABLE], capture_output=True, text=True,
            timeout=_WITHIN, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Mistake("nft did not answer in time.") from None
    return firewall.counted(done.stdout) if done.returncode == 0 else None


def _program() -> str:
    found = shutil.which("nft", path=_PATH)
    if found is None:
        raise Mistake("nftables is not installed here: apt install nftables.")
    return found


def _nft(text: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # an argument vector of ours
            [_program(), "-f", "-"], input=text, capture_output=True, text=True, timeout=_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise Mistake("nft did not end in time; nothing was changed.") from None
    if done.returncode:
        raise Mistake(f"nft took nothing of it: {done.stderr.strip()[:500]}.")


def _systemctl(*words: str) -> None:
    """Where systemd runs; elsewhere the file alone is written."""
    if Path("/run/systemd/system").is_dir():
        program = shutil.which("systemctl", path=_PATH)
        if program is not None:
            subprocess.run([program, *words], capture_output=True, timeout=_WITHIN, check=False)  # noqa: S603  # ours
