"""A real ``whosent watch`` and a real receiver: told at once, once also across kill -9; numbers, heartbeat."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.kit import Daemon
from tests.live.test_killed import LOGS, Writer
from tests.metrics.test_metrics import told
from tests.ports import free_port
from tests.telling.kit import Receiver, alive, companions, wait_until, web


class Scene:
    """Recorded logs that grow, a receiver, and a daemon that tells it."""

    def __init__(self, place: Path, receiver: Receiver) -> None:
        self.writer = Writer(place / "log", 4)
        self.port = free_port()
        self.beat = place / "beat"
        self.state = place / "state"
        self.settings = {
            "WHOSENT_ALERTS__CHANNELS": "webhook",
            "WHOSENT_ALERTS__WEBHOOK_URL": receiver.url,
            "WHOSENT_HEARTBEAT__FILE": str(self.beat),
            "WHOSENT_METRICS__LISTEN": f"127.0.0.1:{self.port}",
        }

    def start(self) -> Daemon:
        self.daemon = Daemon(self.state, [self.writer.folder / name for name in LOGS], **self.settings)
        self.daemon.until("")
        return self.daemon

    def numbers(self) -> dict[tuple[str, ...], float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
                return told(answer.read().decode())
        except urllib.error.URLError:
            return {}


class Cast:
    """All scenes of a test; none goes on after it."""

    def __init__(self) -> None:
        self._scenes: list[Scene] = []

    def join(self, place: Path, receiver: Receiver) -> Scene:
        self._scenes.append(Scene(place, receiver))
        return self._scenes[-1]

    def leave(self) -> None:
        for scene in self._scenes:
            if scene.daemon.process.poll() is None:
                scene.daemon.kill()


@pytest.fixture
def cast() -> Iterator[Cast]:
    all_ = Cast()
    yield all_
    all_.leave()


def opened(receiver: Receiver) -> list[str]:
    return [one["incident"] for one in receiver.alerts() if "opened" in one["news"]]


def test_an_outbreak_is_told_while_it_goes_on_and_once_whenever_it_is_killed(tmp_path: Path, cast: Cast) -> None:
    with web(204) as receiver:
        scene = cast.join(tmp_path, receiver)
        daemon = scene.start()
        for part in range(3):
            scene.writer.write(part)
        wait_until(lambda: opened(receiver), "an alert")
        daemon.kill()
        scene.writer.write(3)
        daemon = scene.start()
        wait_until(lambda: len(opened(receiver)) >= 2, "both incidents")
        wait_until(scene.beat.exists, "the heartbeat")
        numbers: dict[tuple[str, ...], float] = {}

        def all_told() -> bool:
            numbers.update(scene.numbers())
            return numbers.get(("whosent_alerts_waiting",)) == 0 and numbers.get(("whosent_running",)) == 1

        wait_until(all_told, "all is told")
        daemon.stop()
    told_once = {one["id"] for one in receiver.alerts()}
    assert len(receiver.alerts()) - len(told_once) <= 1, "at most the one that was being sent when it was killed"
    assert len(set(opened(receiver))) == len({one["id"] for one in receiver.alerts() if "opened" in one["news"]})
    assert numbers["whosent_incidents", "critical", "open"] >= 1
    assert {one["suspect"]["kind"] for one in receiver.alerts() if one["suspect"]} >= {"account"}


def test_the_process_that_tells_is_started_again_and_ends_with_the_daemon(tmp_path: Path, cast: Cast) -> None:
    with web(204) as receiver:
        scene = cast.join(tmp_path, receiver)
        daemon = scene.start()
        wait_until(lambda: companions(daemon.process.pid), "the process that tells")
        [first] = companions(daemon.process.pid)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: set(companions(daemon.process.pid)) - {first}, "another")
        [second] = set(companions(daemon.process.pid)) - {first}
        daemon.kill()
        wait_until(lambda: not alive(second), "its end")
