"""Runs a sink: SMTP, HTTP and plain TCP ports, each connection bounded, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import pwd
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from whosent.model.check import Arrived
from whosent.model.mistake import Mistake
from whosent.sink import web
from whosent.sink.mail import Session
from whosent.sink.record import Record

_CONNECTIONS: Final = 500
_LINE: Final = 8192
_TCP_BYTES: Final = 4096
_TCP_SECONDS: Final = 20
Serve: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Places(NamedTuple):
    """Where a sink listens."""

    addresses: Sequence[str]
    smtp: int
    http: int
    tcp: int  # 0: not at all


async def run(places: Places, key: bytes, name: str, tell: Callable[[Arrived], None], *, user: str = "") -> None:
    """Listen until SIGTERM or SIGINT; ``user`` is who to become once the ports are open."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a visitor who hangs up ends no sink
    record = Record(key, tell)
    busy = asyncio.Semaphore(_CONNECTIONS)
    duties: dict[int, Serve] = {
        places.smtp: lambda reader, writer: Session(record, name, reader, writer).talk(),
        places.http: lambda reader, writer: web.serve(record, key, reader, writer),
        places.tcp: lambda reader, writer: _plain(record, reader, writer),
    }
    async with contextlib.AsyncExitStack() as stack:
        for port, duty in duties.items():
            if port:
                await stack.enter_async_context(await _listen(places.addresses, port, _bounded(duty, busy)))
        if user:
            _become(user)
        done = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, done.set)
        await done.wait()


async def _listen(addresses: Sequence[str], port: int, duty: Serve) -> asyncio.Server:
    try:
        return await asyncio.start_server(duty, list(addresses) or None, port, limit=_LINE, backlog=256)
    except OSError as error:
        raise Mistake(f"port {port} cannot be opened: {error.strerror or error}. Ports under 1024 need root; another "
                      "mail server may have it: give the sink its own address with --listen.") from None  # fmt: skip


def _bounded(duty: Serve, busy: asyncio.Semaphore) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not busy.locked():
                async with busy:
                    await duty(reader, writer)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            pass  # endless lines, cut connections, visitors who say nothing: not our guests
        finally:
            writer.close()

    return serve


async def _plain(record: Record, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Whatever says a token to this port has been here."""
    client = str((writer.get_extra_info("peername") or ("",))[0])
    async with asyncio.timeout(_TCP_SECONDS):
        raw = b""
        while len(raw) < _TCP_BYTES and (more := await reader.read(_TCP_BYTES)):
            raw += more
            for token in record.tokens_in(raw):
                await record.note(Arrived(token, time.time(), client, "tcp"))


def _become(user: str) -> None:
    """Give up root: ports are open, nothing else needs it."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise Mistake(f"--user {user}: there is no such user here.") from None
    if os.geteuid() != 0:
        raise Mistake("--user needs root: without it the sink runs as you anyway.")
    os.setgroups([one.gr_gid for one in grp.getgrall() if user in one.gr_mem] or [entry.pw_gid])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
