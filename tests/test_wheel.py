"""What is installed, not what is edited: a wheel with its compiled parts finds the same and says the same."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHONPATH"))}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    before = compiled_here()
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True, env=UNMEASURED)
    assert compiled_here() == before, "what runs from this tree meanwhile needs its library"
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    if not list((folder / "site").rglob("meter.*.so")) and os.environ.get("CI") != "true":
        pytest.skip("nothing could be compiled here: it needs a C compiler, Python's headers and PCRE2")
    return folder / "site"


def compiled_here() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (ROOT / "src").rglob("*.so")}


def run(site: Path | None, *command: str) -> subprocess.CompletedProcess[bytes]:
    environment = UNMEASURED if site is None else {**UNMEASURED, "PYTHONPATH": str(site)}
    return subprocess.run([sys.executable, "-m", *command], check=False, capture_output=True, cwd=ROOT, env=environment)


def test_it_holds_what_was_compiled(installed: Path) -> None:
    compiled = {path.name.partition(".")[0] for path in installed.rglob("*.so")}
    assert {"_native", "meter", "outcomes", "surroundings", "overview"} <= compiled


def test_it_says_the_same(installed: Path) -> None:
    logs = sorted(map(str, (ROOT / "samples" / "incident").glob("*.log")))
    scan = ("whosent", "scan", "--json", "--timezone", "UTC", *logs)
    wheel, tree = run(installed, *scan), run(None, *scan)
    assert wheel.returncode == tree.returncode == 2, wheel.stderr
    assert wheel.stdout == tree.stdout


def test_its_detectors_pass_their_cases(installed: Path) -> None:
    done = run(
        installed,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_cases.py",
        "tests/live/test_kept.py",
        "tests/measures",
    )
    assert done.returncode == 0, done.stdout.decode()[-2000:]


def test_what_reads_queues_finds_the_same(installed: Path) -> None:
    """Waiting, frozen and all; whose each is, its digest, and the lines that tell it."""
    chosen = ("exims_two_files", "line_is_read_as_it_was_told", "long_envelope", "asked_for_is_told", "link_below")
    done = run(
        installed, "pytest", "-q", "-p", "no:cacheprovider", "tests/keeper/test_search.py", "-k", " or ".join(chosen)
    )
    assert done.returncode == 0, done.stdout.decode()[-2000:]
