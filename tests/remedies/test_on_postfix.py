"""The printed commands on a real Postfix: they touch the culprit's mail, nobody else's, and leave no trace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from whosent.model.finding import Cause, Strength, Suspect
from whosent.remedies import propose

HERE = Path(__file__).parent
NEEDED = ("unshare", "postfix", "postcat", "dovecot", "jq", "nft", "runuser")

CULPRITS = {
    "alice": (Suspect(kind="account", name="alice@example.org", host="mx"), Cause.COMPROMISED_ACCOUNT, False),
    "form": (Suspect(kind="form", name="/var/www/html/contact.php", uid=33), Cause.ABUSED_FORM, False),
    "form and shop": (Suspect(kind="local_user", name="www-data"), Cause.UNKNOWN, True),
    "pc": (Suspect(kind="host", name="127.0.0.7"), Cause.INFECTED_HOST, False),
}


def require(condition: object, sentence: str) -> None:
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)


def commands(suspect: Suspect, cause: Cause, *, refuses: bool) -> dict[str, list[str]]:
    steps = propose(incident="3f9a1c20b7de", suspect=suspect, cause=cause, strength=Strength.SHOWN)
    hold = next(step for step in steps if step.step == "hold")
    blocks = [step for step in steps if step.step == "block"]
    return {
        "inspect": next(step.commands for step in steps if step.step == "inspect"),
        "hold": hold.commands,
        "unhold": hold.undo,
        "block": blocks[0].commands,
        "unblock": blocks[0].undo,
        "others": [line for step in blocks[1:] if "nft" in step.commands[0] for line in [*step.commands, *step.undo]],
        "refuses": ["2" if refuses else "0"],
    }


@pytest.mark.lab
def test_commands_hold_and_block_the_culprit_alone_and_undo_themselves(tmp_path: Path) -> None:
    require(os.geteuid() == 0, "needs root: namespaces are made for it")
    missing = [name for name in NEEDED if not shutil.which(name)]
    require(not missing, f"needs {', '.join(missing)}: install the packages of the lab")
    for folder in [tmp_path, *tmp_path.parents[:2]]:
        folder.chmod(0o755)  # Postfix works as a user of its own
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps([commands(s, c, refuses=r) for s, c, r in CULPRITS.values()]), encoding="utf-8")
    stage = ["bash", str(HERE / "stage.sh"), str(tmp_path / "disk"), str(HERE / "steps.py")]
    alone = ["unshare", "-m", "-n", "-p", "-u", "-f", "--mount-proc", "--kill-child", "--propagation", "private"]
    done = subprocess.run(
        [*alone, *stage],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin", "CASES": str(cases)},
    )
    assert done.returncode == 0, done.stderr
    for (whose, (_, _, refuses)), told in zip(CULPRITS.items(), json.loads(done.stdout), strict=True):
        first = [f"{name} 1" for name in whose.split(" and ")]
        second = [f"{name} 2" for name in whose.split(" and ")]
        assert len(told["named"]) == len(first)
        assert told["after_hold"] == first
        assert told["after_unhold"] == []
        assert told["after_block"] == ([] if refuses else second)
        assert told["refused"] == (second if refuses else [])
        assert told["left_behind"] == []
