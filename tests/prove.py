"""Everything ``make test`` proves, in order, each part with its time; stops at the first that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BIN: Final = Path(sys.executable).parent
COVERAGE: Final = ROOT / "build" / "coverage.json"
_BUDGET_SECONDS: Final = 20 * 60
_WORKERS: Final = str((os.cpu_count() or 1) * 2)  # tests of real servers mostly wait
_SPREAD: Final = ("-n", _WORKERS, "--dist", "loadfile", "--no-loadscope-reorder")  # in the order of tests/conftest.py


def run(title: str, *command: str) -> None:
    started = time.monotonic()
    print(f"\n== {title}", flush=True)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment.pop("WHOSENT_CONFIG", None)
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        sys.exit(f"{title}: failed (see above).")
    print(f"   {title}: {time.monotonic() - started:.0f} s", flush=True)


def documents() -> None:
    pages = [str(path) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if "[[[cog" in path.read_text()]
    if pages:
        run("generated parts of the documents are up to date", "cog", "--check", *pages)
    run("documentation builds", "sphinx-build", "-q", "-W", "-b", "html", "docs", "docs/_build")


def ratchet() -> None:
    """Each file reaches the floor, or has an excuse; an excuse that is no longer needed fails too."""
    rules = tomllib.loads((ROOT / "tests" / "coverage.toml").read_text())
    floor, excuses = rules["floor"], rules["excuses"]
    reached = {
        name: round(entry["summary"]["percent_covered"], 1)
        for name, entry in json.loads(COVERAGE.read_text())["files"].items()
    }
    wrong = [
        f"{name}: {share} % covered, {excuses.get(name, floor)} % needed"
        for name, share in reached.items()
        if share < excuses.get(name, floor)
    ]
    wrong += [
        f"{name}: reaches {reached[name]} %, strike its excuse" for name in excuses if reached.get(name, 0) >= floor
    ]
    wrong += [f"{name}: is excused but does not exist" for name in excuses if name not in reached]
    if wrong:
        sys.exit("coverage:\n  " + "\n  ".join(wrong))


def main() -> None:
    started = time.monotonic()
    run("style", "ruff", "check", ".")
    run("format", "ruff", "format", "--check", ".")
    run("types", "mypy")
    run("structure", "lint-imports")
    documents()
    COVERAGE.parent.mkdir(exist_ok=True)
    run("tests", "coverage", "run", "-m", "pytest", *_SPREAD, *sys.argv[1:])
    run("coverage is combined", "coverage", "combine", "-q")
    run("coverage is told", "coverage", "json", "-q", "-o", str(COVERAGE))
    ratchet()
    spent = time.monotonic() - started
    print(f"\nEverything proven in {spent / 60:.1f} minutes (budget: {_BUDGET_SECONDS // 60}).")


if __name__ == "__main__":
    main()
