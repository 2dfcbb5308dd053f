"""`python -m benchmarks.generator --bytes 100m FOLDER`: one log and its truth.json into a folder."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import get_args

from benchmarks.generator import Recipe, generate
from benchmarks.generator.recipe import SATURDAY_MIDNIGHT, IdKind, Stamp
from benchmarks.sizes import size


def main() -> None:
    """Generate what the command line asks for; print what it came to."""
    parser = ArgumentParser(prog="python -m benchmarks.generator", description=__doc__)
    parser.add_argument("folder", type=Path, help="gets mail.log, mail.log.1 ... and truth.json")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bytes", type=size, default=100_000_000, dest="size", help="say 100m or 1g")
    parser.add_argument("--stamps", choices=get_args(Stamp), default="rfc3164")
    parser.add_argument("--ids", choices=get_args(IdKind), default="mixed")
    parser.add_argument("--hosts", type=int, default=1, help="one relay, the rest web servers behind it")
    parser.add_argument("--files", type=int, default=1, help="cut as rotation does")
    parser.add_argument("--hours", type=float, default=24.0, help="the time the log spans")
    parser.add_argument("--start", type=int, default=SATURDAY_MIDNIGHT, help="first second, Unix time")
    arguments = vars(parser.parse_args())
    folder = arguments.pop("folder")
    generated = generate(Recipe(**arguments), folder)
    generated.truth.save(folder / "truth.json")
    print(json.dumps(generated.truth.log))


if __name__ == "__main__":
    main()
