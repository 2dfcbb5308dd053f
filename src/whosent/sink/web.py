"""The sink's HTTP port: says which tokens arrived, asks back from where it stands, and takes tokens from anything else.

Whoever holds the key may ask.  Asking back goes to the asking address and nowhere else: a sink is no weapon, even in
the hands of somebody who found its key.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from typing import Final

import msgspec

from whosent.model.check import Arrived, Dialogue, Exchange, Knowledge, Received, Replies
from whosent.model.settings import Audit, Settings
from whosent.model.sinktalk import ARRIVED, OUTSIDE, SIGNATURE, Asked, Brought, Errand, Told
from whosent.model.token import LENGTH, signature
from whosent.sink.record import Record
from whosent.sources import prober

_SECONDS: Final = 30  # for a request to come in
_HEAD: Final = 64  # lines
_BODY: Final = 8 << 20
_TOKENS: Final = 5_000
_LONGEST_WAIT: Final = 30.0
_LONGEST_DIALOGUE: Final = 15.0
_QUESTIONS: Final = 2_000
_FRESH: Final = 600  # seconds a request may be old, or ahead


async def serve(record: Record, key: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request, one answer."""
    async with asyncio.timeout(_SECONDS):
        lines: list[bytes] = []
        while len(lines) < _HEAD and (line := await reader.readline()).strip():
            lines.append(line)
        headers = dict(_header(line) for line in lines[1:])
        length = headers.get("content-length", "")
        body = b""
        if length.isascii() and length.isdecimal() and len(length) < 10 and int(length) <= _BODY:  # noqa: PLR2004
            body = await reader.readexactly(int(length))
    client = str((writer.get_extra_info("peername") or ("",))[0])
    words = lines[0].split() if lines else []
    path = words[1].decode("ascii", "replace") if len(words) > 1 and words[0] == b"POST" else ""
    if path in {ARRIVED, OUTSIDE}:
        signed = hmac.compare_digest(headers.get(SIGNATURE.lower(), "").encode(), signature(key, body).encode())
        answer = await _answer(record, path, body, client) if signed else None
        await _send(writer, key, answer)
        return
    raw = b"".join(lines) + body
    for token in record.tokens_in(raw):
        await record.note(
            Arrived(token, time.time(), client, "http", body=raw[:2000].decode("utf-8", "backslashreplace"))
        )
    writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    await writer.drain()


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip().lower(), value.strip()


async def _answer(record: Record, path: str, body: bytes, client: str) -> bytes | None:
    try:
        if path == ARRIVED:
            asked = msgspec.json.decode(body, type=Asked)
            wanted = [token for token in asked.tokens[:_TOKENS] if len(token) == LENGTH]
            found = await record.arrived(wanted, min(max(0.0, asked.wait), _LONGEST_WAIT))
            return msgspec.json.encode(Told(found, asked.nonce[:100]))
        errand = msgspec.json.decode(body, type=Errand)
        if abs(time.time() - errand.moment) > _FRESH or len(errand.questions) > _QUESTIONS:
            return None
        answers = await asyncio.to_thread(_ask_back, errand, client)
        return msgspec.json.encode(Brought(answers, client, errand.nonce[:100]))
    except msgspec.DecodeError:
        return None


def _ask_back(errand: Errand, client: str) -> list[Replies | Received]:
    """The questions, put to the client alone, and not for longer than is usual here."""
    bounded = [_to(client, one) for one in errand.questions if one.family in {0, 6 if ":" in client else 4}]
    gentle = Audit(connections=max(1, min(errand.connections, 16)))
    found = prober.ask(bounded, Knowledge(settings=Settings(audit=gentle)))
    return [one for one in found if isinstance(one, Replies | Received)]


def _to(client: str, one: Dialogue | Exchange) -> Dialogue | Exchange:
    """The same question to the client's address; a proxy is the client's own, and where it leads is its affair."""
    within = min(one.within, _LONGEST_DIALOGUE)
    if isinstance(one, Dialogue) and one.via is not None:
        via = msgspec.structs.replace(one.via, host=client)
        return msgspec.structs.replace(one, via=via, outside=False, within=within)
    return msgspec.structs.replace(one, host=client, outside=False, within=within)


async def _send(writer: asyncio.StreamWriter, key: bytes, answer: bytes | None) -> None:
    status = "403 Forbidden" if answer is None else "200 OK"
    body = answer or b""
    head = (f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{SIGNATURE}: {signature(key, body)}\r\nConnection: close\r\n\r\n")  # fmt: skip
    writer.write(head.encode() + body)
    await writer.drain()
