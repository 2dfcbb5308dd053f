"""A syslog receiver: UDP (RFC 5426), TCP with octet counts or line ends (RFC 6587), and a socket of this machine.

Bounded whatever is sent: a message is cut at 64 KiB, connections are limited, and one that sends no message is
closed.  Only the named networks may send; what others send is counted.  UDP and bare TCP may lose messages on the way.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address, ip_network
from multiprocessing.connection import wait
from pathlib import Path
from typing import Final

from whosent.model.mistake import Mistake
from whosent.sources.own_spool import OwnSpool

_LONGEST: Final = 1 << 16
_CONNECTIONS: Final = 512
_AT_ONCE: Final = 256  # datagrams or pieces taken from one socket before the others have their turn
_COUNT: Final = re.compile(rb"([1-9]\d{0,5}) ")
_PLACE: Final = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})")


class _Connection:
    """One TCP client and the beginning of its next message."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.rest = b""

    def messages(self, piece: bytes) -> list[bytes]:
        """The messages that end in this piece."""
        text, found, at = self.rest + piece, [], 0
        while at < len(text):
            counted = _COUNT.match(text, at)
            if counted:
                begin, size = counted.end(), int(counted[1])
                if len(text) - begin < size:
                    break
                found.append(text[begin : begin + size])
                at = begin + size
            elif text[at : at + 7].isdigit() and len(text) - at < 7:  # noqa: PLR2004  # a count that is not whole yet
                break
            else:
                end = text.find(b"\n", at)
                if end < 0:
                    break
                found.append(text[at:end])
                at = end + 1
        self.rest = text[at:]
        if len(self.rest) > _LONGEST + 8:
            found.append(self.rest)
            self.rest = b""
        return found


class Receiver:
    """The open sockets, and the spool that their messages go to."""

    def __init__(
        self, spool: OwnSpool, udp: Iterable[str], tcp: Iterable[str], local: str, networks: Iterable[str]
    ) -> None:
        self.spool = spool
        self.refused = 0  # messages and connections from elsewhere
        self.taken = 0
        self._networks = [ip_network(network, strict=False) for network in networks]
        self._local = Path(local) if local else None
        self._udp = [_bound(place, socket.SOCK_DGRAM) for place in udp]
        self._tcp = [_bound(place, socket.SOCK_STREAM) for place in tcp]
        self._connections: dict[int, _Connection] = {}
        if self._local is not None:
            self._udp.append(_local(self._local))

    @property
    def problem(self) -> str:
        """What troubles it; "" if nothing does."""
        refused = (
            f"syslog: {self.refused:,} messages or connections from other networks were refused: see watch.syslog_from"
            if self.refused
            else ""
        )
        return self.spool.problem or refused

    def sockets(self) -> list[socket.socket]:
        """To wait for."""
        return [*self._udp, *self._tcp, *(one.client for one in self._connections.values())]

    def ready(self) -> bool:
        """Take what has come; whether anything did."""
        sockets = self.sockets()
        readable = set(wait(sockets, 0))
        lines: list[bytes] = []
        for one in self._udp:
            if one in readable:
                self._datagrams(one, lines)
        for one in self._tcp:
            if one in readable:
                self._accept(one)
        for connection in [one for one in self._connections.values() if one.client in readable]:
            self._pieces(connection, lines)
        if lines:
            self.taken += len(lines)
            self.spool.write(b"".join(lines))
        return bool(lines)

    def _datagrams(self, one: socket.socket, lines: list[bytes]) -> None:
        for _ in range(_AT_ONCE):
            try:
                message, sender = one.recvfrom(_LONGEST)
            except OSError:
                return
            if one.family == socket.AF_UNIX or self._may(sender):
                lines.append(_line(message))
            else:
                self.refused += 1

    def _accept(self, one: socket.socket) -> None:
        with suppress(OSError):
            client, sender = one.accept()
            if len(self._connections) >= _CONNECTIONS or not self._may(sender):
                self.refused += 1
                client.close()
                return
            client.settimeout(0)
            self._connections[client.fileno()] = _Connection(client)

    def _pieces(self, connection: _Connection, lines: list[bytes]) -> None:
        try:
            piece = connection.client.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        lines.extend(_line(message) for message in connection.messages(piece) if message.strip())
        if not piece:
            if connection.rest.strip():
                lines.append(_line(connection.rest))
            del self._connections[connection.client.fileno()]
            connection.client.close()

    def _may(self, sender: tuple[object, ...]) -> bool:
        try:
            address = ip_address(str(sender[0]).partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address.version == network.version and address in network for network in self._networks)

    def close(self) -> None:
        """Close everything; a socket of this machine is removed."""
        for one in self.sockets():
            one.close()
        if self._local is not None:
            self._local.unlink(missing_ok=True)


def _line(message: bytes) -> bytes:
    """A message as one line: what is inside may not make two of it."""
    return message[:_LONGEST].rstrip(b"\n\r\0").translate(_SPACES) + b"\n"


_SPACES: Final = bytes(ord(" ") if byte in b"\n\r\0" else byte for byte in range(256))


def _bound(place: str, kind: socket.SocketKind) -> socket.socket:
    found = _PLACE.fullmatch(place)
    if found is None or int(found["port"]) > 65535:  # noqa: PLR2004  # the last port
        raise Mistake(f"{place!r} is no place to listen at. Write 127.0.0.1:5514, [::1]:5514 or :5514.")
    host = found["six"] or found["host"] or "::"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    one = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if kind == socket.SOCK_DGRAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        one.bind((host, int(found["port"])))
        if kind == socket.SOCK_STREAM:
            one.listen(64)
    except OSError as error:
        one.close()
        raise Mistake(f"{place}: cannot listen there: {error.strerror}. Choose another address or port.") from error
    one.settimeout(0)
    return one


def _local(path: Path) -> socket.socket:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()  # of a run that was killed
        one.bind(os.fspath(path))
        path.chmod(0o622)
    except OSError as error:
        one.close()
        raise Mistake(f"{path}: cannot listen there: {error.strerror}. Choose another path.") from error
    one.settimeout(0)
    return one
