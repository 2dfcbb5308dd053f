"""Which folder a local message came from, where Exim logs it: certain, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.join.kit import START, surroundings
from whosent.dialects import Rule, discover
from whosent.join.arrivals import Folders, server
from whosent.join.kinship import own_addresses
from whosent.join.messages import Join, layout
from whosent.model.rows import Message
from whosent.model.settings import Settings
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.sources.files import Source
from whosent.walk import prepare, scan

SHOP, BLOG = b"/home/u/shop/public_html", b"/home/u/blog/public_html"


def test_the_process_ties_folder_and_message_whatever_comes_between() -> None:
    folders = Folders()
    folders.note(0, b"1", SHOP)
    folders.note(0, b"2", BLOG)
    assert folders.take(5, b"2", b"shop") == BLOG
    assert folders.take(9, b"1", b"blog") == SHOP
    assert folders.take(9, b"1", b"blog") == SHOP  # exim -bs takes several
    assert folders.take(4000, b"1", b"blog") is None  # the number came again
    assert folders.take(9, b"3", b"blog") is None


def test_without_a_process_the_home_tells() -> None:
    folders = Folders()
    folders.note(0, None, SHOP)
    folders.note(0, None, BLOG)
    assert folders.take(1, None, b"blog") == BLOG
    assert folders.take(1, None, b"shop") == SHOP
    assert folders.take(1, None, b"shop") is None


def test_outside_homes_only_the_one_that_waits() -> None:
    folders = Folders()
    folders.note(0, None, b"/var/www/a")
    assert folders.take(1, None, b"www-data") == b"/var/www/a"
    folders.note(2, None, b"/var/www/a")
    folders.note(2, None, b"/var/www/b")
    assert folders.take(3, None, b"www-data") is None  # it could be either
    assert folders.take(3, None, b"www-data") == b"/var/www/b"
    folders.note(4, None, b"/var/www/a")
    assert folders.take(100, None, b"www-data") is None  # long ago


def test_only_so_many_wait() -> None:
    folders = Folders()
    for number in range(3000):
        folders.note(0, b"%d" % number, SHOP)
        folders.note(0, None, SHOP)
    assert folders.take(1, b"0", b"shop") == SHOP  # by the other way
    assert folders.take(1, b"2999", b"x") == SHOP


def test_a_rule_of_nobody_has_no_server() -> None:
    exim = next(dialect for dialect in discover() if dialect.name == "exim")
    assert server(exim.lines[0]) == "exim"
    assert server(Rule("arrival", b"x")) == ""


def rows(text: bytes) -> list[object]:
    clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
    join = Join(surroundings())
    join.continue_with(0, clock)
    return list(join.rows(Reader(text, clock, layout).tokens(text), 0))


def test_the_folder_of_a_log_that_ended_is_not_the_next_ones() -> None:
    called = b"2026-11-16 10:00:00 cwd=/var/www/a 2 args: /usr/sbin/sendmail -t\n"
    came = b"2026-11-16 10:00:01 1xTold-000001-0A <= a@b.example U=www P=local S=9\n"
    (message,) = [row for row in rows(called + came) if isinstance(row, Message)]
    assert message.actor.script == "/var/www/a"
    clock, join = Clock(UTC, datetime.fromtimestamp(START, UTC)), Join(surroundings())
    told: list[object] = []
    for number, text in enumerate((called, came)):
        join.continue_with(number, clock)
        told += join.rows(Reader(text, clock, layout).tokens(text), 0)
    assert [row.actor.script for row in told if isinstance(row, Message)] == [None]


def test_two_hosts_that_hand_mail_to_each_other_are_ours_whatever_server_they_run() -> None:
    web = b"".join(
        b"2026-11-16T10:00:0%d+00:00 web exim[7]: 1xTold-00000%d-0A => x@y.example R=smart T=remote_smtp "
        b'H=mx [203.0.113.10] C="250 OK id=1xTmx0-00000%d-0A"\n' % (n, n, n)
        for n in range(3)
    )
    mx = b"".join(
        b"2026-11-16T10:00:0%d+00:00 mx exim[7]: 1xTmx0-00000%d-0A <= a@b.example H=web [203.0.113.20] P=esmtp S=9\n"
        % (n, n)
        for n in range(3)
    )
    clock = Clock(UTC, datetime.fromtimestamp(START, UTC))
    kin = own_addresses(list(Reader(text, clock, layout).tokens(text)) for text in (web, mx))
    assert set(kin) == {"203.0.113.10", "203.0.113.20"}


@pytest.mark.parametrize("count", [3])
def test_what_the_reject_log_says_again_counts_once(tmp_path: Path, count: int) -> None:
    lines = [
        b"2026-11-16 10:00:0%d dovecot_plain authenticator failed for (x) [203.0.113.9]: 535 Incorrect "
        b"authentication data (set_id=bob)\n" % number
        for number in range(count)
    ]
    came = b"2026-11-16 09:59:00 1xTold-000001-0A <= a@b.example U=www P=local S=9\n"
    (tmp_path / "mainlog").write_bytes(came + b"".join(lines))
    (tmp_path / "rejectlog").write_bytes(b"".join(lines))
    inputs = prepare([Source(str(path), path) for path in sorted(tmp_path.iterdir())], Settings(), UTC)
    done = scan(inputs, Settings(), lambda _: None, UTC)
    assert done.witnessed.held() == f"{count} failed logins"
    assert done.server("") == "exim"
    assert done.server("elsewhere") == "postfix"
    assert done.server(None) == "exim"
