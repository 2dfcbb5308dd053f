"""``make run`` names the two culprits of the recorded incident and nobody else, and leaves the report it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

INCIDENT = Path(__file__).parents[1] / "samples" / "incident"


def test_the_demonstration_names_the_guilty_and_leaves_the_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "whosent.demonstration"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = tmp_path / "whosent-report" / "report.html"
    assert str(page) in done.stdout
    assert "Exit code 2" in done.stdout
    assert "<script" not in page.read_text(encoding="utf-8")
    report = json.loads((tmp_path / "whosent-report" / "evidence" / "report.json").read_text(encoding="utf-8"))
    truth = json.loads((INCIDENT / "truth.json").read_text(encoding="utf-8"))
    named = {incident["suspect"]["name"] for incident in report["incidents"]}
    assert named == {"alice@corp.test", "/var/www/html/contact.php"}
    assert "alice@corp.test" in {guilty["name"] for guilty in truth["guilty"]}
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "whosent-report" / "evidence", check=True
    )
