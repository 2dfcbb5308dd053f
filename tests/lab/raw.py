"""A client that says raw bytes to a server: ``python -m tests.lab.raw SERVER PORT SOURCE wait|rush``.

Reads lines of hexadecimal from standard input, says each, waits for an answer after each (``wait``) or for
none of them (``rush``, even before the greeting), and prints what it heard, in hexadecimal.
"""

from __future__ import annotations

import contextlib
import socket
import sys


def main() -> None:
    """Hold the conversation that the command line and standard input describe."""
    server, port, source, manner = sys.argv[1:]
    lines = [bytes.fromhex(line.strip()) for line in sys.stdin]
    with socket.create_connection((server, int(port)), 15, (source, 0)) as connection:
        if manner == "wait":
            print(connection.recv(65536).hex())
        for line in lines:
            with contextlib.suppress(ConnectionError):
                connection.sendall(line)
                if manner == "wait":
                    print(connection.recv(65536).hex())
        with contextlib.suppress(OSError):
            if manner == "rush":
                connection.settimeout(1.5)
                print(connection.recv(65536).hex())


if __name__ == "__main__":
    main()
