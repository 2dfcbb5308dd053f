"""``whosent trace`` as people and machines call it: inputs of every kind, answers, exit codes, bad input."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.join.kit import client, delivery, line, queued, removed
from tests.trace.kit import DATE, INNOCENT, STRANGER, by_mx

WHOSENT = [sys.executable, "-m", "whosent", "trace"]
OURS = ("--own-name", "mx.example.org")
CLEAN, WARNING, CRITICAL, UNKNOWN = range(4)
SPAM = f"Received: {by_mx()}\nFrom: a@example.net\nSubject: spam\nMessage-ID: <one@example.org>\n\nhttp://evil.example/\n".encode()
SEPARATOR = b"From a@example.net Mon Nov 16 00:00:05 2026\n"

Answer = dict[str, Any]


def run(*arguments: str | Path, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WHOSENT_", "FORCE_COLOR"))}
    environment = {**kept, "WHOSENT_CONFIG": os.devnull, "WHOSENT_LOGS__TIMEZONE": "UTC", "COLUMNS": "80", **more}
    return subprocess.run(
        [*WHOSENT, *map(str, arguments)], input=stdin, capture_output=True, env=environment, check=False
    )


def traces(*arguments: str | Path, stdin: bytes = b"") -> list[Answer]:
    done = run("--json", *OURS, *arguments, stdin=stdin)
    assert done.stderr == b"", done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_inputs_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(SPAM)
    (tmp_path / "two.mbox").write_bytes((SEPARATOR + SPAM + b"\n") * 2)
    (tmp_path / "three.eml.gz").write_bytes(gzip.compress(SPAM))
    maildir = tmp_path / "Maildir"
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
        (maildir / part / f"1.{part}:2,S").write_bytes(SPAM)
    (maildir / "dovecot-uidlist").write_text("3 V1 N1\n")
    said = traces(tmp_path)
    assert [(Path(one["source"]).name, one["number"]) for one in said] == [
        ("1.cur:2,S", 1), ("1.new:2,S", 1), ("one.eml", 1), ("three.eml.gz", 1), ("two.mbox", 1), ("two.mbox", 2),
    ]  # fmt: skip
    assert {one["boundary"]["address"] for one in said} == {STRANGER}
    (pasted,) = traces(stdin=SPAM.partition(b"\n\n")[0])
    assert (pasted["source"], pasted["schema"], pasted["subject"]) == ("-", "whosent.trace/1", "spam")
    assert traces("-", stdin=SPAM)[0]["hops"] == pasted["hops"]


def test_the_object_has_the_fields_that_are_documented() -> None:
    (one,) = traces(stdin=SPAM)
    assert {"schema", "source", "hops", "boundary", "forgeries", "suspect", "claims"} <= set(one)
    assert set(one["boundary"]) == {"hop", "address", "port", "rdns", "time", "level", "sentence"}
    fields = [
        "from_helo",
        "from_rdns",
        "from_address",
        "from_port",
        "by",
        "with",
        "id",
        "for",
        "envelope_from",
        "auth",
        "tls",
        "time",
    ]
    assert [name for name in one["hops"][0] if name in {*fields, "position", "level", "note"}] == [
        "position",
        "level",
        "note",
        *fields,
    ]
    assert one["suspect"] is None


def test_clean_is_0() -> None:
    done = run(*OURS, stdin=SPAM)
    assert (done.returncode, done.stderr) == (CLEAN, b"")
    assert b"mx.example.org, a mail server of ours, recorded" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.decode().splitlines())
    assert b"\x1b" not in done.stdout


def test_nothing_to_be_read_is_3(tmp_path: Path) -> None:
    assert run(stdin=b"").returncode == UNKNOWN
    assert run(stdin=b"hello\n").returncode == UNKNOWN
    missing = run(tmp_path / "none.eml")
    assert missing.returncode == UNKNOWN
    assert b"no such file" in missing.stderr
    no_log = run("--logs", tmp_path / "none.log", stdin=SPAM)
    assert (no_log.returncode, b"no such log" in no_log.stderr) == (UNKNOWN, True)
    (tmp_path / "folder.eml").mkdir()
    assert run(tmp_path / "folder.eml").returncode == UNKNOWN


def test_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"\x1f\x8b broken")
    (tmp_path / "b.eml").write_bytes(SPAM)
    (tmp_path / "c.eml").write_bytes(b"")
    said = traces(tmp_path)
    assert [one["boundary"] is not None for one in said] == [False, True, False]
    assert "breaks off" in said[0]["problem"]
    assert said[2]["problem"] == "it is empty"


def log(*, absent: bool = False) -> bytes:
    name = "5C1D2" if absent else "4A1B2C3D4E"
    return b"".join(
        [
            client(-1000, "6D1E3"),
            removed(-1000, "6D1E3"),
            client(4, name, "alice@example.org", STRANGER),
            line(4, "postfix/cleanup", f"{name}: message-id=<one@example.org>"),
            queued(5, name, "alice@example.org"),
            delivery(6, name, "bob@example.org"),
            removed(6, name),
            client(1000, "6D1E4"),
        ]
    )


@pytest.mark.parametrize("repeated", [1, 2_500])
def test_the_account_in_our_log_is_2(tmp_path: Path, repeated: int) -> None:
    (tmp_path / "mail.log").write_bytes(log())
    (tmp_path / "many.mbox").write_bytes((SEPARATOR + SPAM + b"\n") * repeated)
    done = run("--json", *OURS, "--logs", tmp_path / "mail.log", tmp_path / "many.mbox")
    assert done.returncode == CRITICAL, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == repeated
    one = said[-1]
    assert (one["suspect"]["name"], one["strength"]) == ("alice@example.org", "shown")
    assert [evidence["line"] for evidence in one["logged"][0]["evidence"]] == [3, 4, 5, 6]
    assert one["logged"][0]["evidence"][0]["source"] == str(tmp_path / "mail.log")
    if repeated == 1:
        told = run(*OURS, "--logs", tmp_path / "mail.log", tmp_path / "many.mbox").stdout
        assert b"It was sent by the account alice@example.org." in b" ".join(told.split())
        assert b"4A1B2C3D4E was handed in by alice@example.org" in b" ".join(told.split())


def test_a_line_that_our_log_refutes_is_1(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(log(absent=True))
    top = f"Received: from a (unknown [{INNOCENT}]) by mx.victim.example (Postfix) with ESMTP id A1; {DATE}\n".encode()
    done = run(*OURS, "--logs", tmp_path / "mail.log", stdin=top + SPAM)
    assert done.returncode == WARNING
    assert b"refuted by our own log" in b" ".join(done.stdout.split())


def test_strangers_text_has_no_effect() -> None:
    hostile = SPAM.replace(
        b"Subject: spam",
        b"Subject: \x1b[31m[bold]red[/bold]\nX-PHP-Script: http://evil.example/x.php for 1.2.3.4\n"
        b"X-Mailer: \xe2\x80\xae\xff",
    )
    done = run(*OURS, stdin=hostile, FORCE_COLOR="1", TERM="xterm-256color")
    assert b"\x1b[31m" not in done.stdout
    assert rb"\x1b[31m[bold]red[/bold]" in done.stdout
    assert b"hxxp://evil[.]example/x.php" in done.stdout
    assert b"\xe2\x80\xae" not in done.stdout
    assert rb"\u202e\xff" in done.stdout


def test_a_long_message_is_shortened_on_a_terminal() -> None:
    many = b"".join(
        f"Received: from a (b [192.0.2.{number}]) by c with ESMTP id D{number}; {DATE}\n".encode()
        for number in range(60)
    )
    told = run(*OURS, stdin=many + SPAM).stdout
    assert b"31 more lines: --json has all of them." in told
    assert b" more: --json has all of them." in told


def test_settings_name_our_servers() -> None:
    done = run("--json", stdin=SPAM, WHOSENT_OURS__MAIL_SERVERS="mx.example.org,mx2.example.org")
    assert json.loads(done.stdout)["boundary"]["level"] == "attested"


def test_several_are_parted_by_a_blank_line(tmp_path: Path) -> None:
    (tmp_path / "two.mbox").write_bytes((SEPARATOR + SPAM + b"\n") * 2)
    told = b"".join(run(*OURS, tmp_path / "two.mbox").stdout.split())
    assert b"two.mbox,message2:spam" in told  # wherever a long path was broken
