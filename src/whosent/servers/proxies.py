"""Proxies: which program listens at a port, the line that lets strangers out through it, and what closes it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from whosent.model.check import Content, Heard, Opening, Question, Ran, Read, Run
from whosent.model.incident import Remedy
from whosent.servers import running

_LISTENER: Final = re.compile(
    r"^LISTEN\s+\S+\s+\S+\s+(\S+):(\d+)\s+\S+(?:\s+users:\(\(\"([^\"]+)\",pid=(\d+))?", re.MULTILINE
)
_FILES: Final = {  # where the configuration is, and the option that names another
    "squid": ("/etc/squid/squid.conf", "-f"),
    "tinyproxy": ("/etc/tinyproxy/tinyproxy.conf", "-c"),
    "danted": ("/etc/danted.conf", "-f"),
    "sockd": ("/etc/sockd.conf", "-f"),
}
_REACH: Final = "who may reach port 25 through this proxy; web pages stay reachable"


class Listening(NamedTuple):
    """A port of this machine that others can reach."""

    port: int
    program: str  # empty: not told (only root is)
    pid: int


def questions() -> Iterator[Question]:
    """Who listens here."""
    yield Run(key="ss", argv=("ss", "-Hltnp"))


def listening(heard: Heard) -> list[Listening]:
    """The ports of this machine that are not its own loopback's, by number."""
    told = heard.get("ss")
    found: dict[int, Listening] = {}
    for address, port, program, pid in _LISTENER.findall(told.output if isinstance(told, Ran) else ""):
        if not address.startswith(("127.", "[::1]")):
            found.setdefault(int(port), Listening(int(port), program, int(pid or 0)))
    return [found[port] for port in sorted(found)]


def lookups(one: Listening, heard: Heard) -> Iterator[Question]:
    """How the program behind a port was started; then its configuration."""
    if one.pid:
        yield Read(key=f"cmdline {one.pid}", path=f"/proc/{one.pid}/cmdline", most=4000)
    if one.program in _FILES and (not one.pid or f"cmdline {one.pid}" in heard):
        path = _path(one, heard)
        yield Read(key=path, path=path)


def _words(one: Listening, heard: Heard) -> list[str]:
    """Its command line."""
    told = heard.get(f"cmdline {one.pid}")
    return told.text.strip("\0").split("\0") if isinstance(told, Content) else []


def _path(one: Listening, heard: Heard) -> str:
    usual, option = _FILES[one.program]
    named = [value for name, value in pairwise(_words(one, heard)) if name == option and value.startswith("/")]
    return named[-1] if named else usual


def guilty(one: Listening, heard: Heard) -> tuple[Opening, list[Remedy]] | None:
    """The line that lets strangers out, and what closes it."""
    path = _path(one, heard) if one.program in _FILES else ""
    text = heard.get(path)
    if isinstance(text, Content) and text.problem is None:
        judge = {"squid": _squid, "tinyproxy": _tinyproxy}.get(one.program, _dante)
        return judge(path, running.split(text.text))
    words = _words(one, heard)
    return _bare(one, words) if words else None


def _squid(path: str, lines: list[str]) -> tuple[Opening, list[Remedy]] | None:
    rules = [(number, line.strip()) for number, line in enumerate(lines, 1) if re.match(r"\s*http_access\s", line)]
    allowing = next(((number, line) for number, line in rules
                     if re.match(r"http_access\s+allow\s+(?!localhost\b|manager\b)", line)), None)  # fmt: skip
    if allowing is None:
        return None
    why = "Before anything denies it, this lets clients out to any port, port 25 among them."
    opening = Opening(file=path, line=allowing[0], text=allowing[1], setting="http_access", why=why)
    edit = rf"{rules[0][0]}i\acl whosent_mail port 25 465 587\nhttp_access deny whosent_mail"
    return opening, [_edit("Deny mail ports before every other rule", path, edit,
                           f"squid -k reconfigure -f {shlex.quote(path)}")]  # fmt: skip


def _tinyproxy(path: str, lines: list[str]) -> tuple[Opening, list[Remedy]] | None:
    said = {line.split()[0].lower(): number for number, line in enumerate(lines, 1)
            if line.strip() and not line.lstrip().startswith("#")}  # fmt: skip
    missing = "Allow" if "allow" not in said else "ConnectPort"
    opening = Opening(file=path, line=said.get("port"), text=f"(no {missing} line)", setting=missing, why=(
        "Without an Allow line everybody may use it." if missing == "Allow"
        else "Without a ConnectPort line it connects to every port, port 25 among them."))  # fmt: skip
    edit = "$a\\ConnectPort 443\nAllow 127.0.0.1" if missing == "Allow" else "$a\\ConnectPort 443"
    return opening, [
        _edit("Name who may use it and which ports", path, edit.replace("\n", "\\n"), "systemctl restart tinyproxy")
    ]


def _dante(path: str, lines: list[str]) -> tuple[Opening, list[Remedy]] | None:
    number = next((at for at, line in enumerate(lines, 1) if re.match(r"\s*(?:socks\s+)?pass\s*\{", line)), None)
    if number is None:
        return None
    block = " ".join(line.strip() for line in lines[number - 1 : number + 3])
    opening = Opening(file=path, line=number, text=block, setting="socks pass",
                      why="This rule passes clients on to any port, port 25 among them.")  # fmt: skip
    edit = rf"{number}i\socks block {{\n  from: 0/0 to: 0/0 port = smtp\n}}"
    return opening, [_edit("Block port 25 before this rule", path, edit, "systemctl restart danted")]


def _edit(title: str, path: str, edit: str, reload: str) -> Remedy:
    file = shlex.quote(path)
    return Remedy(step="close", title=title, reach=_REACH,
                  commands=[f"sed -i.whosent {shlex.quote(edit)} {file}", reload],
                  undo=[f"mv {file}.whosent {file}", reload])  # fmt: skip


def _bare(one: Listening, words: list[str]) -> tuple[Opening, list[Remedy]] | None:
    """A proxy without a configuration file: its command line is all."""
    shown = " ".join(words)
    if one.program != "microsocks":
        return None
    opening = Opening(file=f"/proc/{one.pid}/cmdline", line=None, text=shown, setting="command line",
                      why="Started without -u and -P it asks nobody for a password.")  # fmt: skip
    fixed = [word for word in words if word not in {"-1", "-q"}]
    remedy = Remedy(
        step="close", title="Start it with a password", reach="everybody who uses this proxy: they need the password",
        commands=[f"kill {one.pid}", f"{shlex.join(fixed)} -u NAME -P PASSWORD &"],
        undo=[f"{shlex.join(words)} &"],
        note="Choose NAME and PASSWORD; change the unit or script that starts it likewise. Stop it before the undo.",
    )  # fmt: skip
    return opening, [remedy]
