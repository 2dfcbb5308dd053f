"""The stories of the cases, told by Exim's log: the same culprits, and the same people left alone."""

from __future__ import annotations

import importlib
from datetime import UTC
from typing import TYPE_CHECKING

import pytest

from tests.stories.on_exim import HOME, main_log
from whosent import answer, walk
from whosent.model.settings import Settings
from whosent.sources.files import Source

if TYPE_CHECKING:
    from pathlib import Path

    from whosent.model.report import Report

ALICE = ("account", "alice@corp.example")
GUILTY = {
    "stolen_account": {ALICE},
    "slow_account": {ALICE},
    "campaign_only": {ALICE},
    "infected_host": {("host", "10.0.7.31")},
    "open_relay": {("relay", "185.220.1.9"), ("relay", "91.240.118.5")},
    "contact_form": {("script", "/var/www/html")},  # Exim knows the folder
    "spam_by_script": {("script", HOME)},
    "script_without_web_log": {("script", HOME)},
    "dirty_list": {("list", "newsletter@corp.example")},
}
INNOCENT = (
    "newsletter_daily", "outage", "monday_morning", "ticket_system", "new_employee", "crowd", "web_shop", "monitoring",
    "listed_for_everybody", "forwarding", "traveller", "guessing_in_vain", "inbound_gateway",
)  # fmt: skip


def report(place: Path, story: str) -> Report:
    module, _, function = story.partition(":")
    log = place / "mainlog"
    log.write_bytes(main_log(getattr(importlib.import_module(f"tests.stories.{module}"), function)()))
    inputs = walk.prepare([Source(str(log), log)], Settings(), UTC)
    done = walk.scan(inputs, Settings(), lambda _: None, UTC)
    assert inputs[0].reader.counts.unknown == 0, inputs[0].reader.counts.not_understood
    return answer.report(done, answer.read_back(done), [])


@pytest.mark.parametrize("story", GUILTY)
def test_the_culprit_is_the_same(tmp_path: Path, story: str) -> None:
    told = report(tmp_path, f"abuse:{story}")
    accused = {(one.suspect.kind, one.suspect.name) for one in told.incidents if one.severity == "critical"}
    if story == "dirty_list":
        accused = {(one.suspect.kind, one.suspect.name) for one in told.incidents}
    assert accused == GUILTY[story], [one.sentence for one in told.incidents]
    first = told.incidents[0]
    assert "Exim log" in first.witnesses
    assert not any("post" in command for step in first.remedies for command in [*step.commands, *step.undo])
    assert any("exim -Mf" in command for step in first.remedies for command in step.commands)


@pytest.mark.parametrize("story", INNOCENT)
def test_the_innocent_are_left_alone(tmp_path: Path, story: str) -> None:
    told = report(tmp_path, f"bulk:{story}")
    assert not [one.sentence for one in told.incidents if one.severity == "critical"]
