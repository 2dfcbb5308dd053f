"""The one line of ``whosent status``: the worst comes first, and who cannot be told is said too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.report.reports import listing
from tests.telling.kit import NOW, condition, incident, kept, log
from whosent.model.alert import ChannelHealth
from whosent.model.condition import Condition
from whosent.model.lifecycle import KeptIncident, State
from whosent.report.status import Seen, status

FAILS = ChannelHealth(name="mail", taken=None, failed=NOW, failures=3, alerts=0, failed_ever=3, problem="timed out")
WARNING = kept(severity="warning", sentence="Bob is slow.")


def seen(
    now: Condition | None, incidents: Sequence[KeptIncident] = (), channels: Sequence[ChannelHealth] = (),
    waiting: int = 0, queued: Mapping[str, int] | None = None,
) -> Seen:  # fmt: skip
    return Seen(now, incidents, {"messages": 40, "bounced": 7}, queued or {"deferred": 12}, channels, waiting)


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        (seen(None), 3, "UNKNOWN - no watch has run here"),
        (seen(condition(NOW)), 0, "OK - Clean."),
        (seen(condition(NOW, verdict="unknown", sentence="Nothing yet.")), 3, "UNKNOWN - Nothing yet."),
        (seen(condition(NOW), [kept(State.CONTAINED)]), 0, "OK - Clean."),
        (seen(condition(NOW), [WARNING]), 1, "WARNING - Bob is slow."),
        (seen(condition(NOW - 999), [WARNING, kept()], [FAILS]), 2,
         f"CRITICAL - {incident().sentence} (and 1 more incident); the channel mail fails: timed out"),
        (seen(condition(NOW, running=False)), 3, "UNKNOWN - watch was stopped at"),
        (seen(condition(NOW - 61)), 3, "UNKNOWN - watch has said nothing since"),
        (seen(condition(NOW), (), [FAILS], 2), 2, "CRITICAL - 2 alerts reached nobody: the channel mail fails"),
        (seen(condition(NOW), (), [FAILS]), 1, "WARNING - the channel mail fails: timed out"),
        (seen(condition(NOW, log(NOW, problem="forbidden"))), 1, "WARNING - /var/log/mail.log: forbidden"),
        (seen(condition(NOW, problems=["The disk is full."])), 1, "WARNING - The disk is full."),
        (seen(condition(NOW, notices=[listing()])), 1, "WARNING - Our address is on a blocklist"),
    ],
)  # fmt: skip
def test_the_worst_comes_first(what: Seen, code: int, said: str) -> None:
    told = status(what, NOW)
    assert told.code == code
    assert told.text.startswith(f"WHOSENT {said}")


def test_the_numbers() -> None:
    told = status(seen(condition(NOW - 2, log(NOW)), [kept(), kept(State.CONTAINED)], [FAILS], 1), NOW).text
    numbers: dict[str, Any] = dict(one.split("=") for one in told.partition(" | ")[2].split())
    assert {name: numbers[f"'{name}'"].partition(";")[0] for name in (
        "incidents_open", "incidents_contained", "messages_1h", "bounced_1h", "sent_1h", "queue_deferred", "behind",
        "last_word", "alerts_waiting", "channels_failing",
    )} == {
        "incidents_open": "1", "incidents_contained": "1", "messages_1h": "40", "bounced_1h": "7", "sent_1h": "0",
        "queue_deferred": "12", "behind": "7B", "last_word": "2s", "alerts_waiting": "1", "channels_failing": "1",
    }  # fmt: skip
