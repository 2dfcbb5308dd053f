"""Where the world says no at the rim: each refusal is one sentence, and nothing is asked that must not be."""

from __future__ import annotations

import imaplib
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from whosent.cli.watch import _feeds
from whosent.model.check import Target
from whosent.model.mistake import Mistake
from whosent.model.settings import Watch as Rules
from whosent.probing.consent import host_of
from whosent.responders import egress
from whosent.sources import imap, surroundings
from whosent.sources.prober.wire import Broken, Wire


@pytest.mark.parametrize(
    ("named", "host"),
    [("https://WWW.corp.test/x.php", "www.corp.test"), ("/var/www", ""), ("web/root", ""),
     ("192.0.2.0/24", "192.0.2.0/24"), ("[2001:db8::1]:25", "2001:db8::1"), ("2001:0db8::1", "2001:db8::1"),
     ("MX.corp.test.:25", "mx.corp.test")],
)  # fmt: skip
def test_the_host_that_a_target_means(named: str, host: str) -> None:
    assert host_of(Target(name=named)) == host


def test_a_user_without_a_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_uid: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert surroundings.who().startswith("? (uid ")
    assert surroundings._text("/nowhere/at/all") == ""  # noqa: SLF001


def test_without_nft_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_a, **_k: None)
    with pytest.raises(Mistake, match="apt install nftables"):
        egress._nft("")  # noqa: SLF001

    def slow(*_a: object, **_k: object) -> None:
        raise subprocess.TimeoutExpired("nft", 1)

    monkeypatch.setattr(shutil, "which", lambda *_a, **_k: "/usr/sbin/nft")
    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(Mistake, match="did not end in time"):
        egress._nft("")  # noqa: SLF001


def test_systemd_is_asked_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(Path, "is_dir", lambda _path: True)
    monkeypatch.setattr(shutil, "which", lambda *_a, **_k: "/bin/systemctl")
    monkeypatch.setattr(subprocess, "run", lambda words, **_k: asked.append(words))
    egress._systemctl("enable", "whosent-egress.service")  # noqa: SLF001
    assert asked == [["/bin/systemctl", "enable", "whosent-egress.service"]]


@pytest.mark.parametrize("door", [imap._Bounded, imap._BoundedTls])  # noqa: SLF001
def test_a_server_that_announces_too_much_is_left(door: type[imaplib.IMAP4]) -> None:
    with pytest.raises(imaplib.IMAP4.abort, match="at once"):
        door.__new__(door).read(1 << 40)


def test_syslog_that_is_received_is_spooled(tmp_path: Path) -> None:
    rules = Rules(syslog_udp=("127.0.0.1:0",), journal="no")
    [feed] = _feeds(rules, tmp_path, found=True)
    assert feed.spool.path == tmp_path / "syslog.log"
    for one in feed.sockets():
        assert isinstance(one, socket.socket)
        one.close()


def test_no_way_and_no_time_are_told_apart() -> None:
    with Wire(5.0, time.monotonic()) as wire, pytest.raises(Broken) as none:
        wire.connect("fe80::1", 9, 6)  # a link nobody named
    assert none.value.args
    with Wire(0.0, time.monotonic() - 1.0) as wire, pytest.raises(Broken) as late:
        wire.connect("127.0.0.1", 9, 4)
    assert "timeout" in str(late.value.args) or "within" in str(late.value)
