"""Holds SMTP dialogues: a few at a time to one server, patient where it asks for patience, never endlessly."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

from whosent.model.check import Answer, Dialogue, Knowledge, Problem, Question, Replies, Reply
from whosent.sources.prober.errands import from_outside
from whosent.sources.prober.proxied import lead_through
from whosent.sources.prober.wire import Broken, Wire

ASKS: Final = (Dialogue,)
_REPLY_LINES: Final = 100
_REPLY: Final = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_STRIKES: Final = 3  # dialogues of one server that ran out of time, before no more are begun
_PATIENCE: Final = 63.0  # seconds spent waiting because one server said "too many connections"
_FIRST_PAUSE: Final = 1.0
_THREADS: Final = 32
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Gate:
    """What all dialogues with one server share: how many at once, pauses it asked for, whether it answers at all."""

    def __init__(self, at_once: int) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._strikes = 0
        self._resume = 0.0
        self._pause = _FIRST_PAUSE
        self._patience = _PATIENCE

    def hold(self, question: Dialogue) -> Replies:
        """The dialogue, when its turn has come."""
        with self._slots:
            while True:
                if self._strikes >= _STRIKES:
                    return _unasked(question)
                time.sleep(max(0.0, self._resume - time.monotonic()))
                answer = converse(question)
                if answer.problem and answer.problem.obstacle == "timeout":
                    with self._lock:
                        self._strikes += 1
                if not _is_crowded(answer):
                    self._pause = _FIRST_PAUSE
                    return answer
                if not self._wait():
                    return answer

    def _wait(self) -> bool:
        """Whether to try again: the server wants fewer connections, for a while."""
        with self._lock:
            now = time.monotonic()
            if self._resume <= now:
                pause = min(self._pause, self._patience)
                self._patience -= pause
                self._pause *= 2
                self._resume = now + pause
                return pause > 0
            return True


def ask(questions: Sequence[Question], knowledge: Knowledge) -> Iterator[Answer]:
    """Each in a connection of its own; servers side by side."""
    errands = [one for one in questions if isinstance(one, Dialogue) and one.outside]
    if errands:
        yield from from_outside(errands, knowledge)
    gates: dict[tuple[str, int], Gate] = defaultdict(lambda: Gate(knowledge.settings.audit.connections))
    with ThreadPoolExecutor(_THREADS, "prober") as pool:
        held = []
        for one in questions:
            assert isinstance(one, Dialogue)
            if one.outside:
                continue
            spoken_to = (one.via.host, one.via.port) if one.via else (one.host, one.port)
            held.append(pool.submit(gates[spoken_to].hold, one))
        for done in as_completed(held):
            yield done.result()


def _is_crowded(answer: Replies) -> bool:
    """Whether the server turned us away because of how many connections there were, before we asked anything."""
    first = answer.replies[:1]
    return bool(first) and first[0].code == 421  # noqa: PLR2004  # RFC 5321: service not available, closing


def _unasked(question: Dialogue) -> Replies:
    told = f"{question.host} left {_STRIKES} dialogues without an answer in time; this one was not begun."
    return Replies(key=question.key, at=time.time(), problem=Problem("timeout", told))


def converse(question: Dialogue) -> Replies:
    """One dialogue from greeting to QUIT."""
    asked, clock = time.time(), time.monotonic()
    replies: list[Reply] = []
    through = ""
    problem: Problem | None = None
    with Wire(question.within, clock) as wire:
        try:
            if question.via is None:
                wire.connect(question.host, question.port, question.family)
            else:
                through = lead_through(wire, question.via, question.host, question.port)
            if question.tls:
                wire.encrypt(question.host)
            _talk(wire, question, replies)
        except Broken as broken:
            problem = broken.problem
        except TimeoutError:
            problem = Problem("timeout", f"The dialogue did not end within {question.within:.0f} seconds.")
        return Replies(
            key=question.key, at=asked, took=round(time.monotonic() - clock, 3), problem=problem,
            transcript=tuple(wire.transcript), replies=tuple(replies), address=wire.address,
            client=wire.client, encrypted=wire.encrypted, through=through,
        )  # fmt: skip


def _talk(wire: Wire, question: Dialogue, replies: list[Reply]) -> None:
    """Say the commands in turn."""
    replies.append(_reply(wire, ""))
    for command in question.commands:
        if replies[-1].code >= 400:  # noqa: PLR2004  # RFC 5321: from here on a refusal
            break
        wire.say(_CONTROL.sub("", command).encode("utf-8", "surrogateescape") + b"\r\n")
        replies.append(_reply(wire, command))
        if replies[-1].code == 220 and command == "STARTTLS":  # noqa: PLR2004
            wire.encrypt(question.host)
        if replies[-1].code == 354 and command == "DATA":  # noqa: PLR2004
            lines = question.message.splitlines()
            body = "".join(f".{line}\r\n" if line.startswith(".") else f"{line}\r\n" for line in lines)
            wire.say(
                body.encode("utf-8", "surrogateescape") + b".\r\n", f"(the message, {len(lines)} lines, and a dot)"
            )
            replies.append(_reply(wire, "."))
    with contextlib.suppress(Broken):  # it may have hung up after its last reply, as some do
        wire.say(b"QUIT\r\n")


def _reply(wire: Wire, command: str) -> Reply:
    lines: list[str] = []
    for _ in range(_REPLY_LINES):
        found = _REPLY.fullmatch(wire.line())
        if found is None:
            raise Broken("protocol", "What came is no SMTP reply.")
        lines.append((found[3] or b"").decode("utf-8", "backslashreplace"))
        if found[2] != b"-":
            return Reply(command, int(found[1]), tuple(lines))
    raise Broken("too_long", f"A reply of more than {_REPLY_LINES} lines came.")
