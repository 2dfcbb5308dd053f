"""A TCP connection with bounds: one deadline for everything, lines and answers of limited length, a transcript."""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from functools import lru_cache
from typing import Final, Self

from whosent.model.check import Family, Obstacle, Problem, Said

_LINE: Final = 4096  # bytes; RFC 5321 4.5.3.1.5 allows 512
_KEPT: Final = 500  # characters of a line in the transcript
_LINES: Final = 400  # of a transcript
_FAMILIES: Final = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Broken(Exception):  # noqa: N818  # an end of the conversation, no fault of the program
    """The conversation cannot go on; why stands in ``problem``."""

    def __init__(self, obstacle: Obstacle, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(obstacle, sentence)


@lru_cache(1024)
def addresses(host: str, port: int, family: Family) -> tuple[tuple[socket.AddressFamily, str], ...]:
    """The addresses of a host; asked once a run.  OSError if there are none."""
    found = socket.getaddrinfo(host.strip("[]"), port, _FAMILIES[family], socket.SOCK_STREAM)
    return tuple(dict.fromkeys((kind, str(place[0])) for kind, _, _, _, place in found))


class Wire:
    """One connection; every wait ends at the deadline."""

    def __init__(self, within: float, started: float) -> None:
        self._deadline = started + within
        self._within = within
        self._started = started
        self._rest = b""
        self._socket: socket.socket | None = None
        self.address = self.client = ""
        self.encrypted = ""  # the version of TLS, once there is any
        self.transcript: list[Said] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def connect(self, host: str, port: int, family: Family) -> None:
        """The first of the host's addresses that answers."""
        where = f"{host} port {port}" + (f" by IPv{family}" if family else "")
        try:
            places = addresses(host, port, family)
        except (OSError, UnicodeError):
            told = f"{host} has no IPv{family} address." if family else f"The name {host} has no address."
            raise Broken("unresolvable", told) from None
        last = Broken("unreachable", f"There is no way to {where}.")
        for kind, address in places[:4]:
            sock = socket.socket(kind, socket.SOCK_STREAM)
            try:
                sock.settimeout(self._left())
                sock.connect((address, port))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except ConnectionRefusedError:
                last = Broken("refused", f"Nothing listens at {where} ({address}).")
            except TimeoutError:
                last = Broken("timeout", f"No answer from {where} ({address}) within {self._within:.0f} seconds.")
            except OSError as error:
                last = Broken("unreachable", f"There is no way to {where} ({address}): {error.strerror or error}.")
            else:
                self._socket, self.address, self.client = sock, address, str(sock.getsockname()[0])
                return
            sock.close()
        raise last

    def encrypt(self, name: str) -> None:
        """Shake hands; certificates are not judged here."""
        assert self._socket is not None
        try:
            self._socket.settimeout(self._left())
            self._socket = _context().wrap_socket(self._socket, server_hostname=name.strip("[]") or None)
        except TimeoutError:
            raise Broken("timeout", "The TLS handshake did not end in time.") from None
        except (ssl.SSLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or str(error)
            raise Broken("tls", f"The TLS handshake failed: {str(reason).replace('_', ' ').lower()}.") from None
        self._rest = b""  # what came in the clear before the handshake must not count (CVE-2011-0411)
        self.encrypted = self._socket.version() or "TLS"
        self._note("we", f"({self.encrypted} from here on)")

    def say(self, raw: bytes, shown: str | None = None) -> None:
        """Send; ``shown`` is what the transcript tells of it."""
        assert self._socket is not None
        self._note("we", _text(raw).rstrip("\r\n") if shown is None else shown)
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(raw)
        except TimeoutError:
            raise Broken("timeout", f"It took what was said too slowly: more than {self._within:.0f} s.") from None
        except OSError as error:
            raise Broken("closed", f"The connection was cut: {error.strerror or error}.") from None

    def line(self) -> bytes:
        """One line without its end."""
        while b"\n" not in self._rest:
            if len(self._rest) > _LINE:
                self._note("they", _text(self._rest[:_KEPT]))
                raise Broken("too_long", f"A line of more than {_LINE:,} bytes came: no such protocol speaks so.")
            self._rest += self._more()
        line, _, self._rest = self._rest.partition(b"\n")
        self._note("they", _text(line.rstrip(b"\r")))
        return line.rstrip(b"\r")

    def exactly(self, count: int) -> bytes:
        """So many bytes."""
        while len(self._rest) < count:
            self._rest += self._more()
        taken, self._rest = self._rest[:count], self._rest[count:]
        self._note("they", taken.hex(" "))
        return taken

    def everything(self, most: int) -> bytes:
        """What comes until the other side hangs up, time is over or there is enough."""
        try:
            while len(self._rest) < most:
                self._rest += self._more()
        except Broken:
            if not self._rest:
                raise
        taken, self._rest = self._rest[:most], b""
        for line in taken.splitlines()[:20]:
            self._note("they", _text(line))
        return taken

    def _more(self) -> bytes:
        assert self._socket is not None
        try:
            self._socket.settimeout(self._left())
            got = self._socket.recv(8192)
        except TimeoutError:
            raise Broken("timeout", f"No (whole) answer within {self._within:.0f} seconds.") from None
        except OSError as error:
            raise Broken("closed", f"The connection was cut: {error.strerror or error}.") from None
        if not got:
            raise Broken("closed", "It hung up in the middle of the conversation.")
        return got

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _note(self, who: str, text: str) -> None:
        if len(self.transcript) < _LINES:
            at = round(time.monotonic() - self._started, 3)
            self.transcript.append(Said("we" if who == "we" else "they", text[:_KEPT], at))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


@lru_cache(1)
def _context() -> ssl.SSLContext:
    """As old as servers may be: what is asked here is who may send, not how well it is encrypted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context
