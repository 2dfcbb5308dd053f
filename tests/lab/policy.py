"""A small policy service that decides by the first word of the recipient's name (see ANSWERS).

``python -m tests.lab.policy`` listens on 127.0.0.1:10031 and speaks Postfix's policy delegation protocol.
"""

from __future__ import annotations

import asyncio

ANSWERS = {
    "hold": "HOLD whosent: sender burst",
    "reject": "REJECT whosent: this account is contained",
    "defer": "DEFER whosent: slow down",
    "warn": "WARN whosent: sender burst",
    "discard": "DISCARD whosent: sender burst",
    "info": "INFO whosent: 31 of 100",
}


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection's questions."""
    question: dict[str, str] = {}
    while line := (await reader.readline()).decode("utf-8", "replace"):
        if line.strip():
            name, _, value = line.rstrip("\n").partition("=")
            question[name] = value
            continue
        wanted = ANSWERS.get(question.get("recipient", "").partition("-")[0], "DUNNO")
        writer.write(f"action={wanted}\n\n".encode())
        question = {}
        await writer.drain()
    writer.close()


async def serve() -> None:
    """Accept connections until the process is ended."""
    server = await asyncio.start_server(talk, "127.0.0.1", 10031)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
