"""``whosent config``: every setting, its meaning, its default and its value in force."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from whosent.configuration import load
from whosent.model import knobs


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(config)


def config(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.config/1).")] = False,
) -> None:
    """Print every setting with what it does, its default and its value in force; the output is a configuration file.

    Example: whosent config > /etc/whosent/whosent.toml
    """
    settings = load(os.environ)
    sys.stdout.buffer.write(knobs.as_json(settings) if json else knobs.as_toml(settings).encode())
    sys.stdout.buffer.flush()
