"""The process that tells: only where somebody is to be told, again if it dies, gone when it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.telling.kit import wait_until
from whosent.model.mistake import Mistake
from whosent.model.settings import Alerts, Heartbeat, Settings
from whosent.telling import companion
from whosent.telling.companion import Companion
from whosent.telling.heartbeat import notify


def running(one: Companion) -> int:
    """Its process, if it lives."""
    process = one.process
    return process.pid if process is not None and process.poll() is None else 0


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHOSENT_STATE", str(tmp_path))
    monkeypatch.setenv("WHOSENT_CONFIG", os.devnull)
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setattr(companion, "PAUSE", 0.5)
    return tmp_path


def test_nobody_to_tell_needs_no_process(state: Path) -> None:
    one = Companion(Settings(), lambda _: None)
    one.look_after()
    assert running(one) == 0
    one.stop()
    with pytest.raises(Mistake, match="pigeon"):
        Companion(Settings(alerts=Alerts(channels=("pigeon",))), lambda _: None)
    assert list(state.iterdir()) == []


def test_it_is_started_again_and_stopped(state: Path) -> None:
    said: list[str] = []
    one = Companion(Settings(heartbeat=Heartbeat(file=str(state / "beat"))), said.append)
    one.look_after()
    first = running(one)
    one.look_after()
    assert running(one) == first
    wait_until((state / "ledger.sqlite3").exists, "its ledger")
    os.kill(first, signal.SIGKILL)

    def another() -> bool:
        one.look_after()
        return running(one) not in {0, first}

    wait_until(another, "another")
    assert said == ["the process that tells ended, and is started again"]
    second = running(one)
    one.stop()
    assert running(one) == 0
    assert not Path(f"/proc/{second}").exists()


def test_one_that_does_not_end_is_ended(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companion, "PATIENCE", 0.3)
    one = Companion(Settings(heartbeat=Heartbeat(file=str(state / "beat"))), lambda _: None)
    one.look_after()
    os.kill(running(one), signal.SIGSTOP)
    one.stop()
    assert running(one) == 0


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_if_it_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, abstract: bool) -> None:
    name = f"\0whosent-{os.getpid()}-{threading.get_ident()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(name)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        notify("READY=1")
        assert door.recv(100) == b"READY=1"
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "vsock:1:2")
    notify("READY=1")
