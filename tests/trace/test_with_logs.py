"""Lines held against our own logs: what they prove, whom they name, and what a copied queue id does not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.join.kit import START, client, delivery, line, pickup, queued, removed
from tests.trace.kit import DATE, INNOCENT, STRANGER, by_mx, ledger, ours, traced
from whosent.join.sightings import Sightings, Wanted, layout
from whosent.model.finding import Level, Strength
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

MESSAGE_ID = "<one@example.org>"
HEADERS = (f"Message-ID: {MESSAGE_ID}",)
FOR = f"for <friend@victim.example>; {DATE}"
VICTIM = f"from mx.example.org (unknown [192.0.2.1]) by mx.victim.example (Postfix) with ESMTP id V1 {FOR}"


def cleanup(at: float, name: str, host: str = "mx") -> bytes:
    return line(at, "postfix/cleanup", f"{name}: message-id={MESSAGE_ID}", host)


def other_mail(at: float, host: str = "mx") -> bytes:
    return client(at, f"C{int(at) & 0xFFFFF:05X}", host=host) + removed(at, f"C{int(at) & 0xFFFFF:05X}", host=host)


def sent_by_alice(name: str = "4A1B2C3D4E", reply: str = "250 2.0.0 Ok: queued as V1") -> bytes:
    return b"".join(
        [
            other_mail(-1000),
            client(2, name, "alice@example.org", STRANGER),
            cleanup(2, name),
            queued(3, name, "alice@example.org"),
            delivery(6, name, "friend@victim.example", reply=reply),
            removed(6, name),
            other_mail(1000),
        ]
    )


def test_a_complaint_leads_to_the_account() -> None:
    log = ledger(sent_by_alice(), "4A1B2C3D4E", "V1")
    mine = f"from pc (unknown [{STRANGER}]) by mx.example.org (Postfix) with ESMTPSA id 4A1B2C3D4E; {DATE}"
    one = traced(VICTIM, mine, logs=log, headers=HEADERS)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.name, one.suspect.host) == ("account", "alice@example.org", "mx")
    assert [hop.level for hop in one.hops] == [Level.VOUCHED, Level.CORROBORATED]
    assert one.strength is Strength.LIKELY
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address) == (2, STRANGER)
    (entry,) = one.logged
    assert (entry.account, entry.sender, entry.recipients, entry.agrees) == (
        "alice@example.org", "alice@example.org", ["friend@victim.example"], True,
    )  # fmt: skip


def test_our_own_copy_is_observed() -> None:
    log = ledger(sent_by_alice(), "4A1B2C3D4E")
    mine = f"from pc (unknown [{STRANGER}]) by mx.example.org (Postfix) with ESMTPSA id 4A1B2C3D4E; {DATE}"
    one = traced(mine, logs=log, headers=HEADERS)
    assert one.hops[0].level is Level.OBSERVED
    assert one.strength is Strength.SHOWN
    assert one.sentence.startswith("It was sent by the account alice@example.org.")


def test_a_queue_id_that_the_log_does_not_know_is_a_forgery() -> None:
    log = ledger(sent_by_alice(), "FFFFFFFF", "V1")
    joe_job = traced(VICTIM.replace("192.0.2.1", INNOCENT), by_mx(queue_id="FFFFFFFF"), logs=log, headers=HEADERS)
    assert joe_job.suspect is None
    assert joe_job.hops[1].level is Level.CONTRADICTED
    (sign, *_) = joe_job.forgeries
    assert (sign.sign, sign.hop, sign.proves) == ("absent_from_log", 2, True)
    assert "One line that names a server of ours is refuted by our own log" in joe_job.sentence


@pytest.mark.parametrize("log", [other_mail(-60), other_mail(60), other_mail(-90_000) + other_mail(60), b""])
def test_where_the_log_does_not_cover_the_time_nothing_is_refuted(log: bytes) -> None:
    one = traced(VICTIM, by_mx(queue_id="FFFFFFFF"), logs=ledger(log, "FFFFFFFF"))
    assert not [sign for sign in one.forgeries if sign.proves]
    assert one.hops[1].level is Level.CLAIMED


def test_a_damaged_log_refutes_nothing() -> None:
    log = ledger(sent_by_alice(), "FFFFFFFF")
    log.whole = False
    assert not [sign for sign in traced(VICTIM, by_mx(queue_id="FFFFFFFF"), logs=log).forgeries if sign.proves]


@pytest.mark.parametrize(
    ("mine", "headers", "why"),
    [
        (by_mx(), HEADERS, ""),
        (by_mx(f"pc (unknown [{INNOCENT}])"), HEADERS, "another client"),
        (by_mx(), ("Message-ID: <other@example.org>",), "another Message-ID"),
        (by_mx(date="Mon, 16 Nov 2026 05:00:05 +0000"), HEADERS, "another time"),
        (f"by mx.example.org (Postfix, from userid 33) id 4A1B2C3D4E; {DATE}", HEADERS, "has a client"),
        (by_mx(f"pc (unknown [{STRANGER}]) (Authenticated sender: bob)"), HEADERS, "another login"),
    ],
)
def test_a_copied_queue_id_is_found_out(mine: str, headers: tuple[str, ...], why: str) -> None:
    """The stranger's copy of a true line of ours, below a line that says he sent it."""
    log = ledger(sent_by_alice(reply="250 ok"), "4A1B2C3D4E", "V1")
    one = traced(VICTIM.replace("192.0.2.1", "192.0.2.200"), mine, logs=log, headers=headers)
    assert one.suspect is None
    assert one.boundary is not None
    assert one.boundary.hop == 1
    assert one.hops[1].level is (Level.CONTRADICTED if why else Level.CLAIMED)
    assert why in one.hops[1].note


def test_a_true_line_of_another_message_to_the_same_recipient_blames_nobody() -> None:
    """All that the copied line says is true of alice's mail; but this copy came from elsewhere."""
    taken_in = client(4, "5C1D2", address="192.0.2.200") + cleanup(4, "5C1D2") + removed(7, "5C1D2")
    log = ledger(sent_by_alice(reply="250 ok") + taken_in, "4A1B2C3D4E", "5C1D2")
    spam = f"from evil (unknown [192.0.2.200]) by mx.example.org (Postfix) with ESMTP id 5C1D2 {FOR}"
    copied = by_mx(f"pc (unknown [{STRANGER}]) (Authenticated sender: alice@example.org)")
    one = traced(spam, copied, logs=log, headers=HEADERS)
    assert one.suspect is None
    assert one.boundary is not None
    assert one.boundary.address == "192.0.2.200"


def test_hosts_of_ours_are_followed_by_what_they_logged() -> None:
    """Web server to relay to the world: the local user, and the script that called mail()."""
    web = b"".join(
        [
            other_mail(-60, "web"),
            pickup(2, "AAAAA", 33, host="web"),
            cleanup(2, "AAAAA", "web"),
            queued(3, "AAAAA", "www-data@web.example.org", host="web"),
            delivery(
                4,
                "AAAAA",
                "friend@victim.example",
                reply="250 2.0.0 Ok: queued as BBBBB",
                relay="mx[10.0.0.2]:25",
                host="web",
            ),
            removed(4, "AAAAA", host="web"),
            other_mail(60, "web"),
        ]
    )
    mx = b"".join(
        [
            client(4, "BBBBB", address="10.0.0.3"),
            cleanup(4, "BBBBB"),
            queued(4, "BBBBB", "www-data@web.example.org"),
            delivery(6, "BBBBB", "friend@victim.example", reply="250 2.0.0 Ok: queued as V1"),
            removed(6, "BBBBB"),
        ]
    )
    lines = (
        VICTIM,
        f"from web.example.org (unknown [10.0.0.3]) by mx.example.org (Postfix) with ESMTP id BBBBB {FOR}",
        f"by web.example.org (Postfix, from userid 33) id AAAAA; {DATE}",
        f"from innocent.example (innocent.example [{INNOCENT}]) by web.example.org with HTTP; {DATE}",
    )
    log = ledger(web + mx, "AAAAA", "BBBBB", "V1")
    one = traced(*lines, logs=log, headers=HEADERS)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.uid, one.suspect.host) == ("local_user", 33, "web")
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address) == (3, None)
    without_its_log = traced(*lines, logs=ledger(mx, "AAAAA", "BBBBB", "V1"), headers=HEADERS)
    assert without_its_log.suspect is None
    assert without_its_log.boundary is not None
    assert without_its_log.boundary.address == "10.0.0.3"


@pytest.mark.parametrize(
    ("relay", "to", "at", "hop"),
    [
        ("mx.example.org[10.0.0.2]:25", "friend@victim.example", 4, 2),
        ("mx.victim.example[192.0.2.9]:25", "friend@victim.example", 4, 1),
        ("mx.example.org[10.0.0.2]:25", "other@victim.example", 4, 1),
        ("mx.example.org[10.0.0.2]:25", "friend@victim.example", 4000, 1),
    ],
)
def test_a_reply_without_a_queue_id_asks_for_all_the_rest(relay: str, to: str, at: float, hop: int) -> None:
    """A machine of ours that copies the line of a message to the same recipient is not believed."""
    web = b"".join(
        [
            client(2, "AAAAA", "alice@example.org", INNOCENT, host="web"),
            cleanup(2, "AAAAA", "web"),
            queued(3, "AAAAA", "alice@example.org", host="web"),
            delivery(at, "AAAAA", to, reply="250 accepted", relay=relay, host="web"),
            removed(at, "AAAAA", host="web"),
        ]
    )
    lines = (
        f"from web (unknown [10.0.0.3]) by mx.example.org (Postfix) with ESMTP id BBBBB {FOR}",
        f"from pc (unknown [{INNOCENT}]) by web.example.org (Postfix) with ESMTPSA id AAAAA; {DATE}",
    )
    one = traced(*lines, logs=ledger(web, "AAAAA", "BBBBB"), headers=HEADERS)
    assert one.boundary is not None
    assert one.boundary.hop == hop
    assert (one.suspect is not None) == (hop == 2)


@pytest.mark.parametrize(
    ("by", "message_id", "level"),
    [
        ("mx.elsewhere.example", MESSAGE_ID, Level.OBSERVED),
        ("mx.elsewhere.example", "<other@example.org>", Level.VOUCHED),
    ],
)
def test_a_name_whose_domain_nobody_named_counts_if_the_message_id_agrees(
    by: str, message_id: str, level: Level
) -> None:
    log = ledger(sent_by_alice(), "4A1B2C3D4E")
    mine = by_mx(f"pc (unknown [{STRANGER}])").replace("by mx.example.org", f"by {by}")
    one = traced(mine, logs=log, headers=(f"Message-ID: {message_id}",))
    assert one.hops[0].level is level


def test_the_log_knows_the_uid_that_a_line_gets_wrong() -> None:
    log = ledger(pickup(2, "AAAAA", 33) + cleanup(2, "AAAAA") + removed(9, "AAAAA"), "AAAAA")
    one = traced(f"by mx.example.org (Postfix, from userid 34) id AAAAA; {DATE}", logs=log, headers=HEADERS)
    assert one.suspect is None
    assert "another uid" in one.hops[0].note


def calls(*scripts: str) -> bytes:
    return b"".join(
        f"[16-Nov-2026 00:00:01 UTC] mail() on [{script}:7]: To: friend@victim.example -- Headers: \n".encode()
        for script in scripts
    )


@pytest.mark.parametrize(
    ("log", "kind", "name"),
    [
        (calls("/srv/www/form.php"), "script", "/srv/www/form.php"),
        (calls("/srv/www/form.php", "/srv/www/other.php"), "local_user", "www-data"),
        (calls("/srv/www/form.php").replace(b"friend", b"other"), "local_user", "www-data"),
        (b"", "local_user", "www-data"),
    ],
)
def test_the_script_is_named_if_it_is_the_only_one(log: bytes, kind: str, name: str) -> None:
    mail = b"".join(
        [
            pickup(2, "AAAAA", 33),
            cleanup(2, "AAAAA"),
            queued(3, "AAAAA", "www-data@web.example.org"),
            delivery(4, "AAAAA", "friend@victim.example"),
            removed(4, "AAAAA"),
        ]
    )
    read = Sightings(Wanted(frozenset({"AAAAA"}), moments=(START + 5.0,)))
    for number, text in enumerate((mail, log)):
        clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
        reader = Reader(text, clock, layout)
        read.read(reader.tokens(text, 0), number, 0, clock)
        read.read(reader.finish(), number, len(text), clock)
    read.finish()
    one = traced(f"by mx.example.org (Postfix, from userid 33) id AAAAA; {DATE}", logs=read, headers=HEADERS)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.name, one.suspect.uid) == (kind, name, 33)


def test_a_host_of_a_short_name_is_ours_only_in_a_domain_of_ours() -> None:
    log = ledger(sent_by_alice(), "4A1B2C3D4E")
    known = ours(names=(), logs=log)
    assert known.log_of("mx.example.org") == "mx"
    assert known.learnt_from("mx.example.org") == "example.org"
    assert known.learnt_from("mx.evil.example") is None
    assert ours(logs=log).learnt_from("mx.example.org") is None
    one = traced(by_mx(), known=known, logs=log, headers=HEADERS)
    assert one.assumptions == [
        "mx.example.org is taken to be the host whose log was given, since accounts log in there as …@example.org."
    ]
    assert known.log_of("mx.evil.example") is None
    assert known.may_be_log_of("mx.evil.example") == "mx"
    assert known.log_of("mx") == "mx"


def test_an_own_machine_is_named_by_the_log() -> None:
    log = ledger(
        sent_by_alice()
        .replace(b", sasl_method=PLAIN, sasl_username=alice@example.org", b"")
        .replace(STRANGER.encode(), b"10.0.0.14"),
        "4A1B2C3D4E",
    )
    one = traced(by_mx("pc14 (unknown [10.0.0.14])"), logs=log, headers=HEADERS)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.name, one.strength) == ("host", "10.0.0.14", Strength.SHOWN)


def test_exim_and_sendmail_name_the_next_id_too() -> None:
    for reply in ("250 OK id=V1", "250 2.0.0 V1 Message accepted for delivery"):
        log = ledger(sent_by_alice(reply=reply), "V1")
        assert [life.queue_id for life in log.lives["4A1B2C3D4E"]] == ["4A1B2C3D4E"]


EXIM = (
    f"2026-11-16 00:00:04 1xWtnb-00001M-1k <= alice@example.org H=(pc) [{STRANGER}] P=esmtpa A=plain:alice@example.org "
    "S=285 id=one@example.org\n"
    "2026-11-16 00:00:05 1xWtnb-00001M-1k => friend@victim.example R=remote T=remote_smtp H=mx.victim.example "
    '[192.0.2.9] C="250 2.0.0 Ok: queued as V1"\n'
    "2026-11-16 00:00:05 1xWtnb-00001M-1k Completed\n"
).encode()


def test_a_log_that_does_not_name_its_host() -> None:
    """Exim's main log: it is that of a server we named, but it refutes nothing, since there may be others."""
    mine = f"from [{STRANGER}] (helo=pc) by mx.example.org with esmtpa (Exim 4.96) id 1xWtnb-00001M-1k; {DATE}"
    log = ledger(EXIM, "1xWtnb-00001M-1k", "V1")
    one = traced(VICTIM, mine, logs=log, headers=HEADERS)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.name, one.suspect.host) == ("account", "alice@example.org", "mx.example.org")
    invented = traced(VICTIM, mine.replace("1xWtnb", "1xWtnc"), logs=log, headers=HEADERS)
    assert not [sign for sign in invented.forgeries if sign.proves]
    unnamed = traced(mine, known=ours(names=(), logs=log), logs=log, headers=HEADERS)
    assert unnamed.hops[0].level is Level.OBSERVED


def test_a_local_user_is_named_with_the_host_that_the_log_leaves_out() -> None:
    handed = (
        b"2026-11-16 00:00:05 1xWtnb-00001M-1k <= www-data@example.org U=www-data P=local S=285 id=one@example.org\n"
    )
    rest = b"".join(one for one in EXIM.splitlines(keepends=True) if b" <= " not in one)
    mine = f"from www-data by mx.example.org with local (Exim 4.96) id 1xWtnb-00001M-1k; {DATE}"
    one = traced(VICTIM, mine, logs=ledger(handed + rest, "1xWtnb-00001M-1k", "V1"), headers=HEADERS)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.name, one.suspect.host) == ("local_user", "www-data", "mx.example.org")
    assert one.sentence.startswith("It was sent by a program of the local user www-data on mx.example.org.")
