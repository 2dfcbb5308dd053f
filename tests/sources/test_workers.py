"""A reload of Postfix is over when nobody works by the old configuration, and is not waited for for ever."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from whosent.sources import workers

Postfix = dict[str, subprocess.Popen[bytes]]


@pytest.fixture
def postfix(tmp_path: Path) -> Iterator[Postfix]:
    """What a master, which is this process, has started."""
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "master.pid").write_text(f"{os.getpid():>10}\n", encoding="ascii")
    running = {}
    for name in ("cleanup", "smtpd"):
        (tmp_path / name).symlink_to("/bin/sleep")
        running[name] = subprocess.Popen([str(tmp_path / name), "600"])
    yield running
    for one in running.values():
        one.kill()
        one.wait()


def test_it_is_over_when_every_message_meets_the_new_configuration(tmp_path: Path, postfix: Postfix) -> None:
    def ends() -> None:
        postfix["cleanup"].kill()
        postfix["cleanup"].wait()

    timer = threading.Timer(0.3, ends)
    assert workers.reloaded(str(tmp_path), timer.start, 60)
    assert postfix["cleanup"].returncode is not None
    assert postfix["smtpd"].poll() is None  # a session may last; it hands each message to a new cleanup
    timer.join()


def test_it_is_not_waited_for_for_ever(tmp_path: Path, postfix: Postfix) -> None:
    assert not workers.reloaded(str(tmp_path), lambda: None, 0.3)
    assert postfix["cleanup"].poll() is None
    assert workers.reloaded(str(tmp_path / "nowhere"), lambda: None, 0.3)
