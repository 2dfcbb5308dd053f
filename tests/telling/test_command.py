"""``whosent alert`` as people and machines call it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.telling.kit import NOW, condition, incident, web
from tests.test_cli import CLEAN, CRITICAL, UNKNOWN, WARNING, run
from whosent.model.settings import Alerts, Settings
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.telling.composing import Composer


def alert(state: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    variables = {f"WHOSENT_ALERTS__{name.upper()}": value for name, value in settings.items()}
    return run("alert", *arguments, stdin=b"", WHOSENT_STATE=str(state), COLUMNS="100", **variables)


def test_a_test_through_each_channel(tmp_path: Path) -> None:
    with web(204) as receiver:
        some = {"channels": "webhook,mail", "webhook_url": receiver.url, "mail_relay": "localhost:25", "mail_to": "a@b"}
        done = alert(tmp_path, "test", **some)
        assert done.returncode == WARNING, done.stderr
        first, second = done.stdout.decode().splitlines()[:2]
        assert first == "webhook: taken within less than a second"
        assert second.startswith("mail: not taken: alerts.mail_relay: localhost is this machine, whose mail may be")
        assert receiver.alerts()[0]["sentence"].startswith("This is a test")
        told = json.loads(alert(tmp_path, "test", "--channel", "webhook", "--json", **some).stdout)
        assert (told["schema"], told["channel"], told["taken"], told["problem"]) == (
            "whosent.alert/1",
            "webhook",
            True,
            None,
        )
    assert alert(tmp_path, "test", channels="command", command="false").returncode == CRITICAL


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        ((), {}, b"no channel is configured. Set alerts.channels"),
        (("--channel", "pigeon"), {}, b"there is no channel 'pigeon'"),
        ((), {"channels": "pigeon"}, b"alerts.channels: there is no channel 'pigeon'"),
    ],
)
def test_what_cannot_be_tried(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], said: bytes
) -> None:
    done = alert(tmp_path, "test", *arguments, **settings)
    assert done.returncode == UNKNOWN
    assert said in done.stderr


def test_what_was_told_and_what_waits(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    Incidents(ledger).tell(incident())
    composer = Composer(ledger, Settings(alerts=Alerts()), "mx")
    composer.incidents(NOW, all_open=True)
    composer.outbox.failed("webhook", "timed out", NOW)
    done = alert(tmp_path, "list")
    assert done.returncode == WARNING
    assert b"1 alert shown, 1 still to be told." in done.stdout
    assert b"waiting  opened: account alice@example.org on mx, stolen account" in done.stdout
    assert b"webhook: failed 1 time in a row: timed out" in done.stdout
    [kept] = [json.loads(line) for line in alert(tmp_path, "list", "--json").stdout.splitlines()]
    assert (kept["schema"], kept["state"], kept["alert"]["news"]) == ("whosent.alert/1", "waiting", ["opened"])
    assert alert(tmp_path / "empty", "list").returncode == CLEAN


def test_the_timer_tells_that_the_watch_fell_silent_and_is_back(tmp_path: Path) -> None:
    conditions = Conditions(Ledger(tmp_path))
    assert alert(tmp_path, "check").returncode == CLEAN
    conditions.tell(condition(time.time() - 400))
    with web(204) as receiver:
        settings = {"channels": "webhook", "webhook_url": receiver.url}
        assert [alert(tmp_path, "check", **settings).returncode for _ in range(2)] == [CRITICAL] * 2
        conditions.tell(condition(time.time()))
        assert [alert(tmp_path, "check", **settings).returncode for _ in range(2)] == [CLEAN] * 2
        assert [one["title"] for one in receiver.alerts()] == ["Whosent fell silent", "Whosent is back"]
