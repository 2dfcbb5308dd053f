"""Complaints from an IMAP folder of a real Dovecot: with TLS, from where a run stopped, through a line that drops."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.complaints.kit import complaint
from tests.ports import free_port
from whosent.cli.leaving import Exit
from whosent.model.mistake import Mistake
from whosent.sources.imap import Mailbox, _quoted, place

PASSWORD = "s3cret-ümlaut"
CONF = """
protocols = imap
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/dovecot.log
ssl = yes
ssl_cert = <{base}/cert.pem
ssl_key = <{base}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{base}/mail/%u
default_internal_user = {user}
default_login_user = {user}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {plain}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls}
  }}
}}
service anvil {{
  chroot =
}}
"""


class Server(NamedTuple):
    plain: int
    tls: int
    mail: Path  # the Maildir of the user
    user: str
    certificate: Path
    secret: Path


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Server]:
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not program or os.geteuid() != 0:
        sentence = "needs root and Dovecot: run tests/lab/packages.sh mail on Debian 12"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    # Its processes run as another user, and every pytest that starts shuts the folder of all pytests' files for others.
    with tempfile.TemporaryDirectory(prefix="whosent-dovecot-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield from running(program, Path(folder))


def running(program: str, base: Path) -> Iterator[Server]:
    certify = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout {base}/key.pem "
        f"-out {base}/cert.pem -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    )
    subprocess.run(certify.split(), check=True, capture_output=True)
    (base / "secret").write_text(f"{PASSWORD}\nnot this line\n")
    plain, tls = free_port(), free_port()
    mail = base / "mail"
    mail.mkdir()
    conf = CONF.format(base=base, user="nobody", uid=65534, gid=65534, plain=plain, tls=tls, password=PASSWORD)
    (base / "dovecot.conf").write_text(conf)
    server = subprocess.Popen([program, "-F", "-c", str(base / "dovecot.conf")], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 180
        while _refuses(plain) or _refuses(tls):
            assert server.poll() is None, (base / "dovecot.log").read_text()
            assert time.monotonic() < end, (base / "dovecot.log").read_text()
            time.sleep(0.05)
        yield Server(plain, tls, mail, "", base / "cert.pem", base / "secret")
    finally:
        server.terminate()
        server.wait(180)


def _refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return True
    return False


def deliver(server: Server, *messages: bytes) -> None:
    for number, message in enumerate(messages):
        path = server.mail / "tmp" / f"{time.time_ns()}.{number}.test"
        path.write_bytes(message)
        os.chown(path, 65534, 65534)
        path.rename(server.mail / "new" / path.name)


@pytest.fixture
def box(dovecot: Server) -> Server:
    """A user of its own, whose password is everybody's."""
    user = f"abuse{time.time_ns()}"
    mail = dovecot.mail / user
    for part in ("cur", "new", "tmp"):
        (mail / part).mkdir(parents=True)
    for path in (dovecot.mail, mail, *mail.iterdir()):
        os.chown(path, 65534, 65534)
    return dovecot._replace(mail=mail, user=user)


def add(
    box: Server, state: Path, address: str, *options: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "whosent", "complaint", "add", "--imap", address, "--json", *options],
        capture_output=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
        env={**os.environ, "WHOSENT_STATE": str(state), "WHOSENT_CONFIG": os.devnull, "SSL_CERT_FILE":
             str(box.certificate), "WHOSENT_INTAKE__PASSWORD_FILE": str(box.secret), **environment},
    )  # fmt: skip


def sources(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    return [str(json.loads(line)["source"]).rpartition("#")[2] for line in done.stdout.splitlines()]


def reports(*numbers: int) -> list[bytes]:
    return [complaint(7300 + number, message_id=f"<{number}@corp.test>", name=f"4B{number:05}") for number in numbers]


@contextmanager
def dropping(port: int, after: int) -> Iterator[int]:
    """A line to the server that goes dead after so many bytes from it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)

        def carry() -> None:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            back = threading.Thread(target=lambda: _pump(client, server, 1 << 30), daemon=True)
            back.start()
            _pump(server, client, after)
            for one in (client, server):
                one.close()

        thread = threading.Thread(target=carry, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def _pump(source: socket.socket, target: socket.socket, most: int) -> None:
    try:
        while most > 0 and (piece := source.recv(min(4096, most))):
            target.sendall(piece)
            most -= len(piece)
        target.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


@pytest.mark.lab
@pytest.mark.parametrize("scheme", ["imaps", "imap", "imap+plain"])
def test_what_is_new_is_read_once_and_nothing_is_changed(box: Server, tmp_path: Path, scheme: str) -> None:
    address = f"{scheme}://{box.user}@localhost:{box.tls if scheme == 'imaps' else box.plain}/INBOX"
    deliver(box, *reports(1, 2))
    first = add(box, tmp_path, address)
    assert (first.returncode, first.stderr) == (Exit.CLEAN, b"")
    assert len(sources(first)) == 2
    again = add(box, tmp_path, address)
    assert (again.returncode, again.stdout, again.stderr) == (Exit.CLEAN, b"", b"")
    deliver(box, *reports(3))
    third = add(box, tmp_path, address)
    assert [json.loads(line)["message_id"] for line in third.stdout.splitlines()] == ["<3@corp.test>"]
    flags = {path.name.rpartition(",")[2] for path in (box.mail / "cur").iterdir()}
    assert "S" not in "".join(flags)


@pytest.mark.lab
def test_marks_only_where_it_is_asked_for(box: Server, tmp_path: Path) -> None:
    deliver(box, *reports(1, 2))
    assert add(box, tmp_path, f"imaps://{box.user}@localhost:{box.tls}/INBOX", "--mark").returncode == Exit.CLEAN
    seen = [path.name for path in (box.mail / "cur").iterdir()]
    assert len(seen) == 2
    assert all(name.endswith("S") for name in seen)


@pytest.mark.lab
def test_a_line_that_drops_is_said_and_the_next_run_goes_on(box: Server, tmp_path: Path) -> None:
    deliver(box, *reports(*range(1, 7)))
    size = len(reports(1)[0])
    with dropping(box.plain, 1200 + 3 * size) as port:
        broken = add(box, tmp_path, f"imap+plain://{box.user}@127.0.0.1:{port}/INBOX")
    assert broken.returncode == Exit.UNKNOWN
    assert b"the connection broke after " in broken.stderr
    assert b"Traceback" not in broken.stderr
    kept = [json.loads(line)["message_id"] for line in broken.stdout.splitlines()]
    assert 0 < len(kept) < 6
    # The same folder by its own door: by another address it would be another mailbox, and the digests tell.
    rest = add(box, tmp_path, f"imap+plain://{box.user}@127.0.0.1:{box.plain}/INBOX")
    assert rest.returncode == Exit.CLEAN
    listed = subprocess.run(
        [sys.executable, "-m", "whosent", "complaint", "list", "--json"], capture_output=True, check=True,
        env={**os.environ, "WHOSENT_STATE": str(tmp_path), "WHOSENT_CONFIG": os.devnull},
    )  # fmt: skip
    ids = [json.loads(line)["message_id"] for line in listed.stdout.splitlines()]
    assert sorted(ids) == [f"<{number}@corp.test>" for number in range(1, 7)]


@pytest.mark.lab
def test_the_position_survives_a_break(box: Server) -> None:
    deliver(box, *reports(1, 2, 3, 4))
    where = place(f"imap+plain://{box.user}@127.0.0.1:{box.plain}/INBOX")
    size = len(reports(1)[0])
    with dropping(box.plain, 1200 + 2 * size) as port:
        mailbox = Mailbox(where._replace(port=port), PASSWORD, None, 10, mark=False)
        read = []
        for uid, _ in mailbox.reports():
            read.append(uid)
            mailbox.used([uid])
        mailbox.close()
    assert mailbox.problem
    assert 0 < len(read) < 4
    assert mailbox.position.uid == read[-1]
    rest = Mailbox(where, PASSWORD, mailbox.position, 10, mark=False)
    assert read + [uid for uid, _ in rest.reports()] == sorted({*read, *range(read[0], read[0] + 4)})
    rest.close()
    other = Mailbox(where, PASSWORD, mailbox.position._replace(validity=1), 10, mark=False)
    assert len(list(other.reports())) == 4  # its UIDs mean nothing any more
    other.close()


@pytest.mark.lab
def test_refusals_are_one_sentence_each(box: Server, tmp_path: Path) -> None:
    good = f"imaps://{box.user}@localhost:{box.tls}"
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    dead = free_port()
    cases: list[tuple[tuple[str, ...], dict[str, str], bytes]] = [
        ((f"{good}/INBOX",), {"WHOSENT_INTAKE__PASSWORD_FILE": str(wrong)}, b"the server refused"),
        ((f"{good}/Nowhere",), {}, b"the server refused"),
        ((f"{good}/INBOX",), {"SSL_CERT_FILE": os.devnull}, b"certificate verify failed"),
        ((f"imaps://{box.user}@localhost:{dead}/INBOX",), {}, b"the connection broke after 0 messages"),
        ((f"imaps://{box.user}@localhost:{box.plain}/INBOX",), {}, b"the connection broke after 0 messages"),
    ]
    for arguments, environment, said in cases:
        done = add(box, tmp_path, *arguments, **environment)
        assert done.returncode == Exit.UNKNOWN
        assert said in done.stderr, done.stderr
        assert done.stderr.count(b"\n") == 1
        assert b"ecret" not in done.stderr


@pytest.mark.lab
def test_the_password_may_come_from_a_command_or_the_environment(box: Server, tmp_path: Path) -> None:
    deliver(box, *reports(1))
    address = f"imaps://{box.user}@localhost:{box.tls}/INBOX"
    command = add(box, tmp_path / "a", address, WHOSENT_INTAKE__PASSWORD_FILE="",
                  WHOSENT_INTAKE__PASSWORD_COMMAND=f"cat,{box.secret}")  # fmt: skip
    assert len(sources(command)) == 1, command.stderr
    given = add(box, tmp_path / "b", address, WHOSENT_INTAKE__PASSWORD_FILE="", WHOSENT_IMAP_PASSWORD=PASSWORD)
    assert len(sources(given)) == 1, given.stderr
    for environment in ({}, {"WHOSENT_INTAKE__PASSWORD_COMMAND": "false"}, {"WHOSENT_INTAKE__PASSWORD_COMMAND": "/no"},
                        {"WHOSENT_INTAKE__PASSWORD_FILE": "/no"}, {"WHOSENT_IMAP_PASSWORD": ""}):  # fmt: skip
        merged: dict[str, Any] = {"WHOSENT_INTAKE__PASSWORD_FILE": "", **environment}
        done = add(box, tmp_path / "c", address, **merged)
        assert done.returncode == Exit.UNKNOWN
        assert b"password" in done.stderr


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("https://mail.example.org/", "no address of an IMAP folder"),
        ("imaps://mail.example.org/INBOX", "no address of an IMAP folder"),
        ("imaps://abuse:secret@mail.example.org/", "a password in the address"),
        ("imaps://abuse@mail.example.org:99999/", "no address of an IMAP folder"),
        ("imap+plain://abuse@mail.example.org/", "in the clear"),
    ],
)
def test_an_address_that_cannot_be(address: str, said: str) -> None:
    with pytest.raises(Mistake, match=said) as caught:
        place(address)
    assert "secret" not in str(caught.value)


def test_addresses_and_folders_as_they_are_written() -> None:
    told = place("imaps://abuse%40example.org@mail.example.org/Abuse%20%26%20co/2026")
    assert (told.user, told.port, told.folder) == ("abuse@example.org", 993, "Abuse & co/2026")
    assert str(place(str(told))) == str(told)
    assert place("imap://abuse@[2001:db8::1]").folder == "INBOX"
    assert _quoted('Abuse & "co"\\') == '"Abuse &- \\"co\\"\\\\"'
    assert _quoted("Entwürfe/日本語") == '"Entw&APw-rfe/&ZeVnLIqe-"'
    with pytest.raises(Mistake):
        _quoted("a\r\nb")
