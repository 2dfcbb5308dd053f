"""Closes and opens the tap: one key in one table that ``whosent setup`` put into the mail server's configuration.

Tables lie beside the configuration in ``whosent/``.  Postfix: ``accounts`` and ``clients`` are indexed (lmdb where it
is built in) and heeded at once; ``headers``, ``brake_accounts`` and ``brake_clients`` are read again by ``postfix
reload``.
Exim: plain files that it looks into for every message.  Sendmail: one such file, asked for every recipient, and for
every message that a program here hands in.
"""

from __future__ import annotations

import os
import pwd
import re
import time
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Literal

from whosent.keeper.memory import Order, Said
from whosent.keeper.servers import SENDMAIL_CF, KeeperError, Server, ask, mail_servers
from whosent.queues.belonging import Claim
from whosent.sources.workers import reloaded

Will = Literal["hold", "refuse", "pass"]
_HEEDED: Final = 5.0  # seconds for a reload; what slips through is seen by the passes of a hold
FOLDER: Final = "whosent"
SENDMAIL_HOME: Final = Path("/etc/mail/whosent")
SENDMAIL_MARK: Final = "# whosent begins\n"  # above our rules
_NO_KEY: Final = re.compile(r'[\s"#:\\]|[^!-~]')
_SETUP: Final = "is not set up for it: run `whosent setup {mta}` once, as root"
_LITERAL: Final = re.compile(r"[A-Za-z0-9_@%=~/.+-]{1,300}")
_ACTION: Final = {"hold": "HOLD whosent", "refuse": "REJECT stopped: write to the postmaster", "pass": "DUNNO"}


def close(order: Order) -> Said:
    """Close the tap; the moment is kept, for what it catches is ours to release."""
    will: Will = "refuse" if order.how == "refuse" else "hold"
    memory, done, problems = order.memory, 0, []
    since = min(time.time(), memory.tap[0]) if memory.tap[1] is None else time.time()
    memory.tapped(since)
    for server in tapped(mail_servers()):
        try:
            turn(server, order.memory.claim, will)
            done += 1
        except KeeperError as error:
            problems.append(str(error))
    if not done:
        memory.tapped(since, since)
        raise KeeperError("; ".join(problems))
    return {"servers": done, "problems": problems}


def reopen(order: Order) -> Said:
    """Open the tap; twice does no harm."""
    servers = [one for one in tapped(mail_servers()) if ready(one)]
    for server in servers:
        turn(server, order.memory.claim, None)
    since, until = order.memory.tap
    if until is None and since < float("inf"):
        order.memory.tapped(since, time.time())
    return {"servers": len(servers)}


def let_pass(order: Order) -> Said:
    """Let new mail of one suspect pass the emergency brake."""
    if order.brake.tap[1] is not None:
        raise KeeperError("the brake is not on: there is nothing to pass")
    servers = tapped(mail_servers())
    for server in servers:
        turn(server, order.memory.claim, "pass")
    return {"servers": len(servers)}


def turn(server: Server, claim: Claim, will: Will | None) -> None:
    """Give new mail of the suspect this fate; None: as if nothing had been said."""
    if claim.kind == "bounces":
        raise KeeperError("the mail server's own bounces have no tap: stop what it accepts and cannot deliver")
    folder = home(server)
    if not ready(server):
        mta = server.spool.mta
        raise KeeperError(f"{mta.capitalize()} at {folder.parent} " + _SETUP.format(mta=mta))
    {"postfix": _on_postfix, "exim": _on_exim, "sendmail": _on_sendmail}[server.spool.mta](server, folder, claim, will)


def tapped(servers: Iterable[Server]) -> list[Server]:
    """One server of each that share their tables: the queues of one Sendmail."""
    return list({home(one): one for one in servers}.values())


def ready(server: Server) -> bool:
    """Whether its tables are there."""
    return (home(server) / "accounts.type").exists()


def home(server: Server) -> Path:
    """Where the tables lie."""
    if server.spool.mta == "postfix":
        return Path(server.config) / FOLDER
    if server.spool.mta == "sendmail":
        return SENDMAIL_HOME
    return Path(ask([server.config, "-bP", "configure_file"]).strip()).parent / FOLDER


def _on_postfix(server: Server, folder: Path, claim: Claim, will: Will | None) -> None:
    if claim.kind in {"account", "client"}:
        table = f"{(folder / 'accounts.type').read_text().strip()}:{folder}/{claim.kind}s"
        key = _key(claim.name.lower())
        value = "OK" if will == "pass" else f"whosent_{will}{'_host' if claim.kind == 'client' else ''}"
        if will is None:
            if ask(["postmap", "-c", server.config, "-s", table]).count(f"{key}\t"):
                ask(["postmap", "-c", server.config, "-d", "-", table], f"{key}\n")
        else:
            ask(["postmap", "-c", server.config, "-i", "-r", table], f"{key} {value}\n")
            if ask(["postmap", "-c", server.config, "-q", "-", table], f"{key}\n").split() != [key, value]:
                raise KeeperError(f"{table} does not give back what was written into it")
        return
    if claim.kind == "everything":
        _brake_postfix(server, folder, on=will is not None)
    else:
        _header(folder / "headers", claim, will)
        if claim.kind == "local_user" and (folder / "refused_users").exists():
            _submits(folder / "refused_users", claim, refused=will == "refuse")
    reloaded(server.spool.path, lambda: ask(["postfix", "-c", server.config, "reload"]), _HEEDED)


def _submits(path: Path, claim: Claim, *, refused: bool) -> None:
    """Whether a local user may hand in with sendmail(1); Postfix knows him there by his login name."""
    login = _login(claim)
    if not login:
        return
    others = [line for line in path.read_text(encoding="ascii").splitlines() if line != login]
    _write(path, "".join(f"{one}\n" for one in ([*others, login] if refused else others)))


def _login(claim: Claim) -> str:
    try:
        return _key(pwd.getpwuid(int(claim.name)).pw_name)
    except KeyError:
        return ""


def _key(name: str) -> str:
    if _NO_KEY.search(name.replace(":", "")):
        raise KeeperError("no table can hold this name (spaces, quotes, # or letters beyond ASCII): lock the account")
    return name


def _header(path: Path, claim: Claim, will: Will | None) -> None:
    """One rule of the table of header patterns; those that let pass come first, the brake last."""
    mark = f"# {claim}"
    if "\n" in mark or not mark.isascii():
        raise KeeperError("no table can hold this name")
    lines = path.read_text(encoding="ascii").splitlines()
    rules = [(said, rule) for said, rule in zip(lines[::2], lines[1::2], strict=True) if said != mark]
    if will is not None:
        rules.append((mark, f"{_pattern(claim)} {_ACTION[will]}" + (f" {claim.kind}" if will == "hold" else "")))
    rules.sort(key=lambda one: (one[0] == "# everything:", not one[1].endswith("DUNNO")))
    _write(path, "".join(f"{said}\n{rule}\n" for said, rule in rules))


def _pattern(claim: Claim) -> str:
    if claim.kind in {"everything", "local_user"}:
        return f"/^Received: by [^ ]+ \\([^()]*, from userid {claim.name or '[0-9]+'}\\)/"
    # The number is the file's owner, not who runs it; the flag i makes upper and lower case differ.
    literal = _file_name(claim).replace(".", "[.]").replace("+", "[+]")
    return f"/^X-PHP-Originating-Script: [0-9]+:{literal}([(]|$)/i"


def _file_name(claim: Claim) -> str:
    if "/" in claim.name or not _LITERAL.fullmatch(claim.name):
        raise KeeperError("the script's name cannot be put into a table or pattern safely: switch its file off")
    return claim.name


def _brake_postfix(server: Server, folder: Path, *, on: bool) -> None:
    """Everything that insiders hand in: who logged in, own networks, local users."""
    _header(folder / "headers", Claim("everything", ""), "hold" if on else None)
    _write(folder / "brake_accounts", "/./ whosent_hold\n" if on else "")
    networks = re.split(r"[\s,]+", ask(["postconf", "-c", server.config, "-h", "-x", "mynetworks"]))
    lines = [f"{network} whosent_hold_host\n" for word in networks if (network := _network(word))]
    _write(folder / "brake_clients", "".join(lines) if on else "")


def _network(word: str) -> str | None:
    try:
        return str(ip_network(word.replace("[", "").replace("]", ""), strict=False))
    except ValueError:
        return None  # a table: what it names is not known here


def _on_exim(_server: Server, folder: Path, claim: Claim, will: Will | None) -> None:
    name = {"account": "accounts", "client": "clients", "local_user": "users", "script": "scripts",
            "everything": "brake"}[claim.kind]  # fmt: skip
    _keyed(folder / name, f'"{_key(str(claim).partition(":")[2].lower() or "on")}":', will)


def _on_sendmail(_server: Server, folder: Path, claim: Claim, will: Will | None) -> None:
    program = claim.kind in {"local_user", "script"}
    if program and will == "pass":
        raise KeeperError("Sendmail's brake lets no single program of this machine pass: release the brake")
    config = SENDMAIL_CF["-Ac" if program else "-Am"]
    if will is not None and SENDMAIL_MARK not in Path(config).read_text(encoding="utf-8", errors="replace"):
        raise KeeperError(f"Sendmail's {config} " + _SETUP.format(mta="sendmail"))
    key = f"script:{_file_name(claim)}" if claim.kind == "script" else str(claim)
    if claim.kind == "local_user":
        key = f"local_user:{_login(claim)}@localhost"
    if will is not None and ":@" in key:
        raise KeeperError(f"Sendmail knows local users by their names, and {claim.name} has none here")
    _keyed(folder / "taps", _key(key.lower()), will)


def _keyed(path: Path, key: str, will: Will | None) -> None:
    """One line of a table of keys and fates."""
    lines = path.read_text(encoding="ascii").splitlines()
    kept = [line for line in lines if line.rpartition(" ")[0] != key]
    if will is not None:
        kept.append(f"{key} {will}")
    _write(path, "".join(f"{line}\n" for line in kept))


def _write(path: Path, text: str) -> None:
    """The table changes at once or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="ascii")
    fresh.chmod(0o644)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)
