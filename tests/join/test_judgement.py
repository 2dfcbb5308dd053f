"""Verdicts and subjects find their messages, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.stories.kit import START
from whosent.dialects import Rule
from whosent.join import arrivals
from whosent.join.chain import Chain
from whosent.join.judgement import asks
from whosent.join.messages import Join, layout, layout_with_ids
from whosent.model.rows import JoinedRow, Subject, Verdict
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

SAMPLES = Path(__file__).parents[1] / "samples"
MX = "Nov 12 14:03:{second:02} mx {program}[7]: {text}\n"
SPAM = (
    "spamd: result: Y 12 - BAYES_99 scantime=0.4,size=2,user=al,uid=1,required_score=5.0,"
    "rhost=l,raddr=::1,rport=4,mid={},autolearn=no"
)


def lines(*said: tuple[str, str]) -> bytes:
    return "".join(MX.format(second=n, program=program, text=text) for n, (program, text) in enumerate(said)).encode()


def joined(log: bytes, *, with_ids: bool = False) -> list[JoinedRow]:
    clock = Clock(UTC, datetime(2026, 12, 1, tzinfo=UTC))
    join = Join(Surroundings(Settings().ours))
    join.continue_with(0, clock)
    reader = Reader(log, clock, layout_with_ids if with_ids else layout)
    return list(join.rows(reader.tokens(log), 0))


def verdicts(log: bytes, *, with_ids: bool = False) -> list[tuple[str, str, bool]]:
    rows = joined(log, with_ids=with_ids)
    return [(row.actor.kind, row.actor.name, row.spam) for row in rows if isinstance(row, Verdict)]


BOB, CAROL, STRANGER = ("account", "bob@corp.test"), ("account", "carol@corp.test"), ("stranger", "100.64.3.7")
PROGRAM = ("local_user", "33")


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (
            "rspamd/syslog",
            [
                (*BOB, False),
                (*BOB, True),
                (*CAROL, True),
                (*BOB, True),
                (*BOB, True),
                (*STRANGER, True),
                (*PROGRAM, True),
            ],
        ),
        (
            "rspamd/own-file",
            [(*BOB, False), (*BOB, True), (*CAROL, True), (*BOB, True), (*STRANGER, True), ("unknown", "", True)],
        ),
        ("spamd/syslog", [(*BOB, False), (*BOB, False), (*CAROL, False), (*BOB, True), (*STRANGER, False)]),
        (
            "amavis/syslog",
            [
                *[(*BOB, False), (*BOB, False), (*CAROL, False), (*STRANGER, False), (*BOB, True), (*BOB, True)],
                *[(*PROGRAM, False), (*STRANGER, True)],
            ],
        ),
        ("clamav/syslog", [(*BOB, False), (*BOB, True), (*STRANGER, True), (*PROGRAM, True)]),
        ("opendkim/syslog", []),
        ("postgrey/syslog", []),
    ],
)
def test_real_filters_judge_the_mail_of_those_who_sent_it(sample: str, expected: list[tuple[str, str, bool]]) -> None:
    log = (SAMPLES / f"{sample}.log").read_bytes()
    assert verdicts(log, with_ids=asks([log])) == expected


@pytest.mark.parametrize("program", ["rspamd", "spamd", "amavis", "clamav"])
def test_nobody_is_judged_by_what_a_stranger_writes(program: str) -> None:
    for log in (SAMPLES / program).glob("*hostile-*.log"):
        data = log.read_bytes()
        rows = joined(data, with_ids=asks([data]))
        assert {row.actor.kind for row in rows if isinstance(row, Verdict)} <= {"stranger", "unknown", "host"}
        assert not [row for row in rows if isinstance(row, Verdict) and "carol" in row.actor.name]


def test_message_ids_are_asked_for_only_where_a_filter_knows_nothing_else() -> None:
    heads = {
        name: (SAMPLES / f"{name}.log").read_bytes() for name in ("spamd/syslog", "amavis/syslog", "rspamd/syslog")
    }
    assert [name for name, head in heads.items() if asks([head])] == ["spamd/syslog", "amavis/syslog"]
    assert not verdicts(heads["spamd/syslog"])[0][1]


def _message(queue_id: str, account: str, message_id: str) -> tuple[tuple[str, str], ...]:
    client = f"{queue_id}: client=pc[10.0.0.5], sasl_method=PLAIN, sasl_username={account}"
    return (("postfix/smtpd", client), ("postfix/cleanup", f"{queue_id}: message-id=<{message_id}>"))


def test_a_message_id_that_two_senders_use_at_once_names_neither() -> None:
    first, second = _message("AAAAAAAAA1", "alice", "x@y"), _message("AAAAAAAAA2", "bob", "x@y")
    judged = ("spamd", SPAM.format("<x@y>"))
    assert verdicts(lines(*first, judged), with_ids=True) == [("account", "alice", True)]
    assert verdicts(lines(*first, *second, judged), with_ids=True) == [("unknown", "", True)]


def test_a_message_id_counts_no_more_when_its_message_has_left() -> None:
    gone = ("postfix/qmgr", "AAAAAAAAA1: removed")
    log = lines(*_message("AAAAAAAAA1", "alice", "x@y"), gone, ("spamd", SPAM.format("<x@y>")))
    assert verdicts(log, with_ids=True) == [("unknown", "", True)]


def test_a_milter_without_a_log_speaks_through_postfix() -> None:
    end = (
        "milter-reject: END-OF-MESSAGE from pc[10.0.0.5]: 5.7.1 {}; from=<a@b.test> to=<c@d.test> proto=ESMTP helo=<pc>"
    )
    message = _message("AAAAAAAAA1", "alice", "x@y")
    said = [
        ("postfix/cleanup", f"AAAAAAAAA1: {end.format(why)}") for why in ("Blocked by SpamAssassin", "DMARC policy")
    ]
    assert verdicts(lines(*message, *said)) == [("account", "alice", True)]
    assert not verdicts(lines(*said)), "no such message"


def test_subjects_of_header_checks_and_of_exim_belong_to_their_sender() -> None:
    log = (SAMPLES / "postfix/header-check-subject.log").read_bytes()
    found = [(row.actor.name, row.subject) for row in joined(log) if isinstance(row, Subject)]
    assert found[0] == ("bob@corp.test", b"Quarterly figures")
    lone = [line for line in log.splitlines(keepends=True) if b"header Subject" in line]
    assert not [row for row in joined(b"".join(lone)) if isinstance(row, Subject)], "of no message that is known"
    known = {"queue_id": b"1abc", "client_address": b"10.0.0.5", "account": b"alice", "subject": b"Hello"}
    client = arrivals.Arrival(**dict.fromkeys(arrivals.LAYOUT) | known)  # type: ignore[arg-type]  # by name
    token = (Rule("arrival", b""), 0, (START, b"mx", None, *client))
    rows = list(Join(Surroundings(Settings().ours)).rows([token], 0))
    assert [(row.actor.name, row.subject) for row in rows if isinstance(row, Subject)] == [("alice", b"Hello")]


def test_a_verdict_follows_its_message_back_to_the_host_that_took_it() -> None:
    web = "Nov 12 14:03:0{} web postfix/{}[7]: {}\n"
    handed = (
        web.format(0, "pickup", "BBBBBBBBB1: uid=33 from=<www-data>")
        + web.format(1, "qmgr", "BBBBBBBBB1: from=<w@web.test>, size=1, nrcpt=1 (queue active)")
        + web.format(
            4, "smtp", "BBBBBBBBB1: to=<c@d.test>, relay=mx[10.0.0.1]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, "
            "status=sent (250 2.0.0 Ok: queued as AAAAAAAAA1)",
        )
    ).encode()  # fmt: skip
    rspamd = (
        "<1a>; proxy; rspamd_task_write_log: id: <x@y>, qid: <AAAAAAAAA1>, ip: 10.0.0.9, from: <w@web.test>, (default: "
        "T (add header): [8.90/15.00] [A(8.90){}]), len: 1, time: 1.0ms, dns req: 0, rcpts: <c@d.test>"
    )
    taken = lines(("postfix/smtpd", "AAAAAAAAA1: client=web[10.0.0.9]"), ("rspamd", rspamd))
    rows = sorted([*joined(handed), *joined(taken)], key=lambda row: row.time)
    chain = Chain()
    told = [row for batch in chain.batches([rows]) for row in batch] + list(chain.rest())
    assert [row.actor[:3] for row in told if isinstance(row, Verdict)] == [("local_user", "33", "web")]
