"""The steps against trouble without a break-in on a real Postfix: whom they touch, what they let through, no trace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.remedies.test_on_postfix import HERE, NEEDED, require
from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.incident import Remedy
from whosent.remedies import propose

TAG = "3f9a1c20b7de"


def steps(suspect: Suspect, cause: Cause) -> list[Remedy]:
    return propose(incident=TAG, suspect=suspect, cause=cause, strength=Strength.SHOWN)


def held_and_blocked(suspect: Suspect, cause: Cause) -> dict[str, list[str]]:
    told = steps(suspect, cause)
    hold, block = (next(step for step in told if step.step == kind) for kind in ("hold", "block"))
    return {"hold": hold.commands, "unhold": hold.undo, "block": block.commands, "unblock": block.undo}


def titled(suspect: Suspect, cause: Cause, words: str) -> Remedy:
    return next(step for step in steps(suspect, cause) if words in step.title)


def cases() -> dict[str, Any]:
    bounces = Suspect(kind="backscatter", name="corp.test", host="mx")
    client = Suspect(kind="relay", name="192.0.2.1", address="192.0.2.1", host="mx")
    news = Suspect(kind="list", name="news-bounces@lists.test", host="mx")
    by_login = Suspect(kind="list", name="alice@example.org", account="alice@example.org", host="mx")
    complete = titled(bounces, Cause.BACKSCATTER, "Know all recipients")
    own = titled(client, Cause.DIRECTION_CONFUSION, "Refuse senders of our own domains")
    lists = {one.name: titled(one, Cause.DIRTY_LIST, "Write down").commands[0] for one in (news, by_login)}
    forwarder, loop = (Suspect(kind="forwarder", name=name, host="mx") for name in ("old@corp.test", "round.test"))
    return {
        "forwarder": held_and_blocked(forwarder, Cause.FORWARDED_SPAM),
        "loop": held_and_blocked(loop, Cause.MAIL_LOOP),
        "list": held_and_blocked(news, Cause.DIRTY_LIST),
        "unknown users": {
            **held_and_blocked(bounces, Cause.BACKSCATTER), "close": complete.commands, "unclose": complete.undo
        },
        "own name": {"close": own.commands, "unclose": own.undo, "map": [f"whosent-{TAG}.own"]},
        "suppressed": lists,
    }  # fmt: skip


@pytest.mark.lab
def test_the_steps_touch_only_what_they_name_and_leave_no_trace(tmp_path: Path) -> None:
    require(os.geteuid() == 0, "needs root: namespaces are made for it")
    missing = [name for name in NEEDED if not shutil.which(name)]
    require(not missing, f"needs {', '.join(missing)}: install the packages of the lab")
    for folder in [tmp_path, *tmp_path.parents[:2]]:
        folder.chmod(0o755)  # Postfix works as a user of its own
    (tmp_path / "cases.json").write_text(json.dumps(cases()), encoding="utf-8")
    stage = ["bash", str(HERE / "stage.sh"), str(tmp_path / "disk"), str(HERE / "steps_causes.py")]
    alone = ["unshare", "-m", "-n", "-p", "-u", "-f", "--mount-proc", "--kill-child", "--propagation", "private"]
    done = subprocess.run(
        [*alone, *stage],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "CASES": str(tmp_path / "cases.json"), "STEPS": str(HERE)},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for who in ("forwarder", "loop", "list"):
        assert told[who] == {"held": ["mine"], "unheld": [], "blocked": ["mine"], "left_behind": []}, who
    assert told["unknown users"] == {"codes": [250, 450, 250, 250, 550, 250, 250], "left_behind": []}
    own_name = told["own name"]
    assert own_name["before"] == [250, 250, 250, 250]
    assert own_name["after"] == [554, 250, 250, 250]
    refusal = "REJECT log in to write in our name"
    assert own_name["domains"] == [f"corp.test {refusal}"]
    assert own_name["kept"].startswith("reject_non_fqdn_sender, permit_mynetworks, permit_sasl_authenticated, ")
    assert own_name["left_behind"] == []
    assert told["suppressed"] == {
        "news-bounces@lists.test": ["a@gone.test", "b@gone.test"], "alice@example.org": ["la@gone.test", "lb@gone.test"]
    }  # fmt: skip
