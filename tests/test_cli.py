"""The command as people and machines call it: exit codes, JSON, silence where it matters, sentences that help."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.join.kit import client, delivery, line, pickup, queued, removed

ROOT = Path(__file__).parents[1]
INCIDENT = ROOT / "samples" / "incident"
QUEUE = Path(__file__).parent / "queues" / "samples" / "mx"
WHOSENT = [sys.executable, "-m", "whosent"]
CLEAN, WARNING, CRITICAL, UNKNOWN = range(4)

Answer = dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WHOSENT_", "FORCE_COLOR"))}
    return {**kept, "WHOSENT_CONFIG": os.devnull, "WHOSENT_LOGS__TIMEZONE": "UTC", **more}


def run(*arguments: str | Path, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*WHOSENT, *map(str, arguments)], input=stdin, capture_output=True, env=environment(**more), check=False
    )


def scan(*arguments: str | Path, stdin: bytes = b"") -> Answer:
    done = run("scan", "--json", *arguments, stdin=stdin)
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
    said: Answer = json.loads(done.stdout)
    assert done.returncode == ("clean", "warning", "critical", "unknown").index(said["verdict"])
    return said


def problems(said: Answer) -> dict[str, str | None]:
    return {Path(one["source"]).name: one["problem"] for one in said["coverage"]["sources"]}


def a_quiet_day(messages: int = 40) -> bytes:
    lines = []
    for number in range(messages):
        name = f"A{number:05X}"
        lines += [
            client(60 * number, name, f"user{number % 5}@example.org"),
            queued(60 * number, name, f"user{number % 5}@example.org"),
            delivery(60 * number + 1, name, f"friend{number % 9}@example.com"),
            removed(60 * number + 1, name),
        ]
    return b"".join(lines)


# ------------------------------------------------------------------ exit codes


def test_clean_is_0(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(a_quiet_day())
    done = run("scan", tmp_path / "mail.log")
    assert (done.returncode, done.stderr) == (CLEAN, b"")
    assert b"Nobody here was seen sending spam" in b" ".join(done.stdout.split())


def test_warning_is_1() -> None:
    assert scan(INCIDENT / "web-mail.log")["verdict"] == "warning"


def test_critical_is_2() -> None:
    done = run("scan", INCIDENT / "mail.log")
    assert done.returncode == CRITICAL
    assert b"alice@corp.test" in done.stdout.splitlines()[0]


OTHERS = {
    "empty": b"",
    "blank": b"\n\n\n",
    "nuls": bytes(5000),
    "noise": b"".join(line(number, "sshd", "Accepted publickey for root") for number in range(50)),
    "exim": b"".join(
        b"2026-11-16 00:00:%02d 1abcDE-000123-XY => bob@example.com R=dnslookup T=remote_smtp H=mx.example.com\n"
        % second
        for second in range(50)
    ),
    "sendmail": b"Nov 16 00:00:07 mx sendmail[77]: 3AG007: to=<bob@example.com>, delay=00:00:01, stat=Sent\n" * 50,
    "prose": b"Dear Sir or Madam,\nwith reference to your letter\n" * 50,
    "html": b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
    "binary": bytes(range(256)) * 400,
    "pdf": b"%PDF-1.7\n" + bytes(reversed(range(256))) * 40,
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_usable_is_3_and_a_sentence_says_what_to_do(name: str) -> None:
    done = run("scan", stdin=OTHERS[name])
    assert (done.returncode, done.stderr) == (UNKNOWN, b"")
    assert b"give the mail server's log" in b" ".join(done.stdout.split()), done.stdout
    assert scan("-", stdin=OTHERS[name])["verdict"] == "unknown"


def test_a_web_servers_log_alone_says_nothing_of_mail() -> None:
    said = scan(INCIDENT / "access.log")
    assert said["verdict"] == "unknown"
    assert "Add its log, such as /var/log/mail.log." in said["sentence"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["scan", "/nowhere/mail.log"], "no such file: /nowhere/mail.log. Give log files, folders or globs"),
        (["scan", "--own-network", "inside", "x"], "'inside' is no network"),
        (["scan", "--year", "99999", "x"], "`$.logs.year`"),
        (["scan", "--timezone", "Nowhere", "-"], "no zone called 'Nowhere'. Use a name such as Europe/Berlin"),
        (["scan", "--bogus"], "No such option: --bogus"),
        (["scan", "--jobs", "many", "x"], "--jobs"),
        (["bogus"], "No such command"),
    ],
)
def test_a_mistake_is_3_and_told_in_a_sentence(arguments: list[str], sentence: str) -> None:
    done = run(*arguments)
    told = " ".join(done.stderr.decode().split())
    assert done.returncode == UNKNOWN
    assert sentence in told
    assert "Traceback" not in told
    assert done.stdout == b""


def test_a_mistake_in_the_configuration_is_3() -> None:
    done = run("scan", "-", WHOSENT_LOGS__YEARS="1")
    assert (done.returncode, done.stdout) == (UNKNOWN, b"")
    assert b"unknown field `years` - at `$.logs`" in done.stderr


def test_a_fault_of_ours_is_3_and_not_a_warning(tmp_path: Path) -> None:
    code = "from whosent import cli, walk\nwalk.prepare = None\ncli.main()\n"
    (tmp_path / "mail.log").write_bytes(a_quiet_day(1))
    done = subprocess.run(
        [sys.executable, "-c", code, "scan", str(tmp_path / "mail.log")],
        capture_output=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == UNKNOWN
    assert b"Traceback" in done.stderr
    assert b"this is a fault of Whosent, not yours" in done.stderr


@pytest.mark.parametrize(
    ("command", "others"),
    [
        ("config --help", "cli.scan"),
        ("scan --help", "cli.watch"),
        ("scan --help", "walk"),
        ("parse --help", "cli.scan"),
        ("--version", "cli.scan"),
    ],
)
def test_a_command_waits_for_nothing_that_others_need(command: str, others: str) -> None:
    program = (
        f"import sys; sys.argv = ['whosent', *'{command}'.split()]\nfrom whosent.cli import main\n"
        f"try: main()\nfinally: print('whosent.{others}' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.startswith("Usage:" if "--help" in command else "whosent ")
    assert done.stdout.endswith("False\n")


def test_help_has_an_example() -> None:
    for command in ("scan", "parse", "config"):
        done = run(command, "--help")
        assert done.returncode == CLEAN
        assert b"Example: whosent " in done.stdout


# ------------------------------------------------------------------ JSON


def test_json_has_the_documented_keys() -> None:
    said = scan(INCIDENT / "mail.log", INCIDENT / "web-mail.log", INCIDENT / "access.log", INCIDENT / "php-mail.log")
    assert said["schema"] == "whosent.scan/1"
    assert said.keys() >= {
        "schema", "version", "verdict", "sentence", "window", "hosts", "coverage", "assumptions", "blind_spots",
        "incidents", "overview",
    }  # fmt: skip
    coverage = said["coverage"]
    assert coverage["understood"] + coverage["other_programs"] + coverage["not_understood"] == coverage["lines"]
    assert said["hosts"] == ["mx", "web"]
    assert said["window"][0] < said["window"][1]
    for incident in said["incidents"]:
        assert incident.keys() >= {
            "id", "suspect", "cause", "strength", "since", "until", "messages", "recipients", "sentence", "findings",
            "remedies",
        }  # fmt: skip
        assert incident["suspect"].keys() >= {"kind", "name", "host"}
        for finding in incident["findings"]:
            assert finding.keys() >= {"detector", "sentence", "measure", "norm", "evidence"}
            assert finding["evidence"]
            for evidence in finding["evidence"]:
                assert evidence.keys() >= {"source", "offset", "line", "excerpt", "sha256", "level"}
        for remedy in incident["remedies"]:
            assert remedy.keys() >= {"title", "commands", "undo"}


def test_every_quoted_line_stands_where_it_is_said_to() -> None:
    said = scan(INCIDENT / "mail.log")
    text = (INCIDENT / "mail.log").read_bytes()
    lines = text.splitlines()
    quoted = [one for incident in said["incidents"] for finding in incident["findings"] for one in finding["evidence"]]
    assert len(quoted) > 10
    for one in quoted:
        raw = lines[one["line"] - 1]
        assert text[one["offset"] :].startswith(raw)
        assert one["excerpt"] == raw.decode()


def test_the_same_input_gives_the_same_bytes() -> None:
    logs = [INCIDENT / name for name in ("mail.log", "web-mail.log", "access.log", "php-mail.log")]
    assert run("scan", "--json", *logs).stdout == run("scan", "--json", *reversed(logs)).stdout


def test_parse_prints_events_and_statistics() -> None:
    done = run("parse", INCIDENT / "web-mail.log", "/nowhere/else")
    events = [json.loads(text) for text in done.stdout.splitlines()]
    assert {event["event"] for event in events} >= {"submission", "queued", "delivery"}
    assert (done.returncode, done.stderr) == (CLEAN, b"whosent: /nowhere/else: no such file\n")
    read = json.loads(run("parse", "--stats", "--json", INCIDENT / "web-mail.log").stdout)
    assert read["understood"] + read["other_programs"] + read["not_understood"] == read["lines"]
    on_paper = run("parse", "--stats", INCIDENT / "web-mail.log").stdout
    assert f"{read['lines']:,}".encode() in on_paper
    assert run("parse", "-", stdin=OTHERS["prose"]).returncode == UNKNOWN
    queue = run("parse", "--queue-directory", QUEUE)
    assert {json.loads(line)["event"] for line in queue.stdout.splitlines()} == {"queue_sample"}
    assert b"8 messages." in queue.stderr


def test_config_prints_what_it_reads(tmp_path: Path) -> None:
    printed = run("config", WHOSENT_LOGS__YEAR="2025")
    (tmp_path / "whosent.toml").write_bytes(printed.stdout)
    again = run("config", WHOSENT_CONFIG=str(tmp_path / "whosent.toml"))
    assert (again.returncode, again.stdout) == (CLEAN, printed.stdout)
    assert json.loads(run("config", "--json").stdout)


def test_version() -> None:
    assert run("--version").stdout.startswith(b"whosent ")


# ------------------------------------------------------------------ inputs


def test_standard_input_says_the_same_as_the_file() -> None:
    text = (INCIDENT / "mail.log").read_bytes()
    of_file = scan(INCIDENT / "mail.log")
    for stdin in (text, gzip.compress(text)):
        piped = scan("-", stdin=stdin)
        assert [one["sentence"] for one in piped["incidents"]] == [one["sentence"] for one in of_file["incidents"]]
        assert piped["incidents"][0]["findings"][0]["evidence"][0]["source"] == "-"
    assert run("scan", stdin=text).returncode == CRITICAL


def test_a_pipe_is_an_argument_like_any(tmp_path: Path) -> None:
    log = INCIDENT / "mail.log"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m whosent scan --json <(cat {log})"],
        capture_output=True, env=environment(), cwd=tmp_path, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == CRITICAL


def test_missing_damaged_unreadable_and_good_together(tmp_path: Path) -> None:
    good, packed = a_quiet_day(), bz2.compress((INCIDENT / "web-mail.log").read_bytes())
    (tmp_path / "mail.log").write_bytes(good)
    (tmp_path / "broken.log.bz2").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "empty.log").write_bytes(b"")
    (tmp_path / "junk.log").write_bytes(OTHERS["binary"])
    (tmp_path / "dangling.log").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.log")
    said = scan(*sorted(tmp_path.iterdir()), tmp_path / "gone.log", "/dev/null")
    told = problems(said)
    assert said["coverage"]["messages"] >= 40
    assert told["mail.log"] is None
    assert told["broken.log.bz2"] is not None
    assert "breaks off or is damaged after" in told["broken.log.bz2"]
    assert told["dangling.log"] == "could not be read: No such file or directory"
    assert told["gone.log"] == "no such file"
    assert told["null"] == "is no file or pipe: not read"
    on_paper = "".join(run("scan", tmp_path / "mail.log", tmp_path / "gone.log").stdout.decode().split())
    assert "gone.log:nosuchfile" in on_paper  # wherever a long path was broken


def test_a_folder_and_a_glob(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    lines = a_quiet_day().splitlines(keepends=True)
    (tmp_path / "logs" / "mail.log").write_bytes(b"".join(lines[80:]))
    (tmp_path / "logs" / "mail.log.1.gz").write_bytes(gzip.compress(b"".join(lines[:80])))
    for argument in (tmp_path / "logs", tmp_path / "logs" / "mail*", tmp_path / "*"):
        assert scan(argument)["coverage"]["messages"] == 40


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_line_ends_and_odd_bytes_change_nothing(tmp_path: Path, end: bytes) -> None:
    log = (INCIDENT / "mail.log").read_bytes().rstrip(b"\n").replace(b"\n", end)
    (tmp_path / "mail.log").write_bytes(bytes(700) + end + b"\xff\xfe\x00rubbish" + end + b"x" * 300_000 + end + log)
    said = scan(tmp_path / "mail.log")
    plain = scan(INCIDENT / "mail.log")
    assert [one["sentence"] for one in said["incidents"]] == [one["sentence"] for one in plain["incidents"]]
    assert said["coverage"]["lines"] == plain["coverage"]["lines"] + 3
    raw = (tmp_path / "mail.log").read_bytes().split(b"\n")
    evidence = said["incidents"][0]["findings"][0]["evidence"][0]
    assert raw[evidence["line"] - 1].removesuffix(b"\r").decode() == evidence["excerpt"]


def test_a_hostile_file_name_colours_nothing(tmp_path: Path) -> None:
    name = os.fsdecode(b"mail\x1b[31m\xff\n.log")
    (tmp_path / name).write_bytes(a_quiet_day())
    done = run("scan", tmp_path / name, tmp_path / "gone\x1b[31m")
    assert b"\x1b" not in done.stdout + done.stderr
    assert scan(tmp_path / name)["coverage"]["sources"][0]["source"] == f"{tmp_path}/mail\\x1b[31m\\xff\\x0a.log"


# ------------------------------------------------------------------ manners


def test_no_colour_and_no_bar_when_piped() -> None:
    done = run("scan", INCIDENT / "mail.log", TERM="xterm-256color")
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""


def test_colour_on_a_terminal() -> None:
    leader, follower = pty.openpty()
    done = subprocess.run(
        [*WHOSENT, "scan", str(INCIDENT / "web-mail.log")], stdout=follower, stderr=subprocess.DEVNULL,
        env=environment(TERM="xterm-256color"), check=False,
    )  # fmt: skip
    os.close(follower)
    assert done.returncode == WARNING
    assert b"\x1b[" in os.read(leader, 4096)
    os.close(leader)


def test_a_terminal_is_not_read_from() -> None:
    leader, follower = pty.openpty()
    done = subprocess.run([*WHOSENT, "scan"], stdin=follower, capture_output=True, env=environment(), check=False)
    os.close(follower)
    os.close(leader)
    assert done.returncode == UNKNOWN
    assert done.stderr.startswith(b"whosent: no log given. Try: whosent scan /var/log/mail.log*")


def links(folder: Path) -> list[str]:
    """Where the links of a folder lead, as far as they are still there."""
    found = []
    for entry in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found


def test_an_interrupt_is_130() -> None:
    process = subprocess.Popen(
        [*WHOSENT, "scan", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    process.stdin.write(a_quiet_day())
    process.stdin.flush()
    opened = Path(f"/proc/{process.pid}/fd")
    for _ in range(1800):
        time.sleep(0.1)
        if any("(deleted)" in link for link in links(opened)):
            break  # it keeps what it reads in an unnamed file
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert (process.returncode, told.strip()) in {(130, b""), (130, b"Aborted!")}


def test_a_closed_pipe_is_left_quietly() -> None:
    process = subprocess.Popen(
        [*WHOSENT, "parse", str(INCIDENT / "mail.log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == -signal.SIGPIPE


def test_html_and_evidence_are_written(tmp_path: Path) -> None:
    done = run("scan", INCIDENT / "mail.log", "--html", tmp_path / "r.html", "--evidence", tmp_path / "case")
    assert done.returncode == CRITICAL
    assert b"alice@corp.test" in (tmp_path / "r.html").read_bytes()
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tmp_path / "case", check=True)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    done = run("scan", INCIDENT / "mail.log", "--html", tmp_path / "no" / "such" / "r.html")
    assert done.returncode == UNKNOWN
    assert b"could not write" in done.stderr
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("x")
    done = run("scan", INCIDENT / "mail.log", "--evidence", tmp_path / "taken")
    assert done.returncode == UNKNOWN
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "taken" / "mine").exists()


# ------------------------------------------------------------------ forged lines


def framed(recipients: int = 600) -> list[bytes]:
    """What a local user writes with logger(1) to make bob a spammer, and a script of the web shop another."""
    lines = []
    for number in range(recipients // 20):
        at, name = 3600 + 20 * number, f"F{number:05X}"
        lines += [
            client(at, name, "bob@example.org", f"203.0.113.{number % 250}"),
            queued(at, name, "bob@example.org", count=20),
        ]
        script = f"E{number:05X}"
        lines += [pickup(at, script, 33), queued(at, script, "www-data@example.org", count=20)]
        for each in range(20):
            refused = ("bounced", "host x said: 550 5.1.1 User unknown") if each % 2 else ("sent", "250 ok")
            lines += [
                delivery(
                    at + 1, name, f"r{number}.{each}@dom{each}.example", *refused, dsn="5.1.1" if each % 2 else ""
                ),
                delivery(
                    at + 1, script, f"s{number}.{each}@dom{each}.example", *refused, dsn="5.1.1" if each % 2 else ""
                ),
                line(
                    at, "php", f"mail() on [/var/www/shop.php:7]: To: s{number}.{each}@dom{each}.example -- Headers: x"
                ),
            ]
        lines += [removed(at + 2, name), removed(at + 2, script)]
        lines += [line(at, "dovecot", "imap-login: Login: user=<bob@example.org>, method=PLAIN, "
                       f"rip=203.0.113.{number % 250}, lip=192.0.2.1, mpid=77, TLS, session=<abc>")]  # fmt: skip
    return lines


def in_order(lines: Iterable[bytes]) -> bytes:
    by_time: list[bytes] = sorted(lines, key=lambda text: text[:25])
    return b"".join(by_time)


def test_forged_syslog_never_proves_anything(tmp_path: Path) -> None:
    (tmp_path / "mail.log").write_bytes(in_order([*a_quiet_day().splitlines(keepends=True), *framed()]))
    said = scan(tmp_path / "mail.log")
    assert said["incidents"]
    for incident in said["incidents"]:
        assert incident["strength"] != "proven", incident["sentence"]
        assert any("any local user of that machine can write such lines" in text for text in incident["unproven"])


def journal_entry(text: bytes, **trusted: str) -> bytes:
    stamp, host, tag, message = text.decode().rstrip("\n").split(" ", 3)
    entry = {
        "__REALTIME_TIMESTAMP": str(int(datetime.fromisoformat(stamp).timestamp() * 1e6)),
        "_HOSTNAME": host,
        "SYSLOG_IDENTIFIER": tag.partition("[")[0],
        "MESSAGE": message,
        **trusted,
    }
    return json.dumps(entry).encode() + b"\n"


def test_forged_entries_of_the_journal_are_not_used(tmp_path: Path) -> None:
    real = [
        journal_entry(text, _UID="0", _COMM="smtpd", _SYSTEMD_UNIT="postfix@-.service")
        for text in a_quiet_day().splitlines(keepends=True)
    ]
    forged = [journal_entry(text, _UID="1000", _COMM="logger", _SYSTEMD_UNIT="session-3.scope") for text in framed()]
    (tmp_path / "journal.json").write_bytes(b"".join([*real, *forged]))
    said = scan(tmp_path / "journal.json")
    assert said["verdict"] == "clean"
    assert said["incidents"] == []
    assert said["coverage"]["forged"] == len(forged)
    assert said["coverage"]["messages"] == 40
