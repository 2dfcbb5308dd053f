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
from xml.etree import ElementTree as ET

ROOT: Final = Path(__file__).parents[1]
BIN: Final = Path(sys.executable).parent
COVERAGE: Final = ROOT / "build" / "coverage.json"
FAILED: Final = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
ALONE: Final = ROOT / "build" / "alone.xml"
_SOME_FAILED: Final = 1  # how pytest ends that ran all it was asked for; 2: it was stopped, or could not read a test
_BUDGET_SECONDS: Final = 20 * 60
_WORKERS: Final = str((os.cpu_count() or 1) * 2)  # tests of real servers mostly wait
_UNSTEADY: Final = 3  # tests that may fail once beside others, if they pass alone
_SPREAD: Final = ("-n", _WORKERS, "--dist", "loadfile", "--no-loadscope-reorder")  # in the order of tests/conftest.py


def run(title: str, *command: str) -> None:
    if outcome(title, *command):
        sys.exit(f"{title}: failed (see above).")


def outcome(title: str, *command: str) -> int:
    started = time.monotonic()
    print(f"\n== {title}", flush=True)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment.pop("WHOSENT_CONFIG", None)
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    print(f"   {title}: {time.monotonic() - started:.0f} s", flush=True)
    return code


def tests(*chosen: str) -> None:
    """All of them beside each other; a few that fail there are tried once more alone, and told to be unsteady.

    Real servers under load now and then show a race that is the test's own.  What is broken fails both times.  What
    stopped the run, or is skipped when it is alone, has not passed.
    """
    measured = ("coverage", "run", "-m", "pytest")
    code = outcome("tests", *measured, *_SPREAD, *chosen)
    if not code:
        return
    failed = [*json.loads(FAILED.read_text())] if FAILED.exists() else []
    if code != _SOME_FAILED or not 0 < len(failed) <= _UNSTEADY:
        sys.exit("tests: failed (see above).")
    again = ("--last-failed", "--last-failed-no-failures", "none", f"--junit-xml={ALONE}")
    run("tests that failed, alone", *measured, *again, *chosen)
    suite = ET.parse(ALONE).getroot().find("testsuite")
    if suite is None or (suite.get("tests"), suite.get("skipped")) != (str(len(failed)), "0"):
        sys.exit("tests that failed, alone: not all of them were run (see above).")
    print("\nUNSTEADY, to be mended: failed beside others, passed alone:", *failed, sep="\n   ")


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
    FAILED.unlink(missing_ok=True)
    tests(*sys.argv[1:])
    run("coverage is combined", "coverage", "combine", "-q")
    run("coverage is told", "coverage", "json", "-q", "-o", str(COVERAGE))
    ratchet()
    spent = time.monotonic() - started
    print(f"\nEverything proven in {spent / 60:.1f} minutes (budget: {_BUDGET_SECONDS // 60}).")


if __name__ == "__main__":
    main()
