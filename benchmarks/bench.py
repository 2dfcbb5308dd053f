"""What every benchmark is given: sizes, rounds, generated logs, a way to take turns."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import peer
from benchmarks.generator.truth import Truth
from benchmarks.measure import Command, Run, interleave
from benchmarks.sizes import written

if TYPE_CHECKING:
    from benchmarks.generator.recipe import Recipe
    from benchmarks.measure import Summary

ROOT = Path(__file__).resolve().parent.parent
WITHIN_A_SCAN = frozenset({0, 1, 2})
"""Clean, warning and critical are all answers; 3 is none."""


@dataclass(frozen=True, slots=True)
class Log:
    """A generated log and its truth, on disk."""

    folder: Path
    paths: list[str]
    """Oldest first."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(Path(path).stat().st_size for path in self.paths)

    def truth(self) -> Truth:
        """Read what really happened."""
        return Truth.load(self.folder / "truth.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The choices of one run."""

    size: int
    rounds: int
    seed: int
    workdir: Path
    population_seeds: tuple[int, ...]

    def log(self, recipe: Recipe) -> Log:
        """Generate a log in a process of its own, once; read it so that the disk plays no part."""
        choices = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
        folder = self.workdir / "-".join(str(choice) for choice in choices.values())
        truth = folder / "truth.json"
        if not truth.exists():
            say(f"generating {written(recipe.size)} in {folder}")
            shutil.rmtree(folder, ignore_errors=True)
            choices["bytes"] = choices.pop("size")
            options = [f"--{name}={choice}" for name, choice in choices.items()]
            program = [sys.executable, "-m", "benchmarks.generator", *options, str(folder)]
            subprocess.run(program, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        paths = [folder / (f"mail.log.{age}" if age else "mail.log") for age in reversed(range(recipe.files))]
        for path in paths:
            with path.open("rb") as file:
                while file.read(1 << 22):
                    pass
        return Log(folder, [str(path) for path in paths])

    def compare(self, commands: dict[str, Command], log: Log, *, rounds: int = 0) -> dict[str, Summary]:
        """Let these commands and the peer take turns on a log."""
        yardstick = peer.command(log.paths)
        if yardstick:
            commands = {**commands, peer.NAME: yardstick}
        return interleave(commands, rounds or self.rounds, tell)


def whosent(*arguments: str, output: Path | None = None) -> Command:
    """Run the program of this very tree."""
    program = [sys.executable, "-m", "whosent", *arguments]
    return Command(arguments=program, fine=WITHIN_A_SCAN, output=output)


def lacks(module: str) -> bool:
    """Tell whether a part of Whosent is not there yet."""
    try:
        return importlib.util.find_spec(module) is None
    except ModuleNotFoundError:
        return True


def tell(name: str, run: Run) -> None:
    """Report one run as it ends."""
    say(f"  {name}: cpu {run.cpu:.2f} s, wall {run.wall:.2f} s, peak {run.peak:.0f} MiB")


def say(text: str) -> None:
    """Speak to whoever waits, beside the results."""
    print(text, file=sys.stderr, flush=True)
