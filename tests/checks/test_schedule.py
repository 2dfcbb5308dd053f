"""Timer, path unit and apt hook are files of ours, made once and taken back whole."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from whosent.setups import CannotError, audit


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "system").mkdir()
    (tmp_path / "apt").mkdir()
    monkeypatch.setattr(audit, "_UNITS", tmp_path / "system")
    monkeypatch.setattr(audit, "_APT", tmp_path / "apt" / "99whosent-audit")
    return tmp_path


def test_units_and_hook_are_made_and_taken_back(machine: Path) -> None:
    changes = audit.changes()
    assert not any(one.done() for one in changes)
    for one in changes:
        one.make()
    assert all(one.done() for one in changes)
    assert {path.name for path in machine.rglob("*") if path.is_file()} == {
        "whosent-audit.service", "whosent-audit.timer", "whosent-audit.path", "99whosent-audit",
    }  # fmt: skip
    assert "PathChanged=/etc/postfix" in (machine / "system" / "whosent-audit.path").read_text()
    for one in changes:
        one.undo()
    assert not [path for path in machine.rglob("*") if path.is_file()]
    audit.heed()  # there is no systemd running here: nothing to tell


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
def test_systemd_understands_the_units(machine: Path) -> None:
    for one in audit.changes():
        one.make()
    service = machine / "system" / "whosent-audit.service"
    service.write_text(service.read_text().replace(next(line for line in service.read_text().splitlines()
                       if line.startswith("ExecStart=")), "ExecStart=/bin/true"))  # fmt: skip
    units = [str(path) for path in (machine / "system").iterdir()]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert "whosent-audit" not in done.stderr, done.stderr


@pytest.mark.skipif(not shutil.which("apt-config"), reason="needs apt-config (Debian: apt)")
def test_apt_understands_the_hook(machine: Path) -> None:
    for one in audit.changes():
        one.make()
    hook = str(machine / "apt" / "99whosent-audit")
    told = subprocess.run(
        ["apt-config", "-c", hook, "dump", "DPkg::Post-Invoke"], capture_output=True, text=True, check=True
    )
    assert "whosent-audit.service" in told.stdout


def test_without_systemd_it_says_what_to_do(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_UNITS", machine / "nowhere")
    with pytest.raises(CannotError, match="from cron"):
        audit.changes()
