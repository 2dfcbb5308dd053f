"""The live screen at 80x24: what it shows, what its keys do, and that no name steers it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from textual.pilot import Pilot

from tests.report.reports import form
from tests.telling.kit import condition, incident
from tests.telling.test_wording import HOSTILE
from tests.test_cli import CLEAN, run
from whosent.console.screen import Answer, Lines, Page, Top, run_whosent
from whosent.console.view import Reader, View
from whosent.model.finding import Suspect
from whosent.model.lifecycle import What
from whosent.store.alerts import Outbox
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import NAME, Ledger
from whosent.store.rates import QueueLength, Rates

NOW = 1_731_420_030.0
MINUTE = int(NOW // 60)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path)
    rates = Rates(ledger)
    rates.add({(MINUTE - back, "mx", "sent"): 40 + 1_100 * (back < 8) for back in range(1, 400)})
    rates.add({(MINUTE - back, "mx", "bounced"): 640 for back in range(1, 8)})
    rates.sampled(
        [QueueLength(NOW - 300, "mx", "/q", "deferred", 2_400), QueueLength(NOW - 300, "mx", "/q", "active", 0)]
    )
    rates.sampled([QueueLength(NOW, "mx", "/q", "deferred", 12_400), QueueLength(NOW, "mx", "/q", "active", 200)])
    incidents = Incidents(ledger)
    incidents.tell(incident(recipients=3_310))
    incidents.tell(form())
    incidents.move(form().id, What.CONTAINED, "carol")
    Conditions(ledger).tell(condition(NOW))
    ledger.close()
    return tmp_path


def reader(place: Path) -> Reader:
    return Reader(place, "mx", ZoneInfo("Europe/Berlin"), blocks=True)


def test_the_lines_of_a_moment(place: Path) -> None:
    view = reader(place).look(NOW)
    assert view.head == "mx: CRITICAL  1 incident open, 1 contained"
    assert view.outgoing == ("Out    1,780/min, a day's mean 10.6/min, refused 36 %  ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂███████")
    assert view.queue == "Queue  12,600: active 200, deferred 12,400; +2,040/min"
    assert [row.cells for row in view.rows] == [
        ("open !!", "alice@example.org", "     3,310", "[##    ] 36%", "12 Nov 14:03"),
        ("contained", "/var/www/html/contact.php", "     1,222", "[##    ] 32%", "12 Nov 10:12"),
    ]
    assert all(len(line) <= 80 for line in (view.head, view.outgoing, view.queue))


def test_the_norm_is_that_of_this_hour_of_the_week(place: Path) -> None:
    rates, hour = Rates(Ledger(place)), int(NOW // 3600) * 60
    for week, (left, waiting) in enumerate([(20, 50), (30, 80), (90, 2_000), (30, 90), (25, 70)], start=1):
        begin = hour - week * 7 * 24 * 60
        rates.add({(begin + at, "mx", "sent"): left for at in range(60)})
        rates.add({(begin + at, "mx", "sent"): 5_000 for at in range(60, 120)})  # the hour after is another matter
        for at in (10.0, 1_800.0):
            rates.sampled([QueueLength(begin * 60 + at, "mx", "/q", "deferred", waiting)])
            rates.sampled([QueueLength(begin * 60 + at, "web", "/q", "deferred", 1)])
    view = reader(place).look(NOW)
    assert view.outgoing.startswith("Out    1,780/min, usual now 30.0/min, refused 36 %  ")
    assert view.queue == "Queue  12,600, usual now 81: active 200, deferred 12,400; +2,040/min"
    assert len(view.outgoing) <= 80


def test_what_is_wrong_with_whosent_itself_stands_in_the_head(place: Path, tmp_path: Path) -> None:
    Outbox(Ledger(place)).failed("mail", "gone", NOW)
    assert reader(place).look(NOW + 90).head.endswith("; SILENT for 1 minute 30 seconds; channels that fail: mail")
    empty = reader(tmp_path / "empty").look(NOW)
    assert empty.head == "mx: CLEAN  0 incidents open, 0 contained; nobody watches: whosent watch"
    assert (empty.queue, empty.rows) == ("Queue  not looked at", ())
    assert "refused none" in empty.outgoing
    (tmp_path / "empty" / NAME).write_bytes(b"no database at all, and longer than a page" * 300)
    assert "cannot be opened" in reader(tmp_path / "empty").look(NOW).head


def test_without_blocks_it_is_plain_ascii(place: Path) -> None:
    assert Reader(place, "mx", ZoneInfo("UTC"), blocks=False).look(NOW).outgoing.isascii()


class Commands:
    """What was asked of our own commands, with an answer for each."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.well = True

    def __call__(self, command: Sequence[str], width: int) -> Answer:
        assert width == 78
        self.asked.append(tuple(command))
        return Answer(f"plan of {' '.join(command)}\n[bold]not markup[/bold]", well=self.well)


def on_screen(place: Path, play: Callable[[Pilot[None], Top, Commands], Awaitable[None]]) -> None:
    commands = Commands()
    app = Top(lambda _: reader(place).look(NOW), commands, every=0.1)

    async def played() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: bool(said(app, "head")))
            await play(pilot, app, commands)

    asyncio.run(played())


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    end = time.monotonic() + 180
    while not true():
        assert time.monotonic() < end
        await pilot.pause(0.05)


def said(app: Top, name: str) -> str:
    return app.screen.query_one(f"#{name}", Lines).said


def test_the_chosen_incident_is_told_below_the_list(place: Path) -> None:
    async def play(pilot: Pilot[None], app: Top, _: Commands) -> None:
        assert said(app, "detail").startswith("The account alice@example.org is being used")
        await pilot.press("down")
        await until(pilot, lambda: said(app, "detail").startswith("The form /var/www/html/contact.php"))
        Incidents(Ledger(place)).tell(incident(recipients=5_000, id="0" * 12))  # a worse one comes above it
        await until(pilot, lambda: app.query_one("#list").row_count == 3)  # type: ignore[attr-defined]  # a DataTable
        assert said(app, "detail").startswith("The form /var/www/html/contact.php")

    on_screen(place, play)


def test_hold_shows_its_plan_and_asks(place: Path) -> None:
    async def play(pilot: Pilot[None], app: Top, commands: Commands) -> None:
        await pilot.press("h")
        await until(pilot, lambda: isinstance(app.screen, Page) and said(app, "text").startswith("plan of"))
        assert commands.asked == [("incident", "contain", incident().id, "--dry-run")]
        assert "hold? y yes" in said(app, "foot")
        assert "[bold]not markup[/bold]" in said(app, "text")
        await pilot.press("n")
        assert not isinstance(app.screen, Page)
        assert len(commands.asked) == 1
        await pilot.press("h")
        await until(pilot, lambda: isinstance(app.screen, Page) and said(app, "text").startswith("plan of"))
        await pilot.press("y", "y", "y")
        await until(pilot, lambda: len(commands.asked) == 3 and said(app, "foot").startswith("Esc back"))
        assert commands.asked[2] == ("incident", "contain", incident().id)
        await pilot.press("escape")
        await pilot.press("r")
        assert said(app, "detail") == "It is open: there is nothing to release."

    on_screen(place, play)


def test_what_cannot_be_planned_cannot_be_done(place: Path) -> None:
    async def play(pilot: Pilot[None], app: Top, commands: Commands) -> None:
        commands.well = False
        await pilot.press("h")
        await until(pilot, lambda: isinstance(app.screen, Page) and said(app, "text").startswith("plan of"))
        assert said(app, "foot").startswith("Esc back")
        await pilot.press("y", "n")
        assert len(commands.asked) == 1

    on_screen(place, play)


def test_release_and_show(place: Path) -> None:
    async def play(pilot: Pilot[None], app: Top, commands: Commands) -> None:
        await pilot.press("down", "r")
        await until(pilot, lambda: isinstance(app.screen, Page))
        assert said(app, "text").startswith(f"This will run: whosent incident release {form().id}")
        await pilot.press("y")
        await until(pilot, lambda: len(commands.asked) == 1 and said(app, "text").startswith("plan of"))
        assert commands.asked[0][:3] == ("incident", "release", form().id)
        await pilot.press("q", "enter")
        await until(pilot, lambda: len(commands.asked) == 2)
        assert commands.asked[1] == ("incident", "show", form().id)
        await pilot.press("escape", "q")

    on_screen(place, play)


def test_no_name_steers_the_screen(place: Path) -> None:
    name = f"[red]x[/red] [@click=app.quit]y[/] {HOSTILE}"
    Incidents(Ledger(place)).tell(
        incident(
            id="1" * 12,
            recipients=9_000,
            refused=8_000,
            suspect=Suspect(kind="form", name=name),
            sentence=f"{name} sends.",
        )
    )

    async def play(_: Pilot[None], app: Top, __: Commands) -> None:
        assert said(app, "detail").startswith("[red]x[/red] [@click=app.quit]y[/] x\\x1b[2J")
        drawn = app.export_screenshot()
        assert "[red]x" in re.sub(r"<[^>]+>", "", drawn).replace("&#160;", " ")
        assert "\x1b" not in drawn

    on_screen(place, play)


# ------------------------------------------------------------------ on a terminal


def test_a_quiet_screen_sends_next_to_nothing(place: Path) -> None:
    """A slow line: after the first picture, only what changes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "whosent", "top", "--every", "0.5"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT,
        env={**os.environ, "WHOSENT_STATE": str(place), "TERM": "xterm", "NO_COLOR": "1", "LANG": "C.UTF-8"},
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)

    def heard(seconds: float, mark: bytes = b"") -> bytes:
        got, end = b"", time.monotonic() + seconds
        while time.monotonic() < end and not (mark and mark in got):
            if select.select([ours], [], [], 0.05)[0]:
                got += os.read(ours, 65_536)
        return got

    try:
        first = heard(180, b"alice@example.org")
        assert b"alice@example.org" in first
        assert not re.search(rb"\x1b\[[0-9;]*[34]8;", first), "no colour was asked for"
        assert b"\x1b[?1000h" not in first, "the mouse is left to the terminal"
        assert any(len(heard(3)) < 600 for _ in range(40)), "it never falls quiet"
        os.write(ours, b"q")
        heard(180, b"\x1b[?1049l")
        assert process.wait(180) == CLEAN
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_once_prints_plain_lines(place: Path) -> None:
    done = run("top", "--once", stdin=b"", WHOSENT_STATE=str(place), PYTHONIOENCODING="ascii")
    assert done.returncode == CLEAN
    assert done.stdout.startswith(b"")
    assert b"alice@example.org" in done.stdout
    assert b"\x1b" not in done.stdout


def test_our_own_commands_answer_in_visible_lines() -> None:
    told = run_whosent(["incident", "show", "\x1b[31mx"], 78)
    assert not told.well
    assert "no incident has the id" in told.text
    assert "\x1b" not in told.text


def test_a_key_before_the_first_look_does_nothing_and_the_screen_says_why(place: Path) -> None:
    looked = threading.Event()
    commands = Commands()

    def slow(_: float) -> View:
        looked.wait(180)
        return reader(place).look(NOW)

    async def played() -> None:
        app = Top(slow, commands, every=5)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("h", "r", "enter")
            assert said(app, "detail") == "Reading the incidents ..."
            looked.set()
            await until(pilot, lambda: said(app, "detail").startswith("The account alice@example.org"))
            assert not commands.asked

    asyncio.run(played())


def test_a_plan_that_was_not_shown_cannot_be_confirmed(place: Path) -> None:
    shown = threading.Event()
    asked: list[tuple[str, ...]] = []

    def slow(command: Sequence[str], _: int) -> Answer:
        asked.append(tuple(command))
        shown.wait(180)
        return Answer("the plan", well=True)

    async def played() -> None:
        app = Top(lambda _: reader(place).look(NOW), slow, every=5)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: bool(said(app, "head")))
            await pilot.press("h", "y", "y")
            await until(pilot, lambda: len(asked) == 1)
            shown.set()
            await until(pilot, lambda: said(app, "text") == "the plan")
            assert len(asked) == 1

    asyncio.run(played())
