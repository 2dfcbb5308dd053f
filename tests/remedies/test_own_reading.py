"""Where Whosent is installed the printed commands list a suspect's mail by its own reading: the same ids, quickly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.queues.kit import SAMPLES
from whosent.model.finding import Cause, Strength, Suspect
from whosent.remedies import propose

BIN = Path(sys.executable).parent
SPOOLS = {
    "postfix": ('"$(postconf -h queue_directory)"', "mx"),
    "exim": ("\"$(exim -bP spool_directory | sed 's/.* = //')\"", "exim"),
    "sendmail": ("/var/spool/mqueue", "sendmail-mx/mqueue"),
}
ACCOUNT = Suspect(kind="account", name="bob@corp.test", host="mx")
SCRIPT = Suspect(kind="script", name="/var/www/html/contact.php", host="mx", uid=33, account="www-data")
STRANGER = Suspect(kind="relay", name="100.64.3.7", host="mx", address="100.64.3.7")
BOUNCES = Suspect(kind="backscatter", name="bounces of mx", host="mx")


@pytest.mark.parametrize(
    ("server", "place", "suspect", "ids"),
    [
        ("postfix", "mx", ACCOUNT, {"4jbVnn3mTpz5Y", "4jbVnn4ZbXz5f", "4jbVnl5ZPTz5D", "4jbVnn5l6Wz5k"}),
        ("postfix", "mx", STRANGER, {"4jbVnq40Wjz5r"}),
        ("postfix", "web", SCRIPT, {"1CEDF140"}),
        ("exim", "exim", ACCOUNT, {"1xWtwX-00003U-01"}),  # the other is frozen already
        ("exim", "exim", STRANGER, {"1xWtwZ-00003u-2T"}),
        ("exim", "exim", BOUNCES, {"1xWtwa-000042-25"}),
        ("sendmail", "sendmail-mx/mqueue", STRANGER, {"6AREBhFM000195"}),
        ("sendmail", "sendmail-mx/mqueue", SCRIPT, set()),  # one is quarantined already, one came from another host
        ("sendmail", "sendmail-web/mqueue-client", SCRIPT, {"6AREBiXG000133"}),
        ("sendmail", "sendmail-mx/mqueue", BOUNCES, {"6AREBhTk000194"}),
    ],
)
def test_the_listing_names_the_suspects_mail_alone(server: str, place: str, suspect: Suspect, ids: set[str]) -> None:
    if not shutil.which("jq"):
        pytest.skip("needs jq: install the packages of the lab")
    steps = propose(
        incident="3f9a1c20b7de", suspect=suspect, cause=Cause.UNKNOWN, strength=Strength.SHOWN, server=server
    )
    spool = SPOOLS[server][0]
    look = next(step for step in steps if step.step == "inspect").commands[0]
    hold = next(step for step in steps if step.step == "hold").commands[0]
    listing = look.removesuffix(" | head -n 20")
    assert listing in hold
    assert spool in listing
    done = subprocess.run(
        ["bash", "-c", listing.replace(spool, str(SAMPLES / place))],
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) == ids, done.stderr
