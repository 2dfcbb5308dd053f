"""A program of the operator's: its own argument vector, the alert as JSON on its standard input, bounded in time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile

import msgspec

from whosent.channels import Channel, Means, Unsent
from whosent.model.alert import Alert
from whosent.report.words import shortened, visible

_SAID = 4096  # bytes of what the program complains about


def lacks(means: Means) -> str:
    """Needs a program that is there."""
    if not means.rules.command:
        return "alerts.command is not set"
    program = means.rules.command[0]
    return "" if shutil.which(program) else f"alerts.command: there is no program {program}"


def send(alert: Alert, means: Means) -> str:
    """Run it; exit code 0 means that the alert was taken."""
    with tempfile.TemporaryFile() as complaint:
        try:
            process = subprocess.Popen(  # noqa: S603  # the operator's own argument vector; the alert is on its input
                means.rules.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaint,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Unsent(f"{means.rules.command[0]}: {error.strerror}") from error
        try:
            process.communicate(msgspec.json.encode(alert) + b"\n", timeout=means.rules.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Unsent(f"{means.rules.command[0]} did not end within {means.rules.timeout} seconds") from None
        if process.returncode:
            complaint.seek(0)
            said = visible(complaint.read(_SAID).decode(errors="replace").strip())
            raise Unsent(
                f"{means.rules.command[0]} left with {process.returncode}" + (said and f": {shortened(said, 200)}")
            )
    return ""


channel = Channel("command", "a program of yours, the alert as JSON on its input", lacks, send)
