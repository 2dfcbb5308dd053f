"""Each channel on a real receiver of the loopback address; and what each says when it cannot."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.ports import free_port
from tests.telling.kit import alive, kept, wait_until, web
from tests.telling.test_wording import HOSTILE, VOICE
from whosent.alerts.wording import of_incident, text
from whosent.channels import Means, Unsent, chosen, discover, secret
from whosent.model.alert import Alert, News
from whosent.model.finding import Suspect
from whosent.model.mistake import Mistake
from whosent.model.settings import Alerts
from whosent.posting import call

ALERT = of_incident(kept(), [News.OPENED], None, VOICE)
NASTY = of_incident(
    kept(suspect=Suspect(kind="form", name=HOSTILE), sentence=f"The form {HOSTILE} sends.", witnesses=[HOSTILE]),
    [News.OPENED], None, VOICE,
)  # fmt: skip


def means(**rules: object) -> Means:
    return Means(msgspec.convert({"timeout": 60, **rules}, Alerts))


def why_not(name: str, given: Means, alert: Alert = ALERT) -> str:
    with pytest.raises(Unsent) as problem:
        discover()[name].send(alert, given)
    return str(problem.value)


def test_every_file_is_a_channel_that_says_what_it_lacks() -> None:
    assert sorted(discover()) == ["apprise", "command", "mail", "syslog", "webhook"]
    for name, channel in discover().items():
        assert channel.lacks(means(syslog="nonsense")), name
    with pytest.raises(Mistake, match="no channel 'pigeon'"):
        chosen(Alerts(channels=("pigeon",)))
    assert [one.name for one in chosen(Alerts(channels=("mail", "webhook", "mail")))] == ["mail", "webhook"]


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    assert secret("x", f"file:{tmp_path}/key") == "s3cret"
    assert secret("x", "s3cret") == "s3cret"
    (tmp_path / "raw").write_bytes(b"\xff")
    for bad in (f"file:{tmp_path}/none", f"file:{tmp_path}/raw"):
        with pytest.raises(Unsent, match=r"x: /"):
            secret("x", bad)


# ------------------------------------------------------------------ webhook


@pytest.mark.parametrize(
    ("written", "key"), [("s3cret", b"s3cret"), ("whsec_" + base64.b64encode(b"k" * 24).decode(), b"k" * 24)]
)
def test_a_posted_alert_is_signed(written: str, key: bytes) -> None:
    with web() as receiver:
        given, began = means(webhook_url=receiver.url, webhook_secret=written), time.time()
        assert discover()["webhook"].lacks(given) == ""
        assert discover()["webhook"].send(NASTY, given) == ""
    until = time.time()
    [(headers, body)] = receiver.got
    signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert began - 1 < int(headers["webhook-timestamp"]) <= until
    assert headers["webhook-id"] == NASTY.id
    assert headers["content-type"] == "application/json"
    assert msgspec.json.decode(body, type=Alert) == NASTY


def test_a_busy_receiver_is_asked_again_with_the_same_id() -> None:
    with web(503, 204) as receiver:
        discover()["webhook"].send(ALERT, means(webhook_url=receiver.url))
        assert [headers["webhook-id"] for headers, _ in receiver.got] == [ALERT.id] * 2
        assert "webhook-signature" not in receiver.got[0][0]


@pytest.mark.parametrize(("answer", "tries"), [(404, 1), (302, 1), (500, 3)])
def test_what_is_not_taken_is_said(answer: int, tries: int) -> None:
    with web(answer) as receiver:
        assert why_not("webhook", means(webhook_url=receiver.url, timeout=60)) == f"it answered {answer}"
        assert len(receiver.got) == tries


def test_nobody_there_or_nobody_answering() -> None:
    with web(delay=60) as receiver:
        assert "timed out" in why_not("webhook", means(webhook_url=receiver.url, timeout=1))
    assert "refused" in why_not("webhook", means(webhook_url=receiver.url, timeout=1))
    assert "base64" in why_not("webhook", means(webhook_url=receiver.url, webhook_secret="whsec_!"))
    for bad in ("ftp://x/", "file:///etc/passwd", "http://", "nonsense", "http://[::1"):
        assert "no web address" in discover()["webhook"].lacks(means(webhook_url=bad))
        with pytest.raises(Mistake, match="no web address"):
            call(bad, timeout=1)


# ------------------------------------------------------------------ command


def test_a_program_gets_its_arguments_and_the_alert_on_its_input(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read() + repr(sys.argv[2:]))"
    given = means(command=[sys.executable, "-c", code, str(out), "a b", "$HOME;id"])
    assert discover()["command"].lacks(given) == ""
    discover()["command"].send(NASTY, given)
    body, _, arguments = out.read_text().partition("\n")
    assert json.loads(body)["suspect"]["name"] == HOSTILE
    assert arguments == "['a b', '$HOME;id']"


def test_a_program_that_fails_is_absent_or_hangs(tmp_path: Path) -> None:
    said = why_not("command", means(command=["sh", "-c", "printf 'no\\033[31m way' >&2; exit 3"]))
    assert said == "sh left with 3: no\\x1b[31m way"
    assert "there is no program /nowhere/x" in discover()["command"].lacks(means(command=["/nowhere/x"]))
    assert "No such file" in why_not("command", means(command=["/nowhere/x"]))
    child = tmp_path / "child"
    hangs = means(command=["sh", "-c", f"sleep 600 & echo $! > {child}; wait"], timeout=2)
    assert "did not end within 2 seconds" in why_not("command", hangs)
    wait_until(lambda: not alive(int(child.read_text())), "the end of its child")


def test_a_program_that_does_not_read_took_it_all_the_same() -> None:
    discover()["command"].send(ALERT, means(command=["true"]))


# ------------------------------------------------------------------ syslog


def test_one_line_to_the_socket_of_this_machine(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "log"))
        given = means(syslog=str(tmp_path / "log"))
        assert discover()["syslog"].lacks(given) == ""
        discover()["syslog"].send(NASTY, given)
        line = door.recv(65_536).decode()
    assert line.startswith(f"<26>whosent[{os.getpid()}]: critical: The form x\\x1b[2J")
    assert "\n" not in line
    assert "does not exist" in discover()["syslog"].lacks(means(syslog="/nowhere"))
    assert "No such file" in why_not("syslog", means(syslog="/nowhere"))


def test_one_line_to_a_collector() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        discover()["syslog"].send(ALERT, means(syslog=f"tcp:127.0.0.1:{server.getsockname()[1]}"))
        with server.accept()[0] as connection:
            length, _, line = connection.recv(65_536).decode().partition(" ")
        assert int(length) == len(line.encode())
        door.bind(("127.0.0.1", 0))
        discover()["syslog"].send(ALERT, means(syslog=f"udp:127.0.0.1:{door.getsockname()[1]}"))
        assert door.recv(65_536).decode() == line
    assert line.startswith(f"<26>1 2024-11-12T14:00:00Z mx whosent {os.getpid()} alert - critical: The account alice")
    assert "refused" in why_not(
        "syslog", means(syslog=f"tcp:127.0.0.1:{server.getsockname()[1] if server.fileno() > 0 else 1}")
    )
    assert "names no host" in discover()["syslog"].lacks(means(syslog="udp::514"))


@pytest.mark.skipif(
    shutil.which("rsyslogd") is None, reason="rsyslog is not installed: bash tests/lab/packages.sh syslog"
)
def test_rsyslog_files_it_under_its_program_and_severity(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(
        f'global(workDirectory="{tmp_path}")\nmodule(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imuxsock" Socket="{tmp_path}/log" CreatePath="off")\n'
        'template(name="t" type="string" string="%programname%|%syslogfacility-text%|%syslogseverity-text%|%msg%\\n")\n'
        f'action(type="omfile" file="{tmp_path}/out" template="t")\n'
    )
    daemon = subprocess.Popen(["rsyslogd", "-n", "-f", tmp_path / "conf", "-i", tmp_path / "pid"])
    try:
        wait_until((tmp_path / "log").exists, "rsyslog's socket")
        discover()["syslog"].send(NASTY, means(syslog=str(tmp_path / "log")))
        wait_until(lambda: (tmp_path / "out").exists() and "whosent" in (tmp_path / "out").read_text(), "the line")
    finally:
        daemon.terminate()
        daemon.wait(180)
    [line] = [line for line in (tmp_path / "out").read_text().splitlines() if line.startswith("whosent")]
    assert line.startswith("whosent|daemon|crit| critical: The form x\\x1b[2J")


# ------------------------------------------------------------------ mail


class Mailbox:
    """What a relay was given; it refuses what is asked of it."""

    def __init__(self) -> None:
        self.got: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd looks for it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # the same
        if b"noway" in (envelope.mail_from or "").encode():
            return "554 5.7.1 not from you"
        self.got.append(envelope)
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", place / "key", "-out", place / "cert", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    return place


@pytest.fixture
def relay(certificate: Path) -> Iterator[tuple[Mailbox, str]]:
    """A mail relay that offers STARTTLS."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert", certificate / "key")
    mailbox = Mailbox()
    port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, tls_context=context)
    controller.start()
    yield mailbox, f"localhost:{port}"
    controller.stop()


def mail(address: str, **rules: object) -> Means:
    return means(mail_relay=address, mail_to=["oncall@example.net"], mail_through_watched=True, **rules)


def test_mail_through_a_relay_under_tls(
    relay: tuple[Mailbox, str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, address = relay
    assert "certificate" in why_not("mail", mail(address))
    assert mailbox.got == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert"))
    assert discover()["mail"].send(NASTY, mail(address, mail_from="whosent@mon.example.net")) == ""
    [envelope] = mailbox.got
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("whosent@mon.example.net", ["oncall@example.net"])
    assert message["Message-ID"] == f"<{NASTY.id}@mon.example.net>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"].startswith("[critical] mx: opened: form x\\x1b[2J")
    assert "Bcc" not in message
    assert message.get_content().replace("\r\n", "\n") == text(NASTY)


def test_mail_in_the_clear_only_if_said_so(relay: tuple[Mailbox, str]) -> None:
    mailbox, address = relay
    given = mail(address, mail_tls=False)
    two = given._replace(rules=msgspec.structs.replace(given.rules, mail_to=("gone@example.net", "here@example.net")))
    assert discover()["mail"].send(ALERT, two) == f"{address} refused gone@example.net"
    assert mailbox.got[0].rcpt_tos == ["here@example.net"]
    nobody = given._replace(rules=msgspec.structs.replace(given.rules, mail_to=("gone@example.net",)))
    assert "refused every recipient: 550" in why_not("mail", nobody)
    assert "answered 554 5.7.1 not from you" in why_not(
        "mail", mail(address, mail_tls=False, mail_from="noway@x.example")
    )
    assert "AUTH" in why_not("mail", mail(address, mail_tls=False, mail_user="u", mail_password="p"))


@pytest.mark.parametrize(
    "address", ["localhost:25", "127.0.0.1", "[::1]:2525", socket.gethostname(), "mx1.example.org:25", "MX1"]
)
def test_the_watched_server_carries_no_word_of_itself(address: str) -> None:
    rules = msgspec.convert({"mail_relay": address, "mail_to": ["oncall@example.net"]}, Alerts)
    refused = discover()["mail"].lacks(Means(rules, frozenset({"mx1"}), frozenset({"example.org"})))
    assert "Name another relay, or set alerts.mail_through_watched = true" in refused
    assert why_not("mail", Means(rules, frozenset({"mx1"}), frozenset({"example.org"}))) == refused
    allowed = Means(msgspec.structs.replace(rules, mail_through_watched=True), frozenset({"mx1"}))
    assert discover()["mail"].lacks(allowed) == ""


def test_a_relay_of_others_may_be_called_like_a_server_of_ours() -> None:
    rules = msgspec.convert({"mail_relay": "mx1.provider.example", "mail_to": ["oncall@example.net"]}, Alerts)
    assert discover()["mail"].lacks(Means(rules, frozenset({"mx1"}), frozenset({"example.org"}))) == ""


def test_what_mail_lacks() -> None:
    assert discover()["mail"].lacks(means()) == "alerts.mail_relay is not set"
    assert discover()["mail"].lacks(means(mail_relay="relay.example.net")) == "alerts.mail_to is not set"
    assert "not host:port" in discover()["mail"].lacks(means(mail_relay="[x", mail_to=["a@b"]))
    assert discover()["mail"].lacks(means(mail_relay="relay.invalid:587", mail_to=["a@b"])) == ""
    assert "127.0.0.1:1: " in why_not("mail", mail("127.0.0.1:1"))


def test_tls_from_the_first_byte(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Port 465 alone speaks TLS at once: here nobody answers it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert"))
    assert "127.0.0.1:465: " in why_not("mail", mail("127.0.0.1:465"))


# ------------------------------------------------------------------ Apprise


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # its plugin for encrypted mail
def test_apprise_speaks_to_its_services() -> None:
    with web(200) as receiver:
        host = receiver.url.removeprefix("http://").rstrip("/")
        given = means(apprise=[f"json://{host}/a", f"json://{host}/b"])
        assert discover()["apprise"].lacks(given) == ""
        assert discover()["apprise"].send(NASTY, given) == ""
        assert [(one["title"], one["type"]) for one in receiver.alerts()] == [
            (f"[critical] mx: {NASTY.title}", "failure")
        ] * 2
        assert receiver.alerts()[0]["message"].rstrip() == text(NASTY).rstrip()
    with web(500) as receiver:
        host = receiver.url.removeprefix("http://").rstrip("/")
        assert why_not("apprise", means(apprise=[f"json://{host}/"])) == "no service took it"
    assert "of kind 'nonsense' is not understood" in why_not("apprise", means(apprise=["nonsense://s3cret"]))


@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
def test_some_of_the_services_of_apprise(tmp_path: Path) -> None:
    with web(500, 200) as receiver:
        host = receiver.url.removeprefix("http://").rstrip("/")
        (tmp_path / "services").write_text(f"json://{host}/a\njson://{host}/b\n")
        given = means(apprise=[f"file:{tmp_path}/services"])
        assert discover()["apprise"].send(ALERT, given) == "1 of 2 services did not take it"
    (tmp_path / "services").write_text("")
    assert "names no service" in why_not("apprise", means(apprise=[f"file:{tmp_path}/services"]))
