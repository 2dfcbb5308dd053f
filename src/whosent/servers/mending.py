"""From the line that opened a hole to the commands that close it, each with its undo; only that line is touched."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_network

import msgspec

from whosent.model.check import Opening
from whosent.model.finding import Strength
from whosent.model.incident import Remedy
from whosent.servers.attempt import Blamed
from whosent.servers.postfix import Service

_MAPS_WITH_SOURCE = {"hash", "btree", "lmdb", "cdb", "dbm"}
_SAFE_DEFAULT = "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
_LAST_FIRST = "Take the steps in this order, and their undo in the opposite one."
_UNDO_NOTE = "The undo opens the hole again: use it only if the step stopped mail that must flow."


def postfix(cause: Opening) -> list[Remedy]:
    """Steps for a line that Postfix reads."""
    if cause.file.endswith(("main.cf", "master.cf")):
        return _parameter(cause)
    return _map_entry(cause)


def _parameter(cause: Opening) -> list[Remedy]:
    name = cause.setting.rpartition("/")[2]
    new = _value(name, cause)
    if new is None:
        return []
    old = re.sub(r"^(?:-o\s*)?[^=]*=\s*|\s*\(default\)$", "", cause.text)
    return parameter(cause, old, new, title=f"Set {name} so that strangers are refused",
                     reach="who may relay through this server; nobody's mailbox", note=_UNDO_NOTE)  # fmt: skip


def parameter(cause: Opening, old: str, new: str, *, title: str, reach: str, note: str) -> list[Remedy]:  # noqa: PLR0913  # its words
    """A setting of main.cf or of one service, to a new value."""
    tool, where = "postconf -e", cause.setting
    if "/" in cause.setting:
        tool = "postconf -P"
        old, new = (re.sub(r"[,\s]+", ",", value) for value in (old, new))  # postconf -P takes no white space
    undo = [f"{tool} {shlex.quote(f'{where}={old}')}", "postfix reload"]
    if cause.line is None and "/" not in cause.setting:
        undo = [f"postconf -X {where}", "postfix reload"]
    change = [f"{tool} {shlex.quote(f'{where}={new}')}", "postfix reload"]
    return [Remedy(step="close", title=title, reach=reach, commands=change, undo=undo, note=note)]


def of_service(service: Service, name: str, value: str, title: str, reach: str) -> Remedy:
    """A setting of one service, whatever main.cf says, to a value without white space."""
    setting, old = f"{service.name}/{name}", service.overrides.get(name)
    undo = f"postconf -PX {shlex.quote(setting)}" if old is None else f"postconf -P {shlex.quote(f'{setting}={old}')}"
    return Remedy(
        step="close", title=title, reach=reach,
        commands=[f"postconf -P {shlex.quote(f'{setting}={value}')}", "postfix reload"],
        undo=[undo, "postfix reload"],
    )  # fmt: skip


def _value(name: str, cause: Opening) -> str | None:
    old = re.sub(r"^(?:-o\s*)?[^=]*=\s*", "", cause.text)
    kept = [word for word in re.split(r"[,\s]+", old) if word and word != cause.entry]
    if name == "mynetworks":
        narrow = [word for word in kept if not _is_wide(word)]
        return " ".join(dict.fromkeys(["127.0.0.0/8", "[::1]/128", *narrow]))
    if name == "relay_domains":
        return ", ".join(kept)
    if name == "allow_untrusted_routing":
        return "no"
    return _SAFE_DEFAULT if name.endswith("_restrictions") else None


def _is_wide(word: str) -> bool:
    try:
        network = ip_network(word.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
    return network.prefixlen == 0


def _map_entry(cause: Opening) -> list[Remedy]:
    if cause.line is None or not cause.file.startswith("/"):
        return []
    file = shlex.quote(cause.file)
    kind = cause.setting.partition(":")[0]
    built = [f"postmap {shlex.quote(cause.setting)}"] if kind in _MAPS_WITH_SOURCE else []
    return [
        Remedy(
            step="close",
            title="Take the entry out of the access map",
            reach=f"clients that {cause.text.split(None, 1)[0]} stands for; they may still write to our own addresses",
            commands=[f"sed -i {shlex.quote(f'{cause.line}s/^/#/')} {file}", *built, "postfix reload"],
            undo=[f"sed -i {shlex.quote(f'{cause.line}s/^#//')} {file}", *built, "postfix reload"],
            note=_UNDO_NOTE,
        )
    ]


def exim(cause: Opening) -> list[Remedy]:
    """Steps for a line of Exim's configuration."""
    if cause.line is None:
        return []
    if re.match(r"hostlist\s", cause.text):
        title, edit = "Narrow the list to this machine", f"{cause.line}s/=.*/= 127.0.0.1 : ::::1/"
    elif cause.text.startswith("data"):
        title, edit = "Switch the router off", f"{cause.line}i\\  condition = false"
    elif cause.text.startswith("accept"):
        title, edit = (
            "Accept only our own domains by this statement",
            f"{cause.line}a\\         domains = +local_domains",
        )
    else:
        return []
    return [exim_edit(cause.file, edit, title, "who may relay through this server; nobody's mailbox")]


def exim_edit(path: str, edit: str, title: str, reach: str) -> Remedy:
    """One edit of Exim's configuration, by sed."""
    file = shlex.quote(path)
    reload = "exim -bV >/dev/null && systemctl reload exim4"
    return Remedy(
        step="close",
        title=title,
        reach=reach,
        commands=[f"sed -i.whosent {shlex.quote(edit)} {file}", reload],
        undo=[f"mv {file}.whosent {file}", reload],
        note=f"{_UNDO_NOTE} Debian writes /var/lib/exim4/config.autogenerated anew from /etc/exim4: change it "
        "there (dpkg-reconfigure exim4-config) if that is the file named here. Name your own networks that relay.",
    )


def suspected(opening: Opening) -> Opening:
    """A line that may be to blame; what it does is told without a capital."""
    why = f"Not proven, the place to look: {opening.why}"
    return msgspec.structs.replace(opening, why=why, strength=Strength.CANDIDATES)


def edited(opening: Opening, edit: str, title: str, reach: str, restart: str) -> Blamed:
    """A line of a filter's file, and one edit of that file by sed."""
    file = shlex.quote(opening.file)
    commands = [f"sed -i.whosent {shlex.quote(edit)} {file}", restart]
    undo = [f"mv {file}.whosent {file}", restart]
    return opening, [Remedy(step="close", title=title, reach=reach, commands=commands, undo=undo)]


def apart(blamed: Iterable[Blamed]) -> list[Blamed]:
    """Steps that do not get in each other's way: in one file from the last line to the first, each with its copy."""
    named = list(blamed)
    files = Counter(opening.file for opening, _ in named)
    every = [one for file in files for one in sorted(named, key=_line, reverse=True) if one[0].file == file]
    return [(opening, [_own_copy(step, opening) for step in steps] if files[opening.file] > 1 else steps)
            for opening, steps in every]  # fmt: skip


def _line(one: Blamed) -> int:
    return one[0].line or 0


def _own_copy(step: Remedy, opening: Opening) -> Remedy:
    """What is kept of the file under a name of this step's own."""
    kept = f".whosent-{opening.line}"
    commands, undo = ([line.replace(".whosent", kept) for line in lines] for lines in (step.commands, step.undo))
    return msgspec.structs.replace(step, commands=commands, undo=undo, note=f"{step.note} {_LAST_FIRST}".strip())


def by_hand(opening: Opening, title: str, reach: str, note: str) -> Blamed:
    """A line that no command can mend safely."""
    return opening, [Remedy(step="close", title=title, reach=reach, commands=[], undo=[], note=note)]
