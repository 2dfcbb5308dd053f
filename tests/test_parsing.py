"""``whosent parse``: events as lines of JSON in the order of the sources, and an account that adds up."""

from __future__ import annotations

import io
import json
from datetime import UTC
from pathlib import Path
from typing import Any

from tests.queues.kit import SAMPLES
from whosent import parsing
from whosent.model.settings import Settings
from whosent.queue_listing import list_queues
from whosent.sources.files import Source
from whosent.sources.queue import Reading
from whosent.sources.spools import spools

MAIL = (
    b"Nov 12 14:03:07 mx postfix/smtpd[9]: 4F3A2B1C00: client=x[203.0.113.9], sasl_method=PLAIN, sasl_username=al\n"
    b"Nov 12 14:03:08 mx postfix/qmgr[3]: 4F3A2B1C00: from=<al@Corp.TEST>, size=900, nrcpt=2 (queue active)\n"
    b"Nov 12 14:03:08 mx postfix/qmgr[3]: what is this\n"
    b"Nov 12 14:03:09 mx CRON[3]: (root) CMD (true)\n"
)
WEB = b'203.0.113.9 - - [12/Nov/2026:14:03:07 +0000] "POST /contact.php?x=1 HTTP/1.1" 200 11 "-" "curl"\n'


def parse(folder: Path, out: io.BytesIO | None) -> parsing.Statistics:
    names = (("mail.log", MAIL), ("access.log", WEB))
    sources = []
    for name, content in names:
        (folder / name).write_bytes(content)
        sources.append(Source(name, folder / name))
    told: list[int] = []
    inputs = parsing.parse(sources, Settings(), UTC, out, told.append)
    assert sum(told) == len(MAIL) + len(WEB)
    return parsing.statistics(inputs, ["gone.log"])


def test_events_stand_one_a_line_with_where_they_were_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    parse(tmp_path, out)
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["submission", "queued", "request"]
    assert [(event["source"], event["line"]) for event in events] == [
        ("mail.log", 1),
        ("mail.log", 2),
        ("access.log", 1),
    ]
    assert events[0]["account"] == "al"
    assert events[1]["sender"] == "al@corp.test"
    assert events[1]["recipient_count"] == 2
    assert MAIL[events[1]["offset"] :].startswith(b"Nov 12 14:03:08 mx postfix/qmgr[3]: 4F3A")
    assert events[2]["path"] == "/contact.php"


def test_without_output_only_the_account_is_made(tmp_path: Path) -> None:
    read = parse(tmp_path, None)
    assert (read.lines, read.understood, read.other_programs, read.not_understood) == (5, 3, 1, 1)
    assert [source.problem for source in read.sources] == [None, None, "no such file"]
    assert read.unrecognised[0].excerpt.endswith("what is this")
    told = json.loads(parsing.encode(read))
    assert told["schema"] == parsing.SCHEMA
    assert told["programs"] == {"CRON": 1}


def listed(*places: Path) -> tuple[list[dict[str, Any]], list[Reading]]:
    out = io.BytesIO()
    found, missing = spools([str(place) for place in places])
    assert not missing
    readings = list_queues(found, out, lambda _files: None)
    return [json.loads(line) for line in out.getvalue().splitlines()], readings


def test_each_message_of_a_queue_is_a_line() -> None:
    """Of every mail server; what they say is held against what Postfix, Exim and Sendmail themselves list."""
    told, readings = listed(SAMPLES / "mx", SAMPLES / "exim", SAMPLES / "sendmail-web" / "mqueue-client")
    assert [reading.folders.total() for reading in readings] == [8, 6, 1]
    postfix = {
        one["queue_id"]: one for one in map(json.loads, (SAMPLES / "mx.postqueue.json").read_text().splitlines())
    }
    for one in told:
        assert one["event"] == "queue_sample"
        assert Path(one["source"]).is_file()
        if one["mta"] == "postfix":
            said = postfix.pop(one["queue_id"])
            assert (one["folder"], one["sender"] or "MAILER-DAEMON") == (said["queue_name"], said["sender"])
            assert one["recipient_count"] == len(said["recipients"])
    assert not postfix
    accounts = [one["queue_id"] for one in told if one["account"] == "bob@corp.test"]
    assert len(accounts) == 6
    last = told[-1]
    assert (last["actor"], last["local_user"], last["uid"], last["script"]) == (
        "local_user", "www-data", None, "contact.php",
    )  # fmt: skip
    with Path(last["source"]).open("rb") as file:
        file.seek(last["offset"])
        assert file.readline() == b"$_www-data@localhost\n"
    assert [(one["uid"], one["local_user"]) for one in told if one["actor"] == "local_user"][:1] == [(33, "www-data")]


def test_without_output_a_queue_is_counted(tmp_path: Path) -> None:
    (tmp_path / "deferred").mkdir()
    (tmp_path / "deferred" / "4F3A2B1C00").write_bytes(b"")
    (found,), _ = spools([str(tmp_path)])
    (reading,) = list_queues([found], None, lambda _files: None)
    assert not reading.folders
    assert sum(reading.unread.values()) == 1
