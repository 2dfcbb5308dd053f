"""Run as ``python -m whosent.sources.prober.as_user``: holds each dialogue as the local user it names.

Started by root with questions on standard input.  Each is answered by a child that gives up root for good before it
opens a socket, so that the firewall sees what it sees when a program of that user connects.
"""

from __future__ import annotations

import os
import pwd
import sys
from typing import Final

import msgspec

from whosent.model.check import Dialogue, Reach, Replies
from whosent.sources.prober.smtp import converse

_AT_ONCE: Final = 16


def held(question: Reach) -> Replies:
    """The dialogue: a greeting with the token, and goodbye."""
    return converse(Dialogue(key=question.key, host=question.host, port=question.port, family=question.family,
                             commands=(f"EHLO {question.token}.invalid",), within=question.within))  # fmt: skip


def _become(uid: int) -> None:
    try:
        group = pwd.getpwuid(uid).pw_gid
    except KeyError:
        group = 65534
    os.setgroups([])
    os.setgid(group)
    os.setuid(uid)


def _begin(question: Reach) -> tuple[int, int]:
    """Start a child; its process id, and where it tells its answer."""
    told, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        return child, told
    try:
        _become(question.uid)
        with os.fdopen(tell, "wb") as file:
            file.write(msgspec.json.encode(held(question)))
    finally:
        os._exit(0)


def _end(child: int, told: int) -> bytes:
    with os.fdopen(told, "rb") as file:
        answer = file.read()
    os.waitpid(child, 0)
    return answer


def main() -> None:
    """Questions in, answers out, a few at once."""
    questions = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Reach])
    for start in range(0, len(questions), _AT_ONCE):
        begun = [_begin(one) for one in questions[start : start + _AT_ONCE]]
        for child, told in begun:
            sys.stdout.buffer.write(_end(child, told) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
