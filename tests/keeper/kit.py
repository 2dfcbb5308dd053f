"""Queues that real programs work on without a daemon: Postfix's ``postsuper`` and Exim, each in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.queue_files import fill
from whosent import keeper
from whosent.keeper import servers
from whosent.queues import exim as exim_files

if TYPE_CHECKING:
    from collections.abc import Iterator

SPAM, OTHERS = 60, 12
START = int(time.time()) - 1000  # the same for a queue that is filled once more: the same ids
SCRIPT = "script:33:contact.php"
MAIN = """compatibility_level = 3.6
myhostname = mx.corp.test
mynetworks = 127.0.0.0/8 10.0.0.0/8
queue_directory = {place}/spool
data_directory = {place}/data
enable_long_queue_ids = {steady}
maximal_queue_lifetime = {lifetime}
"""
# Does to a spool what Exim does: the real one wants users and a configuration of its own (tests/lab/test_contain.py).
EXIM = """#!/bin/sh
flag=$1; shift
case $flag in
  -bP) echo "spool_directory = {place}/exim"; exit ;;
esac
for id; do
  head=$(find {place}/exim/input -name "$id-H")
  [ -n "$head" ] || exit 1
  case $flag in
    -Mf) sed -i '4a -frozen 1795776215' "$head" ;;
    -Mt) sed -i '/^-frozen /d' "$head" ;;
    -Mrm) rm "$head" "${{head%H}}D" ;;
  esac
done
"""
# The same of Sendmail (the real one: tests/lab/test_contain_sendmail.py).
SENDMAIL = """#!/bin/sh
[ "$1" = -C ] && {{ grep -q BROKEN "$2" && echo "$2: line 4: broken"; exit 0; }}
shift
from=qf to=hf
[ "$1" = -Q ] && from=hf to=qf
for word; do
  case $word in -qI*) found=$(find {place}/mqueue -name "$from${{word#-qI}}")
    [ -n "$found" ] && mv "$found" "${{found%/*}}/$to${{word#-qI}}" ;;
  esac
done
exit 0
"""
SAMPLES = Path(__file__).parents[1] / "queues" / "samples" / "exim"


@dataclass
class World:
    """A mail server's folders, and the keeper that works on them."""

    place: Path
    capture: pytest.CaptureFixture[str]

    @property
    def spool(self) -> Path:
        return self.place / "spool"

    def folders(self) -> Counter[str]:
        """Folder -> messages."""
        return Counter(
            path.relative_to(self.spool).parts[0]
            for path in self.spool.rglob("*")
            if path.is_file() and path.relative_to(self.spool).parts[0] != "defer"
        )

    def keep(self, verb: str, claim: str, *how: str) -> dict[str, Any]:
        """What the keeper says last."""
        self.capture.readouterr()
        code = keeper.main([str(self.place / "kept"), verb, claim, *how])
        lines = [json.loads(line) for line in self.capture.readouterr().out.splitlines()]
        assert code == ("error" in lines[-1])
        last: dict[str, Any] = lines[-1]
        return last

    def done(self, verb: str, claim: str, *how: str) -> dict[str, Any]:
        """The same, where it went well."""
        said = self.keep(verb, claim, *how)
        assert "done" in said, said
        done: dict[str, Any] = said["done"]
        return done


def why_not(*programs: str) -> None:
    """Skip where these programs are not at hand; never where they must be."""
    missing = [name for name in programs if not shutil.which(name, path=servers.ENVIRONMENT["PATH"])]
    reason = "needs root" if os.geteuid() else f"needs {', '.join(missing)}: tests/lab/packages.sh" if missing else ""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@contextmanager
def readable_place() -> Iterator[Path]:
    """A folder that the mail server's own user may enter."""
    place = Path(tempfile.mkdtemp(prefix="whosent-keeper-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def fill_postfix(place: Path, *, steady: str = "yes", lifetime: str = "5d", start: int = 0) -> None:
    """A queue as Postfix keeps it, with a configuration of its own."""
    for name in ("etc", "data", "spool"):
        (place / name).mkdir(exist_ok=True)
    (place / "etc" / "main.cf").write_text(MAIN.format(place=place, steady=steady, lifetime=lifetime))
    (place / "etc" / "master.cf").write_text(Path("/usr/share/postfix/master.cf.dist").read_text(encoding="utf-8"))
    for path in (place / "etc").iterdir():
        os.utime(path, (1, 1))  # Postfix pauses before it reads a file that has just changed
    fill(place / "spool", SPAM, OTHERS, start=start or START)
    for folder in (place / "spool").iterdir():
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "postfix", "postfix")


def fill_exim(place: Path) -> None:
    """The recorded spool, under a program that knows no other."""
    for name in ("bin", "exim"):
        (place / name).mkdir(exist_ok=True)
    shutil.copytree(SAMPLES / "input", place / "exim" / "input")
    program = place / "bin" / "exim4"
    program.write_text(EXIM.format(place=place))
    program.chmod(0o755)


def frozen(place: Path) -> dict[str, bool]:
    """Id -> whether it is frozen."""
    found = {}
    for path in (place / "exim" / "input").rglob("*-H"):
        found[path.name[:-2]] = exim_files.letter(path.name, path.read_bytes()).frozen
    return found


def fill_sendmail(place: Path) -> tuple[str, str]:
    """The recorded queue with its groups, under a program that knows no other; program and configuration."""
    shutil.copytree(SAMPLES.parent / "sendmail-mx" / "mqueue", place / "mqueue")
    program, config = place / "sendmail", place / "sendmail.cf"
    program.write_text(SENDMAIL.format(place=place))
    program.chmod(0o755)
    config.write_text(f"O QueueDirectory={place}/mqueue/*\nQsecond, P={place}/mqueue/second, F=f\nSLocal_check_rcpt\n")
    return str(program), str(config)
