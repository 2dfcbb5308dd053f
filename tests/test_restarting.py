"""A daemon that only remembers SIGHUP is woken and starts anew; one that does not is named; nobody else is touched."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from whosent import restarting

if TYPE_CHECKING:
    from collections.abc import Iterator

# As Exim does: the handler notes the signal, and the loop looks at the note when something wakes it.
DAEMON = """
import os, signal, sys, time
seen = False
def note(*_):
    global seen
    seen = True
if sys.argv[1] != "anew":
    signal.signal(signal.SIGHUP, note)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    print("up", flush=True)
    time.sleep(float(sys.argv[1]))
    while not (seen and sys.argv[2] == "heeds"):
        signal.pause()
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[3], "anew"])
print("anew", flush=True)
input()
"""


def started(busy: str, how: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", DAEMON, busy, how, DAEMON]
    daemon = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert said(daemon) == "up"
    return daemon


def said(daemon: subprocess.Popen[str]) -> str:
    assert daemon.stdout
    return daemon.stdout.readline().strip()


@pytest.fixture
def ending() -> Iterator[list[subprocess.Popen[str]]]:
    daemons: list[subprocess.Popen[str]] = []
    yield daemons
    for daemon in daemons:
        daemon.kill()
        daemon.communicate()


@pytest.mark.parametrize("busy", ["0", "0.5"])
def test_it_starts_anew_even_if_it_was_busy(busy: str, ending: list[subprocess.Popen[str]]) -> None:
    daemon = started(busy, "heeds")
    ending.append(daemon)
    assert restarting.started_anew([daemon.pid]) == set()
    assert said(daemon) == "anew"


def test_who_does_not_is_named(monkeypatch: pytest.MonkeyPatch, ending: list[subprocess.Popen[str]]) -> None:
    monkeypatch.setattr(restarting, "_WITHIN", 0.3)
    stubborn, gone = started("0", "stays"), started("0", "stays")
    ending += [stubborn, gone]
    gone.kill()
    gone.communicate()
    assert restarting.started_anew([stubborn.pid, gone.pid]) == {stubborn.pid}
    assert stubborn.poll() is None
