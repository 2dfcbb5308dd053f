"""The live screen: drawn by lines that change, keys to show, hold and release with confirmation; made for slow ssh.

All text is given as plain text, never as markup.  What is done is done by the commands a person would type, and their
plan is shown first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, NamedTuple

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import DataTable, Static

from whosent.console.view import COLUMNS, Row, View
from whosent.model.lifecycle import State
from whosent.report.words import visible_lines


class Answer(NamedTuple):
    """What one of our own commands said."""

    text: str
    well: bool  # it left with 0


Run = Callable[[Sequence[str], int], Answer]  # arguments, and the width its lines may have

_KEYS: Final = "up/down choose   Enter show   h hold   r release   q quit"
_TIMEOUT: Final = 3_600  # seconds: a big queue is held for a while


class Deed(NamedTuple):
    """What a key does to an incident."""

    word: str
    plan: tuple[str, ...]  # the command that only says what would be done; empty if there is none
    command: tuple[str, ...]


def hold(name: str) -> Deed:
    """Close the tap and hold what is queued."""
    return Deed("hold", ("incident", "contain", name, "--dry-run"), ("incident", "contain", name))


def release(name: str) -> Deed:
    """Let mail flow again."""
    return Deed("release", (), ("incident", "release", name, "--why", "released from the live screen"))


class Lines(Static):
    """Plain lines that are drawn again only if they changed."""

    def __init__(self, name: str) -> None:
        super().__init__("", markup=False, id=name)
        self.said = ""

    def say(self, text: str) -> None:
        """Show this."""
        if text != self.said:
            self.said = text
            self.update(text)


class Page(Screen[None]):
    """A page of text over the list; a deed can be confirmed on it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "Back"), ("q", "leave", "Back"), ("n", "leave", "No"), ("y", "confirm", "Yes"),
    ]  # fmt: skip
    CSS = """
    #title { height: 2; text-style: bold; }
    #text { height: auto; }
    #foot { height: 1; text-style: reverse; }
    VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    """

    def __init__(self, title: str, run: Run, first: tuple[str, ...], deed: Deed | None = None) -> None:
        super().__init__()
        self._title = title
        self._run = run
        self._first = first
        self._deed = deed
        self._read = False  # only a plan that was shown can be confirmed

    def compose(self) -> ComposeResult:
        """A title, the text, what can be pressed."""
        yield Lines("title")
        with VerticalScroll():
            yield Lines("text")
        yield Lines("foot")

    def on_mount(self) -> None:
        """Ask for the text."""
        self.query_one("#title", Lines).say(self._title)
        self._foot("")
        if self._first:
            self.query_one("#text", Lines).say("...")
            self._ask(self._first)
        else:
            self._read = True
            self._foot("")
            self.query_one("#text", Lines).say(
                f"This will run: whosent {' '.join(self._deed.command if self._deed else ())}"
            )

    @work(thread=True)
    def _ask(self, command: tuple[str, ...]) -> None:
        told = self._run(command, self.app.size.width - 2)
        self.app.call_from_thread(self._show, told)

    def _show(self, told: Answer) -> None:
        self.query_one("#text", Lines).say(told.text)
        self._read = True
        if not told.well:
            self._deed = None  # what can not be planned is not done
        self._foot("")

    def _foot(self, doing: str) -> None:
        asked = f"{self._deed.word}? y yes   n no" if self._deed and self._read else "Esc back"
        self.query_one("#foot", Lines).say(doing or f"{asked}   up/down scroll")

    def action_leave(self) -> None:
        """Back to the list."""
        self.dismiss(None)

    def action_confirm(self) -> None:
        """Do it, once."""
        if self._deed is not None and self._read:
            deed, self._deed = self._deed, None
            self._foot(f"{deed.word} ...")
            self._ask(deed.command)


class Top(App[None]):
    """The list of incidents under three lines of numbers."""

    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    #head { height: auto; max-height: 3; text-style: bold; }
    #outgoing, #queue { height: auto; max-height: 2; }
    #detail { height: 4; max-height: 4; }
    #keys { height: 1; text-style: reverse; }
    DataTable { height: 1fr; background: ansi_default; color: ansi_default; overflow-x: hidden; }
    DataTable > .datatable--header { text-style: underline; background: ansi_default; color: ansi_default; }
    DataTable > .datatable--cursor, DataTable:focus > .datatable--cursor {
        text-style: reverse; background: ansi_default; color: ansi_default; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"), ("h", "hold", "Hold"), ("r", "release", "Release"),
    ]  # fmt: skip

    def __init__(self, look: Callable[[float], View], run: Run, every: float = 2.0) -> None:
        super().__init__(ansi_color=True)
        self.animation_level = "none"
        self._look = look
        self._run = run
        self._every = every
        self._rows: tuple[Row, ...] = ()
        self._notice = ""  # stands in the place of the chosen one's sentences until another is chosen

    def compose(self) -> ComposeResult:
        """Numbers, list, the chosen one, keys."""
        yield Lines("head")
        yield Lines("outgoing")
        yield Lines("queue")
        yield DataTable(cursor_type="row", cell_padding=1, id="list")
        yield Lines("detail")
        yield Lines("keys")

    def on_mount(self) -> None:
        """Look at once, and every so often."""
        table = self._table()
        for title, width in COLUMNS:
            table.add_column(title, width=width, key=title)
        table.focus()
        self.query_one("#detail", Lines).say("Reading the incidents ...")
        self.query_one("#keys", Lines).say(_KEYS)
        self._refresh()
        self.set_interval(self._every, self._refresh)

    @work(thread=True, exclusive=True, group="look")
    def _refresh(self) -> None:
        view = self._look(time.time())
        self.call_from_thread(self._show, view)

    def _table(self) -> DataTable[Text]:
        return self.screen_stack[0].query_one(DataTable)

    def _show(self, view: View) -> None:
        if self._closes():
            return
        base = self.screen_stack[0]
        base.query_one("#head", Lines).say(view.head)
        base.query_one("#outgoing", Lines).say(view.outgoing)
        base.query_one("#queue", Lines).say(view.queue)
        if [row.id for row in view.rows] != [row.id for row in self._rows]:
            self._fill(view.rows)
        else:
            for old, new in zip(self._rows, view.rows, strict=True):
                for (column, _), before, after in zip(COLUMNS, old.cells, new.cells, strict=True):
                    if before != after:
                        self._table().update_cell(new.id, column, _plain(after))
        self._rows = view.rows
        self._tell_chosen()

    def _closes(self) -> bool:
        """Whether what is shown is being taken down: messages still come then."""
        return not self.is_running or not self.screen_stack or not self.screen_stack[0].query("#keys")

    def _fill(self, rows: Sequence[Row]) -> None:
        """Another order or other incidents: the chosen one stays chosen."""
        chosen = self._chosen()
        table = self._table()
        table.clear()
        for row in rows:
            table.add_row(*(_plain(cell) for cell in row.cells), key=row.id)
        places = [place for place, row in enumerate(rows) if chosen and row.id == chosen.id]
        table.move_cursor(row=places[0] if places else 0)

    def _chosen(self) -> Row | None:
        place = self._table().cursor_row
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def _tell_chosen(self) -> None:
        chosen = self._chosen()
        said = self._notice or (chosen.detail if chosen else "No incident is open or contained.")
        self.screen_stack[0].query_one("#detail", Lines).say(said)

    def on_data_table_row_highlighted(self) -> None:
        """Another one is chosen."""
        self._notice = ""
        if not self._closes():
            self._tell_chosen()

    def on_data_table_row_selected(self) -> None:
        """Enter: all that is known of it."""
        chosen = self._chosen()
        if chosen:
            self.push_screen(Page(f"Incident {chosen.id}", self._run, ("incident", "show", chosen.id)))

    def action_hold(self) -> None:
        """Close the tap of the chosen one, after its plan was read."""
        self._propose(hold, {State.OPEN})

    def action_release(self) -> None:
        """Take it back."""
        self._propose(release, {State.CONTAINED})

    def _propose(self, make: Callable[[str], Deed], states: set[State]) -> None:
        chosen = self._chosen()
        if chosen is None or len(self.screen_stack) > 1:
            return
        deed = make(chosen.id)
        if chosen.state not in states:
            self._notice = f"It is {chosen.state.value}: there is nothing to {deed.word}."
            self._tell_chosen()
            return
        self.push_screen(Page(f"{deed.word}: {chosen.cells[1]}", self._run, deed.plan, deed))


def _plain(text: str) -> Text:
    return Text(text)


def run_whosent(arguments: Sequence[str], width: int) -> Answer:
    """What our own command says, as lines that are safe to show."""
    command = [sys.executable, "-m", "whosent", *arguments]
    environment = {**os.environ, "COLUMNS": str(width), "NO_COLOR": "1"}
    try:
        done = subprocess.run(  # noqa: S603  # ourselves
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer(f"whosent {arguments[0]}: {error}", well=False)
    told = (done.stdout + done.stderr).decode(errors="replace").rstrip()
    return Answer("\n".join(visible_lines(told)) or "Done.", well=done.returncode == 0)
