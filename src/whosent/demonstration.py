"""``make run``: the main job on a real incident recorded in the lab; ends with the path of the HTML report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

_INCIDENT: Final = Path(__file__).parents[2] / "samples" / "incident"
_REPORT: Final = Path("whosent-report")
_LOGS: Final = ("mail.log", "web-mail.log", "access.log", "php-mail.log")


def main() -> int:
    """Scan the recorded incident as an administrator would, and say where the report is."""
    logs = [os.path.relpath(_INCIDENT / name) for name in _LOGS]
    page, evidence = _REPORT / "report.html", _REPORT / "evidence"
    _REPORT.mkdir(exist_ok=True)
    arguments = ["scan", *logs, "--timezone", "Europe/Berlin", "--html", str(page), "--evidence", str(evidence)]
    print(f"$ whosent {' '.join(arguments)}\n", flush=True)  # noqa: T201  # what a demonstration is for
    done = subprocess.run([sys.executable, "-m", "whosent", *arguments], check=False)  # noqa: S603  # ourselves
    if done.returncode not in range(3):
        return done.returncode
    print(  # noqa: T201
        f"\nExit code {done.returncode}: 0 clean, 1 warning, 2 critical, 3 unknown."
        f"\nThe report for the boss and the engineer: {page.resolve()}"
        f"\nThe evidence with its checksums:           {evidence.resolve()}"
        "\nNow your own logs: .venv/bin/whosent scan /var/log/mail.log*"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
