"""``whosent audit`` and ``whosent egress`` as an operator types them."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.checks.conftest import Place
from whosent.cli import app
from whosent.model.mistake import Mistake
from whosent.responders import egress
from whosent.servers import firewall
from whosent.servers.firewall import Counted


def typed(place: Place, *words: str, **more: str) -> Result:
    return CliRunner().invoke(app, list(words), env={**place.environment, **more})


def test_an_audit_is_printed_kept_and_written(sink: Place, tmp_path: Path) -> None:
    target = f"127.0.0.1:{sink.smtp}"
    told = typed(sink, "audit", "submission", target, "--html", str(tmp_path / "a.html"))
    assert (told.exit_code, "takes no mail without a password" in told.output) == (0, True), told.output
    told = typed(sink, "audit", "relay", target, "--json", "--compare")
    found = json.loads(told.stdout)
    assert found["schema"] == "whosent.audit/1"
    assert [one["verdict"] for one in found["results"]] == ["undecided"]
    again = json.loads(typed(sink, "audit", "relay", target, "--json", "--compare").stdout)
    assert again["compared"] == found["started"]
    assert "AUDIT UNKNOWN - " in typed(sink, "audit", "relay", target, "--plugin", "--no-keep").output
    assert "<h1>" in (tmp_path / "a.html").read_text()


def test_what_is_not_ours_needs_a_word_that_is_kept(sink: Place) -> None:
    told = typed(sink, "audit", "relay", "192.0.2.1:1")
    assert (told.exit_code, "nothing says that this is ours" in told.stderr) == (3, True)
    told = typed(sink, "audit", "relay", "192.0.2.1:1", "--confirm", "--no-keep")
    assert "--no-keep forbids" in told.stderr
    told = typed(sink, "audit", "mx.corp.test")
    assert "name the check too" in told.stderr
    told = typed(sink, "audit", "proxy", "no-such-host.invalid:9", "--confirm", "--json")
    assert json.loads(told.stdout)["confirmed"][0]["target"] == "no-such-host.invalid:9"
    told = typed(sink, "audit", "proxy", "no-such-host.invalid:9", "--json")  # the word stands
    assert json.loads(told.stdout)["confirmed"]


def test_a_sink_without_an_address_or_a_key_is_a_sentence(sink: Place, tmp_path: Path) -> None:
    told = typed(sink, "audit", "relay", "127.0.0.1", WHOSENT_AUDIT__SINK="no-such-sink.invalid")
    assert isinstance(told.exception, Mistake)
    assert "has no address" in str(told.exception)
    told = typed(sink, "audit", "relay", "127.0.0.1", WHOSENT_AUDIT__SINK_KEY=str(tmp_path / "none"))
    assert "sink init" in str(told.exception)


# ------------------------------------------------------------------ egress


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What nft would have been told; nothing of this machine is touched."""
    told: list[str] = []
    monkeypatch.setattr(egress, "_nft", told.append)
    monkeypatch.setattr(egress, "RULES", tmp_path / "egress.nft")
    monkeypatch.setattr(egress, "UNIT", tmp_path / "whosent-egress.service")
    monkeypatch.setattr(egress, "status", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return told


def test_rules_are_shown_tried_kept_and_taken_back(
    sink: Place, loaded: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "kern.log"
    log.write_text("x IN= OUT=eth0 SRC=10.0.0.1 DPT=25 UID=33\n" * 3)
    told = typed(sink, "egress", "rules", "--logs", str(log), "--relay", "192.0.2.10")
    assert f"{pwd.getpwuid(33).pw_name} (uid 33): 3 connections" in told.output
    assert "ip saddr { 192.0.2.10/32 }" in told.output
    assert loaded == []
    assert "no such log" in typed(sink, "egress", "rules", "--logs", "/nowhere/log").stderr
    assert "nothing is being tried" in typed(sink, "egress", "keep").stderr
    assert "everybody may speak" in typed(sink, "egress", "status").output
    assert "ends by itself" in typed(sink, "egress", "try", "--minutes", "7", "--relay", "192.0.2.10").output
    assert "timeout 7m" in loaded[-1]
    assert "refusing nobody" in typed(sink, "egress", "try", "--count").output
    assert "reject" not in loaded[-1]
    stands = Counted(True, 30, 2, 4, {33: 4}, {"192.0.2.9": 1})  # noqa: FBT003  # as it is read
    monkeypatch.setattr(egress, "status", lambda: stands)
    told = typed(sink, "egress", "status")
    assert "On trial for 30 more seconds" in told.output
    assert "192.0.2.9: 1 connection" in told.output
    assert "It stays" in typed(sink, "egress", "keep").output
    assert (loaded[-1], egress.RULES.exists(), egress.UNIT.exists()) == (firewall.for_good(), True, True)
    assert "ip saddr { 192.0.2.10/32 }" in egress.RULES.read_text()  # what was tried, not what would be by default
    assert "timeout 7m" not in egress.RULES.read_text()
    monkeypatch.setattr(egress, "status", lambda: stands._replace(seconds=None))
    assert "In force." in typed(sink, "egress", "status").output
    assert json.loads(typed(sink, "egress", "status", "--json").output)["in_force"]
    assert json.loads(typed(sink, "egress", "rules", "--json").output)["refused"] == 4
    monkeypatch.setattr(egress, "status", lambda: stands._replace(refuses=False))
    assert "only count" in typed(sink, "egress", "status").output
    assert "Removed" in typed(sink, "egress", "undo").output
    assert (loaded[-1], egress.RULES.exists(), egress.UNIT.exists()) == (firewall.removal(), False, False)


def test_only_root_changes_the_firewall(sink: Place, loaded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for verb in ("try", "keep", "undo", "status"):
        assert "only root" in typed(sink, "egress", verb).stderr
    assert "Would be cut off" in typed(sink, "egress", "rules").output
    assert loaded == []
