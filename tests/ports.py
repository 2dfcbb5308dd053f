"""Ports of 127.0.0.1 that nobody else takes: below those that the system gives out, other ones for every process."""

from __future__ import annotations

import os
import socket
from itertools import chain
from typing import Final

_FIRST, _END = 10_000, 32_000  # Linux gives out 32768 and above (ip_local_port_range)
_EACH: Final = 100
_mine = chain.from_iterable(
    range(_FIRST + block, _FIRST + block + _EACH)
    for block in range((os.getpid() * _EACH) % (_END - _FIRST - _EACH), _END - _FIRST - _EACH, _EACH)
)


def free_port() -> int:
    """A port that neither TCP nor UDP uses, for a server that is started next."""
    for port in _mine:
        if _free(port, socket.SOCK_STREAM) and _free(port, socket.SOCK_DGRAM):
            return port
    raise OSError("no port is free")


def _free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
