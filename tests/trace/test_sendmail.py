"""Messages that went through a real Sendmail, asked after in its log: the login stands in a line of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.complaints.test_command import objects
from whosent.cli import app

LOG = Path(__file__).parents[1] / "samples" / "sendmail" / "account.log"
COPY = b"""\
Received: from mx.corp.test (mx.corp.test [203.0.113.2])
\tby mx25.test (Postfix) with ESMTP id 4A01EEF
\tfor <anna@bigmail.test>; Fri, 27 Nov 2026 11:13:06 +0000
Received: from pc01.corp.test (pc01.corp.test [10.77.0.101])
\t(authenticated bits=0)
\tby mx.corp.test (8.17.1/8.17.1) with ESMTPA id 6ARBD6gi000148;
\tFri, 27 Nov 2026 11:13:06 GMT
Message-ID: <1604519671@pc01.corp.test>
From: bob@corp.test
To: anna@bigmail.test
Subject: x

y
"""
REPORT = (
    b"From: anna@bigmail.test\nTo: abuse@corp.test\nSubject: Spam from your network\n"
    b"Date: Fri, 27 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    b"--b\nContent-Type: text/plain\n\nThis is spam.\n--b\nContent-Type: message/rfc822\n\n" + COPY + b"--b--\n"
)


def asked(tmp_path: Path, command: tuple[str, ...], message: bytes) -> dict[str, Any]:
    path = tmp_path / "message.eml"
    path.write_bytes(message)
    options = ("--json", "--own-network", "203.0.113.2/32", "--logs", str(LOG))
    done = CliRunner().invoke(app, [*command, str(path), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    [one] = objects(done.stdout_bytes)
    return one


@pytest.fixture(autouse=True)
def nothing_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOSENT_CONFIG", str(tmp_path))


def test_a_trace_names_the_account_and_quotes_its_login(tmp_path: Path) -> None:
    one = asked(tmp_path, ("trace", "--own-name", "mx.corp.test"), COPY)
    assert (one["suspect"]["kind"], one["suspect"]["name"]) == ("account", "bob@corp.test")
    notes = {line["note"]: line["line"] for entry in one["logged"] for line in entry["evidence"]}
    assert notes["the login of the same process"] == 1
    assert notes["who handed the message in"] == 2


def test_a_complaint_leads_to_the_account(tmp_path: Path) -> None:
    one = asked(tmp_path, ("complaint", "add", "--no-keep"), REPORT)
    assert (one["ours"], one["strength"], one["suspect"]["name"]) == ("yes", "shown", "bob@corp.test")
    assert one["queue_id"] == "6ARBD6gi000148"
    assert {line["note"]: line["line"] for line in one["evidence"]}["the login of the same process"] == 1


def test_another_process_of_the_same_client_is_not_its_login(tmp_path: Path) -> None:
    """Its queue id names process 149, and nobody logged in there."""
    one = asked(tmp_path, ("trace", "--own-name", "mx.corp.test"), COPY.replace(b"gi000148", b"gi000149"))
    assert one["suspect"] is None
    assert "bob@corp.test" not in json.dumps(one["boundary"])


def test_what_is_no_message_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    done = CliRunner().invoke(app, ["trace", str(path)])
    assert " ".join(done.stdout.split()).count("this is no message") == 1
