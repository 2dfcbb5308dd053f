"""``whosent setup``: show and install the few lines a server needs so that one suspect's mail alone can be stopped."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import msgspec
import typer

from whosent.cli.leaving import Exit, fail
from whosent.cli.options import console
from whosent.configuration import load
from whosent.containing.installing import Installing
from whosent.model.action import SetUp
from whosent.report import words
from whosent.setups import servers

Install = Annotated[bool, typer.Option("--install", help="Make the changes that are missing; twice changes nothing.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take back what --install made; what others wrote stays.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.setup/1).")]


def register(app: typer.Typer) -> None:
    """Add a command for each server."""
    group = typer.Typer(help="The few lines a server needs: shown, installed, taken out.", no_args_is_help=True,
                        rich_markup_mode=None)  # fmt: skip
    for name, module in servers().items():
        group.command(name)(_command(name, module.__doc__ or ""))
    app.add_typer(group, name="setup")


def _command(name: str, doc: str) -> Any:  # noqa: ANN401  # typer reads its signature
    def command(*, install: Install = False, undo: Undo = False, json: AsJson = False) -> None:
        _set_up(name, install=install, undo=undo, json=json)

    command.__doc__ = f"{doc.partition(chr(10))[0]}\n\nExample: whosent setup {name} --install"
    return command


def _set_up(name: str, *, install: bool, undo: bool, json: bool) -> None:
    if install and undo:
        fail("--install and --undo exclude each other.")
    if (install or undo) and os.geteuid():
        fail(f"only root may change the configuration: sudo whosent setup {name} {'--undo' if undo else '--install'}.")
    place = Installing(name, load(os.environ).containment)
    told = place.undo() if undo else place.install() if install else place.shown()
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()
    else:
        _show(told, name, install=install, undo=undo)
    raise SystemExit(Exit.CLEAN)


def _show(told: SetUp, name: str, *, install: bool, undo: bool) -> None:
    out = console()
    for one in told.changes:
        out.print(f"[{'x' if one.stands else ' '}] {words.visible(one.why)}")
        for line in one.what.splitlines():
            out.print(f"      {words.visible(line)}")
    missing = sum(not one.stands for one in told.changes)
    if undo:
        out.print(f"Taken back: {words.counted(told.changed, 'change')}.")
    elif install:
        out.print(f"Made: {words.counted(told.changed, 'change')}. Take back: whosent setup {name} --undo")
    else:
        out.print(f"{words.counted(missing, 'change')} missing. Make: whosent setup {name} --install" if missing else
                  "All of it stands.")  # fmt: skip
