"""Syslog over every transport, from a real rsyslogd too; each message once, strangers' bytes never two lines."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from whosent.model.mistake import Mistake
from whosent.sources.own_spool import OwnSpool
from whosent.sources.receiver import Receiver

LINE = b"<22>Nov 10 03:00:00 mx postfix/smtpd[1]: A00001: client=a.example[192.0.2.1]"


def free() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    place = free()
    one = Receiver(
        OwnSpool(tmp_path / "syslog.log", 1 << 30), [place], [place], str(tmp_path / "socket"), ["127.0.0.0/8"]
    )
    yield one
    one.close()


def place(receiver: Receiver) -> tuple[str, int]:
    address: tuple[str, int] = receiver.sockets()[0].getsockname()
    return address


def taken(receiver: Receiver, ready: Callable[[bytes], bool], seconds: float = 180.0) -> bytes:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        receiver.ready()
        text = receiver.spool.path.read_bytes()
        if ready(text):
            return text
        time.sleep(0.01)
    raise AssertionError(text)


def test_udp_and_the_socket_of_this_machine(receiver: Receiver, tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
    ):
        one.sendto(LINE + b"\0\n", place(receiver))
        one.sendto(b"<22>evil\nNov 10 03:00:00 mx postfix/smtpd[1]: forged\n", place(receiver))
        other.sendto(LINE, str(tmp_path / "socket"))
        text = taken(receiver, lambda text: text.count(b"\n") == 3)
    assert sorted(text.splitlines()) == sorted([LINE, LINE, b"<22>evil Nov 10 03:00:00 mx postfix/smtpd[1]: forged"])


@pytest.mark.parametrize("cut", [1, 3, 7, 1000])
def test_tcp_with_counts_and_with_line_ends_however_it_is_cut(cut: int, receiver: Receiver) -> None:
    counted = b"".join(b"%d %b" % (len(text), text) for text in (LINE, b"<22>a\nb", LINE))
    sent = counted + LINE + b"\n" + b"<22>last"
    with socket.create_connection(place(receiver)) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(sent), cut):
            one.sendall(sent[at : at + cut])
            receiver.ready()
    text = taken(receiver, lambda text: text.count(b"\n") == 5)
    assert text.splitlines() == [LINE, b"<22>a b", LINE, LINE, b"<22>last"]


def test_an_endless_message_is_cut_and_its_sender_heard_on(receiver: Receiver) -> None:
    with socket.create_connection(place(receiver)) as one:
        one.sendall(b"x" * 300_000 + b"\n" + LINE + b"\n")
        text = taken(receiver, lambda text: LINE in text)
    assert max(map(len, text.splitlines())) <= 1 << 16


def test_others_are_refused_and_that_is_said(tmp_path: Path) -> None:
    where = free()
    one = Receiver(OwnSpool(tmp_path / "s", 1 << 30), [where], [where], "", ["192.0.2.0/24"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(LINE, place(one))
        with socket.create_connection(place(one)):
            end = time.monotonic() + 60.0
            while one.refused < 2 and time.monotonic() < end:
                one.ready()
    assert one.refused == 2
    assert "watch.syslog_from" in one.problem
    one.close()


def test_a_place_that_cannot_be_is_a_mistake(tmp_path: Path) -> None:
    spool = OwnSpool(tmp_path / "s", 1 << 30)
    for wrong in ("nowhere", "127.0.0.1:99999", "192.0.2.1:5514"):
        with pytest.raises(Mistake, match=re.escape(wrong)):
            Receiver(spool, [wrong], [], "", [])
    with pytest.raises(Mistake, match="cannot listen"):
        Receiver(spool, [], [], str(tmp_path / "no" / "such"), [])


def test_a_line_cut_by_a_crash_is_taken_out(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"whole\nhal")
    spool = OwnSpool(tmp_path / "s", 1 << 30)
    assert spool.last_line() == b"whole"
    spool.write(b"next\n")
    assert (tmp_path / "s").read_bytes() == b"whole\nnext\n"


def test_the_spool_is_renamed_when_it_is_long_and_the_oldest_goes(tmp_path: Path) -> None:
    spool = OwnSpool(tmp_path / "s", 192 << 20)
    for number in range(6):
        spool.write(b"%d" % number * (65 << 20) + b"\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s", "s.1", "s.2"]
    assert (tmp_path / "s.1").read_bytes()[:1] == b"5"


RSYSLOG = """
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{udp}")
$EscapeControlCharactersOnReceive off
action(type="omfwd" target="127.0.0.1" port="{port}" protocol="{protocol}" {framing} template="RSYSLOG_{form}")
"""


@pytest.mark.skipif(
    shutil.which("rsyslogd") is None, reason="rsyslogd is not installed: tests/lab/packages.sh brings it"
)
@pytest.mark.parametrize(
    ("protocol", "framing", "form"),
    [
        ("tcp", 'TCP_Framing="octet-counted"', "SyslogProtocol23Format"),
        ("tcp", 'TCP_Framing="traditional"', "TraditionalForwardFormat"),
        ("udp", "", "ForwardFormat"),
    ],
)
def test_a_real_rsyslog_forwards_to_us(
    protocol: str, framing: str, form: str, receiver: Receiver, tmp_path: Path
) -> None:
    udp = free().rpartition(":")[2]
    conf = tmp_path / "rsyslog.conf"
    conf.write_text(RSYSLOG.format(udp=udp, port=place(receiver)[1], protocol=protocol, framing=framing, form=form))
    daemon = subprocess.Popen(["rsyslogd", "-n", "-f", str(conf), "-i", str(tmp_path / "pid")])
    try:
        sample = Path(__file__).parents[2] / "samples" / "incident" / "mail.log"
        lines = sample.read_bytes().splitlines()[:200]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            for _ in range(600):  # until it listens
                one.sendto(b"<22>Nov 10 03:00:00 mx lab: are you there?", ("127.0.0.1", int(udp)))
                receiver.ready()
                if receiver.taken:
                    break
                time.sleep(0.1)
            for begin in range(0, len(lines), 20):  # no more at once than its socket holds
                for line in lines[begin : begin + 20]:
                    one.sendto(b"<22>" + line, ("127.0.0.1", int(udp)))
                last = lines[min(begin + 20, len(lines)) - 1].partition(b"]: ")[2]
                taken(receiver, lambda text: last in text)  # noqa: B023  # at once
        bodies = [line.partition(b"]: ")[2] for line in lines]
        taken(receiver, lambda text: all(body in text for body in bodies))
    finally:
        daemon.terminate()
        daemon.wait(180)
