"""The command line: one file a command, found by its name; arguments in, answers out, exit codes as plugins use them.

A file of this folder that exports ``register`` adds its command (or group of commands) to the program with it.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
import signal
import sys
import traceback
from importlib.metadata import version as installed
from typing import Annotated, Final

import typer

from whosent.cli.leaving import Exit, fail
from whosent.model.mistake import Mistake

__all__ = ["Exit", "app", "main"]

_ALLOCATIONS: Final = 50_000  # rows make no cycles: looking for them every 700 allocations costs a fifth

app = typer.Typer(
    name="whosent",
    help="Is my network sending spam, who sent it, and how do I make it stop?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _say_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        sys.stdout.write(f"whosent {installed('whosent')}\n")
        raise typer.Exit


@app.callback()
def whosent(
    *,
    version: Annotated[  # its callback answers
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Take options that stand before the command."""


def _register() -> None:
    """Add the commands of this folder; ``scan``, the main one, first."""
    names = sorted((module.name for module in pkgutil.iter_modules(__path__)), key=lambda name: (name != "scan", name))
    for name in names:
        module = importlib.import_module(f"{__name__}.{name}")
        if hasattr(module, "register"):
            module.register(app)


_register()


def main() -> None:
    """Run the command line; interrupted or cut off, leave quietly."""
    gc.set_threshold(_ALLOCATIONS)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app()
    except Mistake as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except SystemExit as leaving:
        if leaving.code in (None, 0) or isinstance(leaving.code, Exit):
            raise
        raise SystemExit(130 if leaving.code == 130 else Exit.UNKNOWN) from None  # noqa: PLR2004  # a wrong option is no spam
    except OSError as error:
        fail(f"{error.filename or 'the run failed'}: {error.strerror or error}.")
    except Exception:  # noqa: BLE001  # leaves with 3 all the same
        traceback.print_exc()
        sys.stderr.write("whosent: this is a fault of Whosent, not yours; please report it with the lines above.\n")
        raise SystemExit(Exit.UNKNOWN) from None  # Python's own 1 would say "warning"
