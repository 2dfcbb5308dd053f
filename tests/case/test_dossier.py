"""A blocklist is asked only where spam has stopped, something was changed, and silence is proven; gaps are printed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests.report import reports
from whosent import presence
from whosent.blocklists import ALIVE, named
from whosent.case.dossier import Asked, dossier
from whosent.case.request import text
from whosent.cli import app
from whosent.cli.leaving import Exit
from whosent.configuration import zone_of
from whosent.model.case import Change
from whosent.model.dossier import Dossier
from whosent.model.finding import Level
from whosent.model.report import Bucket, Report
from whosent.model.settings import Settings
from whosent.sources.files import at_path
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger

STOP = datetime.fromisoformat(reports.guilty().incidents[0].until)
LISTED = named("zen.spamhaus.org")
DONE = Change(at="2024-11-12T15:00:00Z", who="anna on mx", text="new password", level=Level.CLAIMED)


def stamp(hours: float) -> str:
    return (STOP + timedelta(hours=hours)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def log(path: Path, hours: list[float], host: str = "mx", start: datetime = STOP) -> Path:
    """A mail server that has little to do."""
    lines = [
        f"{(start + timedelta(hours=each)).astimezone(UTC).isoformat()} {host} postfix/smtpd[7]: connect from "
        f"unknown[192.0.2.7]\n"
        for each in hours
    ]
    path.write_text("".join(lines))
    return path


def quiet(**changes: object) -> Report:
    """A scan of the logs since, in which nothing was found."""
    report = msgspec.structs.replace(
        reports.clean(), window=None, hosts=["mx"], timezone="UTC",
        coverage=msgspec.structs.replace(reports.clean().coverage, sources=[]),
    )  # fmt: skip
    return msgspec.structs.replace(report, **changes)


def made(tmp_path: Path, hours: list[float], report: Report | None = None, **changes: Any) -> Dossier:  # noqa: ANN401
    assert LISTED is not None
    source = at_path(log(tmp_path / "mail.log", hours))
    report = report or quiet()
    asked = Asked(
        incident=reports.guilty().incidents[0], blocklist=LISTED, address="192.0.2.10", changes=[DONE], hosts=["mx"],
        since=report, presence=presence.of([source], Settings(), zone_of("UTC")), now=STOP + timedelta(hours=30.5),
    )  # fmt: skip
    return dossier(msgspec.structs.replace(asked, **changes))


HALF_HOURS = [half / 2 for half in range(-2, 61)]


def test_proven_silence_makes_a_request_that_names_nobody(tmp_path: Path) -> None:
    bucket = Bucket(start=stamp(2), sent=40, deferred=1, refused=3, culprits={})
    before = Bucket(start=stamp(-2), sent=400, deferred=1, refused=300, culprits={})
    overview = msgspec.structs.replace(quiet().overview, timeline=[before, bucket])
    one = made(tmp_path, HALF_HOURS, quiet(overview=overview))
    assert (one.ready, one.refusals, one.gaps) == (True, [], [])
    assert (one.proven_hours, one.wanted_hours, one.sent, one.refused) == (30.0, 24, 40, 3)
    assert one.stopped == reports.guilty().incidents[0].until
    for said in (
        "192.0.2.10",
        "Spamhaus ZEN",
        "new password",
        "the last sign of it was on",
        "From that last sign until",
        "40 recipients accepted, 3 refused",
        "30.0 hours",
    ):
        assert said in one.draft
    assert "alice" not in one.draft
    assert one.draft in text(one, UTC)
    assert "do not ask" not in text(one, UTC)
    assert any("queue was not looked at" in limit for limit in one.limits)


def test_a_gap_in_the_logs_is_no_silence_and_is_printed(tmp_path: Path) -> None:
    one = made(tmp_path, [each for each in HALF_HOURS if not 5 < each < 15])
    assert not one.ready
    assert [(gap.host, gap.since, gap.until) for gap in one.gaps] == [
        ("mx", stamp(5 + 1 / 60)[:17] + "00Z", stamp(15)[:17] + "00Z")
    ]
    assert one.proven_hours == pytest.approx(20, abs=0.1)
    assert "1 gap" in one.refusals[0]
    assert "Gap        mx:" in text(one, UTC)
    assert one.draft == ""


def test_a_host_whose_log_is_missing_counts(tmp_path: Path) -> None:
    one = made(tmp_path, HALF_HOURS, hosts=["mx", "web"])
    assert not one.ready
    assert [gap.host for gap in one.gaps] == ["web"]
    assert one.proven_hours == 0


@pytest.mark.parametrize(
    ("changes", "said"),  # "hours": how long the logs go on
    [
        ({"changes": []}, "Nothing is known of what was changed"),
        ({"now": STOP + timedelta(hours=40)}, "nothing is known of the time from then until now"),
        ({"hours": 12, "now": STOP + timedelta(hours=12)}, "of the 24 hours"),
        ({"hours": -0.5, "now": STOP}, "no log here reaches beyond"),
        ({"blocklist": msgspec.structs.replace(ALIVE[0], how="none")}, "lets nobody go on request"),
        ({"since": quiet(coverage=reports.guilty().coverage)}, "Not everything was read"),
    ],
)
def test_it_refuses_and_says_why(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    until = changes.pop("hours", 60)
    one = made(tmp_path, [each for each in HALF_HOURS if each <= until], **changes)
    assert not one.ready
    assert any(said in reason for reason in one.refusals), one.refusals
    assert said in text(one, UTC)
    assert text(one, UTC).startswith("Spamhaus ZEN, 192.0.2.10: NOT ready: do not ask yet.\n")


def test_while_spam_flows_nobody_is_asked(tmp_path: Path) -> None:
    alice = reports.guilty().incidents[0]
    later = msgspec.structs.replace(alice, until=stamp(20), ongoing=False)
    one = made(tmp_path, HALF_HOURS, quiet(incidents=[later]))
    assert (one.stopped, one.ready) == (stamp(20), False)
    other = msgspec.structs.replace(
        alice, id="bob", until=stamp(3), ongoing=False, sentence="The account bob sends spam."
    )
    one = made(tmp_path, HALF_HOURS, quiet(incidents=[other]))
    assert one.refusals == ["Spam flowed after this incident: The account bob sends spam."]
    one = made(tmp_path, HALF_HOURS, quiet(incidents=[msgspec.structs.replace(alice, ongoing=True)]))
    assert one.refusals[0].startswith("Spam still flows: ")
    assert reports.guilty().queue is None or one.queue_looked_at is False


# ------------------------------------------------------------------ the command


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["incident", "dossier", *map(str, arguments)])


@pytest.fixture
def scan(tmp_path: Path, state: Path) -> Path:
    """The incident, as it was found a day and a half ago."""
    now = datetime.now(UTC)
    old = reports.guilty().incidents[0]
    moved = msgspec.structs.replace(
        old, ongoing=False, since=(now - timedelta(hours=40)).isoformat(), until=(now - timedelta(hours=30)).isoformat()
    )
    path = tmp_path / "scan.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(reports.guilty(), incidents=[moved], hosts=["mx"])))
    assert not state.exists()
    return path


def test_the_command_asks_only_when_it_is_time(tmp_path: Path, scan: Path) -> None:
    now = datetime.now(UTC)
    logs = log(tmp_path / "mail.log", [-half / 2 for half in range(61, 0, -1)], start=now)
    arguments = ("", "--report", scan, "--logs", logs, "--list", "CSS", "--address", "192.0.2.10", "--timezone", "UTC")
    refused = run(*arguments)
    assert refused.exit_code == Exit.WARNING
    assert "Nothing is known of what was changed" in refused.stdout
    ready = run(*arguments, "--change", "2024-11-12T17:00Z new password", "--json")
    assert ready.exit_code == Exit.CLEAN, ready.output
    told = json.loads(ready.stdout)
    assert (told["schema"], told["ready"], told["changes"][0]["text"]) == ("whosent.dossier/1", True, "new password")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--list", "dnsbl.sorbs.net", "--address", "192.0.2.10"), "SORBS ended in June 2024"),
        (("--list", "nobody.example", "--address", "192.0.2.10"), "no list that Whosent knows"),
        (("--list", "CSS", "--address", "example.org"), "lists addresses"),
        (("--list", "dbl.spamhaus.org", "--address", "192.0.2.10"), "lists domains"),
        (("--list", "CSS", "--address", "192.0.2.10"), "which logs?"),
    ],
)
def test_a_mistake_is_one_sentence(scan: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run("", "--report", scan, *arguments)
    assert done.exit_code == Exit.UNKNOWN
    assert said in done.stderr


def test_an_incident_of_the_ledger_or_of_these_very_logs(tmp_path: Path, scan: Path, state: Path) -> None:
    logs = log(tmp_path / "mail.log", [-half / 2 for half in range(61, 0, -1)], start=datetime.now(UTC))
    arguments = ("--logs", logs, "--list", "CSS", "--address", "192.0.2.10", "--timezone", "UTC")
    known = msgspec.json.decode(scan.read_bytes(), type=Report).incidents[0]
    unknown = run(known.id, *arguments)
    assert "no incident that could be meant" in str(unknown.exception)  # main() makes a sentence and 3 of it
    Incidents(Ledger(state)).tell(known)
    kept = run(known.id, *arguments)
    assert kept.exit_code == Exit.WARNING, kept.output
    assert "Nothing is known of what was changed" in kept.stdout
