"""A real blocklist server: rbldnsd behind dnsmasq on loopback, with lists of every temper."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.ports import free_port

LISTED = ("203.0.113.2", "203.0.113.77")
GOOD = "list{:02}.test"
TEMPERS = {
    "empty.test": [":127.0.0.2:x", "127.0.0.2"],
    "everything.test": [":127.0.0.2:x", "0.0.0.0/0"],
    "refusing.test": [":127.255.255.254:Error: open resolver", "0.0.0.0/0"],
    "testless.test": [":127.0.0.2:x", "203.0.113.0/24"],  # lists us, but not its test point
    "rewritten.test": [":203.0.113.80:x", "0.0.0.0/0"],
}
SILENT = "silent.test"  # handed to a name server that never answers
ABSENT = "absent.test"  # no such zone
_NEEDED = ("rbldnsd", "dnsmasq")


def why_not() -> str:
    """Say in one sentence why the list server cannot run here; empty if it can."""
    if os.geteuid() != 0:
        return "rbldnsd must be started as root: run as root"
    missing = [name for name in _NEEDED if not shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")]
    return f"the list server needs {', '.join(missing)}: run tests/lab/packages.sh dns on Debian 12" if missing else ""


class ListServer:
    """``good`` well-kept lists, some of them ``called`` so, and one of each other temper; ends with the block."""

    def __init__(self, good: int, port: int = 0, called: tuple[str, ...] = ()) -> None:
        self.good = [*(GOOD.format(number) for number in range(good - len(called))), *called]
        self.zones = [*self.good, *TEMPERS, SILENT, ABSENT]
        self.port = port or free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="lists-"))
        self._running: list[subprocess.Popen[bytes]] = []
        self._mute = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        """Start both."""
        self._mute.bind(("127.0.0.1", 0))
        inner = free_port()
        self._folder.chmod(0o755)
        kept = "127.0.0.2", *LISTED
        arguments = [self._zone(zone, [f":127.0.0.2:Listed, see http://{zone}/?$", *kept]) for zone in self.good]
        arguments += [self._zone(zone, lines) for zone, lines in TEMPERS.items()]
        self._start(["/usr/sbin/rbldnsd", "-n", "-u", "rbldns", "-b", f"127.0.0.1/{inner}", "-c", "1s", *arguments])
        pwd.getpwnam("rbldns")
        config = self._folder / "dnsmasq.conf"
        config.write_text(
            f"no-resolv\nno-hosts\nno-daemon\nbind-interfaces\nlisten-address=127.0.0.1\nport={self.port}\nuser=root\n"
            f"pid-file=\ncache-size=0\ndns-forward-max=2000\nserver=/test/127.0.0.1#{inner}\n"
            + "".join(f"server=/{zone}/127.0.0.1#{inner}\n" for zone in self.good if not zone.endswith(".test"))
            + f"server=/{SILENT}/127.0.0.1#{self._mute.getsockname()[1]}\nlocal=/{ABSENT}/\n"
        )
        self._start(["/usr/sbin/dnsmasq", f"--conf-file={config}"])
        self._await()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End both; nothing of them remains."""
        for process in self._running:
            process.terminate()
            process.wait(timeout=180)
        self._mute.close()
        shutil.rmtree(self._folder)

    def _zone(self, zone: str, lines: list[str]) -> str:
        file = self._folder / zone
        file.write_text("\n".join(lines) + "\n")
        return f"{zone}:ip4set:{file}"

    def _start(self, argv: list[str]) -> None:
        self._running.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _await(self) -> None:
        import dns.message  # noqa: PLC0415  # of the package under test
        import dns.query  # noqa: PLC0415  # the same

        question = dns.message.make_query("2.0.0.127.list00.test", "A")
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            with contextlib.suppress(Exception):
                if dns.query.udp(question, "127.0.0.1", 0.3, self.port).answer:
                    return
            time.sleep(0.05)
        raise TimeoutError("the list server did not come up")
