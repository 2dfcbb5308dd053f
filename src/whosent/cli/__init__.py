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
from typing import TYPE_CHECKING, Annotated, Final

import typer

from whosent.cli.leaving import Exit, fail
from whosent.model.mistake import Mistake

__all__ = ["Exit", "app", "main"]

if TYPE_CHECKING:
    from collections.abc import Iterable

    app: typer.Typer

_loaded: set[str] = set()
_ALLOCATIONS: Final = 50_000  # rows make no cycles: looking for them every 700 allocations costs a fifth

_program = typer.Typer(
    name="whosent",
    help="Is my network sending spam, who sent it, and how do I make it stop?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _say_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it so
    if wanted:
        from importlib.metadata import version as installed  # noqa: PLC0415  # a fifth of the start of every command

        sys.stdout.write(f"whosent {installed('whosent')}\n")
        raise typer.Exit


@_program.callback()
def whosent(
    *,
    version: Annotated[  # its callback answers
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Take options that stand before the command."""


def _commands() -> list[str]:
    """The names of all commands; ``scan``, the main one, first."""
    return sorted((module.name for module in pkgutil.iter_modules(__path__)), key=lambda name: (name != "scan", name))


def _load(names: Iterable[str]) -> None:
    for name in names:
        if name not in _loaded:
            _loaded.add(name)
            module = importlib.import_module(f"{__name__}.{name}")
            if hasattr(module, "register"):
                module.register(_program)


def __getattr__(name: str) -> typer.Typer:
    """``app``, the program with all its commands."""
    if name != "app":
        raise AttributeError(name)
    _load(_commands())
    return _program


def main() -> None:
    """Run the command line; interrupted or cut off, leave quietly.

    Loaded is the one command that is asked for, and none for the version: most of a short run would else be loading
    the others.
    """
    gc.set_threshold(_ALLOCATIONS)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    asked, commands = sys.argv[1:2], _commands()
    _load(asked if asked and asked[0] in commands else [] if asked == ["--version"] else commands)
    try:
        _program()
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
    finally:
        gc.freeze()  # all ends with this process: looking for cycles in it takes a thirtieth of a scan
