"""The yardstick people have: pflogsumm, Debian's log summary for Postfix."""

from __future__ import annotations

import os
import shutil
import subprocess

from benchmarks.measure import Command

NAME = "pflogsumm"
ABSENT = f"{NAME} is not installed and cannot be: install it, or run as root on Debian; no ratios without it"


def find() -> str | None:
    """Find it, install it where we may, or give up."""
    if shutil.which(NAME) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", NAME]):
            subprocess.run(["apt-get", *step], env=environment, check=False, capture_output=True)  # noqa: S607
    return shutil.which(NAME)


def version() -> str:
    """Say which one it is."""
    program = find()
    if program is None:
        return ABSENT
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    return (said.stdout or said.stderr).strip().splitlines()[0]


def command(paths: list[str]) -> Command | None:
    """Summarise these files, oldest first."""
    program = find()
    return None if program is None else Command(arguments=[program, *paths])
