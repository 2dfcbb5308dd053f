"""One line to syslog: the machine's own socket, or a collector by UDP or TCP (RFC 5424, RFC 6587)."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from whosent.alerts.wording import one_line
from whosent.channels import Channel, Means, Unsent
from whosent.model.alert import Alert

_DAEMON: Final = 3 << 3  # the facility, RFC 5424
_SEVERITIES: Final = {"critical": 2, "warning": 4, "information": 6}
_LONGEST: Final = 2048  # bytes that every receiver must take by UDP, RFC 5424
_PORT: Final = 514
_NIL: Final = "-"


class _Place(NamedTuple):
    kind: str  # unix, udp or tcp
    host: str
    port: int


def lacks(means: Means) -> str:
    """Needs a place that can be understood, and a socket that is there."""
    try:
        place = _place(means.rules.syslog)
    except ValueError as error:
        return f"alerts.syslog: {error}"
    if place.kind == "unix" and not Path(place.host).exists():
        return f"alerts.syslog: {place.host} does not exist"
    return ""


def send(alert: Alert, means: Means) -> str:
    """Write the line; of UDP nobody learns whether it arrived."""
    place = _place(means.rules.syslog)
    level = _DAEMON | _SEVERITIES[alert.urgency]
    said = one_line(alert)
    try:
        if place.kind == "unix":
            _write_here(place.host, f"<{level}>whosent[{os.getpid()}]: {said}".encode(), means.rules.timeout)
        else:
            host = alert.host.replace(" ", "") or _NIL
            _write_there(
                place,
                f"<{level}>1 {alert.at} {host} whosent {os.getpid()} alert - {said}".encode(),
                means.rules.timeout,
            )
    except OSError as error:
        raise Unsent(f"{means.rules.syslog}: {error.strerror or error}") from error
    return ""


def _write_here(path: str, line: bytes, timeout: float) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.settimeout(timeout)
        door.connect(path)
        door.send(line[:_LONGEST])


def _write_there(place: _Place, line: bytes, timeout: float) -> None:
    if place.kind == "tcp":
        with socket.create_connection((place.host, place.port), timeout) as door:
            door.sendall(b"%d %s" % (len(line), line))
        return
    family, kind, protocol, _, address = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as door:
        door.settimeout(timeout)
        door.connect(address)
        door.send(line[:_LONGEST])


def _place(written: str) -> _Place:
    if written.startswith("/"):
        return _Place("unix", written, 0)
    kind, colon, rest = written.partition(":")
    if kind not in {"udp", "tcp"} or not colon:
        raise ValueError(f"{written!r} is neither a socket's path nor udp:host:port nor tcp:host:port")
    parts = urlsplit(f"//{rest}")
    if not parts.hostname:
        raise ValueError(f"{written!r} names no host")
    return _Place(kind, parts.hostname, parts.port or _PORT)


channel = Channel("syslog", "one line to syslog", lacks, send)
