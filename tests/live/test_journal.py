"""The journal, by a real journald where one can run: each entry once, whatever ends in between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from whosent.sources.journal import JournalFeed
from whosent.sources.own_spool import OwnSpool

ENTRY = '{{"__CURSOR":"s=1;i={0}","__REALTIME_TIMESTAMP":"1700000000{0:06}","MESSAGE":"{0}"}}\n'
PROGRAM = """#!{python}
import pathlib, sys
entries = pathlib.Path({entries!r}).read_text().splitlines(keepends=True)
if "--after-cursor" in sys.argv:
    cursor = sys.argv[sys.argv.index("--after-cursor") + 1]
    known = [number for number, entry in enumerate(entries) if cursor in entry]
    entries = entries[known[-1] + 1 :] if known else entries
sys.stdout.write("".join(entries) + "{{half an ent")
"""
"""Stands for journalctl where no journald can run: gives what is behind the cursor, and dies within a line."""


def taken(feed: JournalFeed, ready: Callable[[], bool], seconds: float = 180.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        feed.ready()
        assert time.monotonic() < end, feed.spool.path.read_text()
        time.sleep(0.01)


def messages(spool: Path) -> list[str]:
    return [json.loads(line)["MESSAGE"] for line in spool.read_text().splitlines()]


def test_it_goes_on_behind_the_last_entry_that_was_kept(tmp_path: Path) -> None:
    entries, program, spool = tmp_path / "entries", tmp_path / "journalctl", tmp_path / "spool" / "journal.log"
    program.write_text(PROGRAM.format(python=sys.executable, entries=str(entries)))
    program.chmod(0o755)
    entries.write_text("".join(ENTRY.format(number) for number in range(1, 4)))
    feed = JournalFeed(OwnSpool(spool, 1 << 30), [], str(program))
    taken(feed, lambda: spool.read_text().count("\n") == 3)
    with entries.open("a") as file:
        file.write(ENTRY.format(4))
    taken(feed, lambda: spool.read_text().count("\n") == 4)  # it ended, and is started again
    feed.close()
    with spool.open("a") as file:
        file.write('{"__CURSOR":"s=1;i=5","MESS')  # killed in the middle of writing
    with entries.open("a") as file:
        file.write(ENTRY.format(5))
    feed = JournalFeed(OwnSpool(spool, 1 << 30), [], str(program))
    taken(feed, lambda: spool.read_text().count("\n") == 5)
    feed.close()
    assert messages(spool) == ["1", "2", "3", "4", "5"]


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    feed = JournalFeed(OwnSpool(tmp_path / "journal.log", 1 << 30), [], str(tmp_path / "nothing"))
    feed.ready()
    assert "No such file" in feed.problem
    assert feed.sockets() == []
    feed.close()


JOURNALD = Path("/lib/systemd/systemd-journald")
INSIDE = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
if [ ! -s /etc/machine-id ]; then
    echo 0123456789abcdef0123456789abcdef > /run/machine-id
    touch /etc/machine-id
    mount --bind /run/machine-id /etc/machine-id
fi
start() {{
    rm -f /run/systemd/journal/socket /run/systemd/journal/stdout
    {journald} & daemon=$!
    for i in $(seq 200); do [ -S /run/systemd/journal/stdout ] && break; sleep 0.1; done
    sleep 0.5
}}
say() {{ printf '%s\\n' "$1" | systemd-cat -t postfix/qmgr; }}
start
say one; say two
{python} -c '
import sys, time
from pathlib import Path
from whosent.sources.journal import JournalFeed
from whosent.sources.own_spool import OwnSpool
spool = Path(sys.argv[1])
feed = JournalFeed(OwnSpool(spool, 1 << 30), ["SYSLOG_IDENTIFIER=postfix/qmgr"])
end = time.monotonic() + 120
while time.monotonic() < end and spool.read_text().count("\\n") < 4:
    feed.ready()
    time.sleep(0.02)
feed.close()
' "{spool}" & reader=$!
for i in $(seq 600); do [ "$(grep -c '"MESSAGE":"two"' "{spool}")" = 1 ] && break; sleep 0.1; done
kill $daemon; wait $daemon || true
start
say three; say four
wait $reader
kill $daemon
"""


@pytest.mark.lab
@pytest.mark.skipif(
    os.geteuid() != 0 or not JOURNALD.exists() or shutil.which("systemd-cat") is None,
    reason="needs root and systemd-journald: tests/lab/packages.sh brings it",
)
def test_a_real_journal_that_is_restarted_meanwhile(tmp_path: Path) -> None:
    spool = tmp_path / "journal.log"
    script = INSIDE.format(journald=JOURNALD, python=sys.executable, spool=spool)
    subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", script],
        check=True, timeout=300, cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": "src"},
    )  # fmt: skip
    assert messages(spool) == ["one", "two", "three", "four"]
