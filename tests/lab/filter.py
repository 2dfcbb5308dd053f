"""A content filter in the mail path: it passes every SMTP line on to the MTA's second door, and the replies back.

``python -m tests.lab.filter [named]`` listens on 127.0.0.1:10024 and hands on to 127.0.0.1:10025. With
``named`` the last reply is wrapped as well-known filters do: "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025):
250 2.0.0 Ok: queued as ...".
"""

from __future__ import annotations

import asyncio
import sys

QUEUED = b"250 2.0.0 Ok: queued as"
WRAPPED = b"250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): " + QUEUED


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, wrap: bool) -> None:
    """Copy lines from one side to the other until the first one hangs up."""
    try:
        while line := await reader.readline():
            writer.write(line.replace(QUEUED, WRAPPED) if wrap else line)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(*, named: bool) -> None:
    """Accept connections until the process is ended."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", 10025)
        async with asyncio.TaskGroup() as group:
            group.create_task(pass_on(reader, back_writer, wrap=False))
            group.create_task(pass_on(back_reader, writer, wrap=named))

    server = await asyncio.start_server(connected, "127.0.0.1", 10024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(named="named" in sys.argv[1:]))
