"""Fetches web pages: one request a question, one after the other, never redirected, bounded in time and bytes."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit

from whosent.model.check import Fetch, Fetched, Knowledge, Obstacle, Problem, Question

ASKS: Final = (Fetch,)
_MOST_HEADERS: Final = 100
_LONGEST: Final = 4_096  # characters of a header field
_PIECE: Final = 16_384


def ask(questions: Sequence[Question], _knowledge: Knowledge) -> Iterator[Fetched]:
    """Gently: a form is not asked twice at once."""
    for question in questions:
        assert isinstance(question, Fetch)
        yield fetch(question)


def fetch(question: Fetch) -> Fetched:
    """Status, header fields and the beginning of the page, or why there are none."""
    asked, clock = time.time(), time.monotonic()
    try:
        status, headers, body = _fetched(question, clock)
    except (OSError, http.client.HTTPException, ValueError) as error:
        problem = Problem(_obstacle(error), f"{question.url} could not be fetched: {_why(error)}.")
        return Fetched(key=question.key, at=asked, took=round(time.monotonic() - clock, 3), problem=problem)
    took = round(time.monotonic() - clock, 3)
    return Fetched(key=question.key, at=asked, took=took, status=status, headers=headers, body=body)


def _fetched(question: Fetch, clock: float) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    parts = urlsplit(question.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it is no web address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=question.within)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=question.within)
    )
    with closing(connection):
        connection.request(question.method, path, question.body or None, dict(question.headers))
        answer = connection.getresponse()
        headers = tuple((name, value[:_LONGEST]) for name, value in answer.getheaders()[:_MOST_HEADERS])
        return answer.status, headers, _body(answer, question, clock)


def _body(answer: http.client.HTTPResponse, question: Fetch, clock: float) -> bytes:
    """As much as is wanted and comes in time: a server may drip for ever."""
    read = b""
    while len(read) < question.most and time.monotonic() - clock < question.within:
        piece = answer.read1(min(_PIECE, question.most - len(read)))
        if not piece:
            return read
        read += piece
    if len(read) < question.most:
        raise TimeoutError("it goes on for too long")
    return read


def _obstacle(error: Exception) -> Obstacle:
    kinds: tuple[tuple[type[Exception], Obstacle], ...] = (
        (socket.gaierror, "unresolvable"), (ssl.SSLError, "tls"), (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"), (ConnectionError, "closed"), (OSError, "unreachable"),
    )  # fmt: skip
    return next((what for kind, what in kinds if isinstance(error, kind)), "protocol")


def _why(error: Exception) -> str:
    if isinstance(error, http.client.HTTPException):
        return "something else than HTTP speaks there"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
