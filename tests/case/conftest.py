"""The recorded incident, scanned once, to make cases of; its foreign addresses are moved into the public range."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from whosent.cli import app

SAMPLES = Path(__file__).parents[2] / "samples" / "incident"
_CARRIER = re.compile(rb"\b100\.(6[4-9]|[7-9]\d|1[01]\d)\.")  # the lab's strangers live behind carrier NAT


class Recorded(NamedTuple):
    """The logs, the scan's JSON, and who is guilty by the recording."""

    logs: Path
    scan: Path
    driven_from: frozenset[str]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    logs = tmp_path_factory.mktemp("logs")
    for name in ("mail.log", "web-mail.log", "access.log", "php-mail.log"):
        (logs / name).write_bytes(_CARRIER.sub(rb"45.\1.", (SAMPLES / name).read_bytes()))
    done = CliRunner().invoke(app, ["scan", str(logs), "--timezone", "Europe/Berlin", "--json", "--jobs", "1"])
    scan = logs.parent / f"{logs.name}.json"
    scan.write_bytes(done.stdout_bytes)
    truth = json.loads((SAMPLES / "truth.json").read_bytes())
    guilty = {address for one in truth["guilty"] for address in one.get("addresses", [])}
    return Recorded(logs, scan, frozenset(re.sub(r"^100\.", "45.", address) for address in guilty))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHOSENT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("WHOSENT_CONFIG", str(tmp_path))
    monkeypatch.setenv("WHOSENT_REPORTING__CONTACT", "abuse@corp.test")
    monkeypatch.setenv("SUDO_USER", "anna")
    return tmp_path / "state"
