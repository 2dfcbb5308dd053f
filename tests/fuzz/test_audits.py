"""Strangers' bytes at both ends of an audit: whatever a server answers, whatever visits a sink."""

from __future__ import annotations

import asyncio
import os
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.model.check import Arrived, Replies, Reply
from whosent.model.token import issue
from whosent.probing.listeners import called, offered
from whosent.probing.replies import meaning
from whosent.sink import web
from whosent.sink.mail import Session
from whosent.sink.record import Record

KEY = b"k" * 32
EXAMPLES = 1000 if os.environ.get("WHOSENT_TEST_FULL") else 60
TOKEN = issue(KEY, int(time.time()), "fuzz").encode()
LINES = st.sampled_from([
    b"EHLO x", b"HELO", b"MAIL FROM:<a@b>", b"RCPT TO:<" + TOKEN + b"@x>", b"RCPT TO:<b@x>", b"DATA", b".", b"..",
    b"QUIT", b"RSET", b"NOOP", b"POST /arrived HTTP/1.1", b"Content-Length: 3", b"Content-Length: 99999999999",
    b"Whosent-Signature: x", b"", b"\xff\x00", b"x" * 9000, TOKEN,
]) | st.binary(max_size=40)  # fmt: skip


class Nobody(asyncio.Transport):
    """Takes everything and says nothing."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5)})

    def write(self, _data: object) -> None:
        """Forget it."""

    def is_closing(self) -> bool:
        return False


async def visited(lines: list[bytes], *, by_mail: bool) -> list[Arrived]:
    told: list[Arrived] = []
    record = Record(KEY, told.append)
    reader = asyncio.StreamReader(limit=8192)
    reader.feed_data(b"\r\n".join(lines) + b"\r\n")
    reader.feed_eof()
    protocol = asyncio.StreamReaderProtocol(reader)
    writer = asyncio.StreamWriter(Nobody(), protocol, reader, asyncio.get_running_loop())
    try:
        if by_mail:
            await Session(record, "sink", reader, writer).talk()
        else:
            await web.serve(record, KEY, reader, writer)
    except (ValueError, asyncio.IncompleteReadError, TimeoutError):
        pass  # what the receiver takes for the end of a visit
    return told


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(LINES, max_size=30), st.booleans())
def test_a_sink_takes_tokens_and_survives_the_rest(lines: list[bytes], by_mail: bool) -> None:  # noqa: FBT001  # drawn
    told = asyncio.run(visited(lines, by_mail=by_mail))
    assert {one.token for one in told} <= {TOKEN.decode()}
    if not any(TOKEN in line for line in lines):
        assert not told


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.builds(Reply, st.sampled_from(["", "EHLO x", "MAIL", "RCPT TO", "DATA", "."]), st.integers(200, 599),
                          st.lists(st.text(), min_size=1).map(tuple))), st.booleans(), st.booleans())  # fmt: skip
def test_no_reply_means_more_than_it_says(replies: list[Reply], known: bool, strangers: bool) -> None:  # noqa: FBT001  # drawn
    answer = Replies(key="k", at=0, replies=tuple(replies))
    means = meaning(answer, "plain", known=known, strangers=strangers)
    assert means.verdict != "open"  # only a token says so
    assert means.verdict != "accepted_undelivered" or replies[-1].command == "."
    offered(answer)
    assert all(character.isalnum() or character in "._-" for character in called(answer))
