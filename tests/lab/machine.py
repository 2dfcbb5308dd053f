"""One light machine: a process tree in its own mount, process, host name and network namespaces.

The tree hangs below one outer namespace, so that the end of the outer is the end of every machine. Files of
a machine are read and written from outside through ``/proc/PID/root``; commands enter by ``nsenter``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}

OUTER_INIT = """
set -e
umask 022
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
echo ready
read -r _ || true
"""

# Arguments: name, then the folders that the machine owns. /etc is the system's own below a private layer.
MACHINE_INIT = """
set -e
umask 022
name=$1; disk=/run/lab/$name; shift
mkdir -p $disk/etc $disk/work $disk/dev
hostname "$name"
mount -t overlay -o lowerdir=/etc,upperdir=$disk/etc,workdir=$disk/work overlay /etc
for folder in "$@"; do
  [ -d "$folder" ] || continue
  mkdir -p "$disk$folder"
  chown --reference="$folder" "$disk$folder"; chmod --reference="$folder" "$disk$folder"
  mount --bind "$disk$folder" "$folder"
done
mount -t tmpfs -o mode=755 tmpfs $disk/dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty $disk/dev/
mkdir -m 1777 $disk/dev/shm
ln -s /proc/self/fd $disk/dev/fd
ln -s fd/0 $disk/dev/stdin; ln -s fd/1 $disk/dev/stdout; ln -s fd/2 $disk/dev/stderr
mount --move $disk/dev /dev
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p -m 1777 /run/lock
ip link set lo up
echo ready
while :; do sleep 3600 & wait $!; done
"""

OWN_FOLDERS = (
    "/var/spool/postfix",
    "/var/lib/postfix",
    "/var/lib/dovecot",
    "/var/spool/rsyslog",
    "/var/log",
    "/var/mail",
    "/var/www",
    "/var/cache/lighttpd",
)


class LabError(Exception):
    """Something in the lab did not do what it was told; the sentence says what."""


PATIENCE = 180.0  # seconds until what is waited for will not come, on a machine that is busy with other things too


def wait_until(ready: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Return as soon as ``ready()`` holds; complain about ``what`` after ``within`` seconds."""
    deadline = time.monotonic() + within
    while not ready():
        if time.monotonic() > deadline:
            sentence = f"waited {within:.0f} s in vain for {what}"
            raise LabError(sentence)
        time.sleep(0.05)


def _first_child(pid: int) -> int:
    found = subprocess.run(["pgrep", "-o", "-P", str(pid)], capture_output=True, text=True, check=False)
    if not found.stdout.strip():
        sentence = f"process {pid} has no child: its namespace did not come up"
        raise LabError(sentence)
    return int(found.stdout)


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "backslashreplace")


def _await_ready(process: subprocess.Popen[str], what: str) -> None:
    line = process.stdout.readline() if process.stdout else ""
    if line.strip() != "ready":
        complaint = process.stderr.read() if process.stderr else ""
        sentence = f"{what} did not start: {complaint.strip()}"
        raise LabError(sentence)


class Outer:
    """The namespaces around the whole lab; they end when this object is closed or this process dies."""

    def __init__(self) -> None:
        """Start the outer namespaces: mounts, processes and network of their own."""
        self._process = subprocess.Popen(
            ["unshare", "-m", "-n", "-p", "-f", "--mount-proc", "--kill-child", "--propagation", "private",
             "bash", "-c", OUTER_INIT],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
            start_new_session=True,
        )  # fmt: skip
        _await_ready(self._process, "the outer namespace")
        self.pid = _first_child(self._process.pid)

    def close(self) -> None:
        """End every process of the lab and wait until the kernel has taken it apart."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()


class Machine:
    """One host of the lab."""

    def __init__(self, name: str, outer: Outer) -> None:
        """Start the host's namespaces inside ``outer``."""
        self.name = name
        self._process = subprocess.Popen(
            ["nsenter", "-t", str(outer.pid), "-m", "-p", "-n", "--",
             "unshare", "-m", "-n", "-u", "-p", "-f", "--mount-proc", "--kill-child", "--propagation", "private",
             "bash", "-c", MACHINE_INIT, "_", name, *OWN_FOLDERS],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
            start_new_session=True,
        )  # fmt: skip
        _await_ready(self._process, f"host {name}")
        self.pid = _first_child(_first_child(self._process.pid))

    def command(self, argv: Sequence[str]) -> list[str]:
        """Give the command line that runs ``argv`` on this host when started from outside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-n", "--wd=/", "--", *argv]

    def run(self, argv: Sequence[str], stdin: str = "", *, check: bool = True, within: float = 300.0) -> str:
        """Run ``argv`` on this host and give what it printed; complain if it fails (unless ``check`` is off)."""
        # Files, not pipes: a daemon that keeps its parent's output open must not hold us.
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained, tempfile.TemporaryFile() as told:
            told.write(stdin.encode("utf-8", "surrogateescape"))
            told.seek(0)
            code = subprocess.run(
                self.command(argv), stdin=told, stdout=said, stderr=complained,
                timeout=within, check=False, env=ENVIRONMENT,
            ).returncode  # fmt: skip
            output, complaint = _content(said), _content(complained)
        if check and code:
            sentence = f"{self.name}: {' '.join(argv)} exited {code}: {complaint.strip()[-2000:]}"
            raise LabError(sentence)
        return output

    def output(self, argv: Sequence[str]) -> bytes:
        """Give the bytes that ``argv`` prints on this host."""
        return subprocess.run(self.command(argv), capture_output=True, check=True, env=ENVIRONMENT).stdout

    def start(self, argv: Sequence[str], output: int | IO[str] = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a long-running program on this host, with a pipe to its standard input."""
        return subprocess.Popen(
            self.command(argv), stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, text=True,
            errors="backslashreplace", env=ENVIRONMENT, start_new_session=True,
        )  # fmt: skip

    @staticmethod
    def stop(process: subprocess.Popen[str]) -> None:
        """End a program started with ``start``: the program itself, not only the way in."""
        os.kill(_first_child(process.pid), signal.SIGTERM)
        process.wait(timeout=PATIENCE)
        if process.stdin:
            process.stdin.close()

    def inside_network(self, argv: Sequence[str], stdin: str = "") -> str:
        """Run ``argv`` of the outside in this host's network only (``ip`` must see outside process numbers)."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", "--", *argv],
            input=stdin, capture_output=True, text=True, check=False, env=ENVIRONMENT,
        )  # fmt: skip
        if done.returncode:
            sentence = f"{self.name}: {' '.join(argv)}: {done.stderr.strip()}"
            raise LabError(sentence)
        return done.stdout

    def path(self, name: str) -> Path:
        """Give the place where this host's file ``name`` can be opened from outside."""
        return Path(f"/proc/{self.pid}/root{name}")

    def read(self, name: str) -> bytes:
        """Give the content of a file of this host; empty if it does not exist yet."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            return b""

    def write(self, name: str, content: str, *, mode: int = 0o644) -> None:
        """Write a file of this host, with its folders."""
        place = self.path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_symlink():
            place.unlink()
        place.write_text(content, encoding="utf-8")
        place.chmod(mode)

    def close(self) -> None:
        """Reap the process that held this host."""
        self._process.wait(timeout=PATIENCE)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
