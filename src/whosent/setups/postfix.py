"""Postfix: tables asked for each message of a login or client, and header patterns for what local users hand in.

The restrictions stand at DATA because master.cf commonly overrides the earlier ones for submission.  Mail of local
users passes a cleanup service of its own, so that a header pattern never touches mail from elsewhere.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from whosent.keeper.servers import ENVIRONMENT, KeeperError, ask
from whosent.keeper.taps import FOLDER
from whosent.setups import CannotError, Change, file

_CONFIG: Final = "/etc/postfix"
_TYPES: Final = ("lmdb", "hash", "cdb")  # of indexed tables; cdb cannot be changed key by key
_INDEXED: Final = ("accounts", "clients", "administrators")
_DATA: Final = "smtpd_data_restrictions"
_CLASSES: Final = {"hold": "", "refuse": "", "hold_host": "permit_sasl_authenticated, ",
                   "refuse_host": "permit_sasl_authenticated, "}  # fmt: skip
_REFUSAL: Final = (
    "/./ REJECT 5.7.1 Mail from here is stopped because this login or computer was used to send spam."
    " Change the password, check the computer, and write to the postmaster, which is still possible.\n"
)


def changes(administrators: tuple[str, ...] = (), config: str = _CONFIG) -> list[Change]:
    """What containing and tracing need."""
    if not shutil.which("postconf", path=ENVIRONMENT["PATH"]):
        raise CannotError("Postfix is not installed here")
    kind = _kind(config)
    home = Path(config) / FOLDER
    people = administrators or _administrators(config)
    return [
        *(_indexed(config, home, kind, name, people if name == "administrators" else ()) for name in _INDEXED),
        *_files(home, kind),
        *_restrictions(config, home, kind),
        *_pickup(config, home),
        _parameter(config, "enable_long_queue_ids", "yes", "queue ids are never used again: no message can be taken"
                   " for another"),
    ]  # fmt: skip


def _kind(config: str) -> str:
    known = ask(["postconf", "-c", config, "-m"]).split()
    found = next((kind for kind in _TYPES[:2] if kind in known), None)
    if found is None:
        raise CannotError("Postfix here has neither lmdb nor hash tables: install postfix-lmdb")
    return found


def _administrators(config: str) -> tuple[str, ...]:
    """Whom a contained user can still write to: postmaster and abuse at the names this server goes by."""
    said = ask(["postconf", "-c", config, "-h", "-x", "mydomain", "myorigin", "myhostname", "virtual_mailbox_domains",
                "virtual_alias_domains"])  # fmt: skip
    domains = dict.fromkeys(word.lower() for word in re.split(r"[\s,]+", said) if re.fullmatch(r"[\w.-]+", word))
    return tuple(f"{name}@{domain}" for domain in domains for name in ("postmaster", "abuse"))


def _indexed(config: str, home: Path, kind: str, name: str, keys: tuple[str, ...]) -> Change:
    path = home / name
    stored = home / f"{name}.{'lmdb' if kind == 'lmdb' else 'db'}"

    def make() -> None:
        home.mkdir(mode=0o755, exist_ok=True)
        if not stored.exists():
            path.write_text("", encoding="ascii")
            path.chmod(0o644)
            ask(["postmap", "-c", config, f"{kind}:{path}"])
        ask(["postmap", "-c", config, "-i", "-r", f"{kind}:{path}"], "".join(f"{key} OK\n" for key in keys))
        stored.chmod(0o644)

    def undo() -> None:
        for one in (path, stored, path.with_suffix(".type")):
            one.unlink(missing_ok=True)

    what = f"{kind}:{path}" + (f" ({', '.join(keys)})" if keys else "")
    return Change(what, "whom to write to while contained" if keys else "whose new mail is held or refused",
                  stored.exists, make, undo, last=True)  # fmt: skip


def _files(home: Path, kind: str) -> Iterator[Change]:
    yield file(home / "hold", "/./ HOLD whosent\n", "what is held: nothing is lost, one command lets it go")
    yield file(home / "refuse", _REFUSAL, "what is refused, and what the user is told")
    for name in ("headers", "brake_accounts", "brake_clients"):
        path = home / name
        yield Change(str(path), "whose mail is held by its headers" if name == "headers" else "the emergency brake",
                     path.exists, file(path, "", "").make, file(path, "", "").undo, last=True)  # fmt: skip
    yield file(home / "accounts.type", f"{kind}\n", "the kind of these tables")


def _restrictions(config: str, home: Path, kind: str) -> Iterator[Change]:
    ask_first = f"check_recipient_access {kind}:{home}/administrators, "
    yield _listed(config, "smtpd_restriction_classes", [f"whosent_{name}" for name in _CLASSES], "names what follows")
    for name, guests in _CLASSES.items():
        how = name.partition("_")[0]
        value = f"{guests}{ask_first}check_client_access regexp:{home}/{how}"
        yield _parameter(config, f"whosent_{name}", value, f"{how}, but for mail to the administrators")
    entries = [f"check_sasl_access {kind}:{home}/accounts", f"check_sasl_access regexp:{home}/brake_accounts",
               f"check_client_access {kind}:{home}/clients",
               f"check_client_access cidr:{home}/brake_clients"]  # fmt: skip
    yield _listed(config, _DATA, entries, "asks the tables for each message that a client hands in")
    for line in ask(["postconf", "-c", config, "-P", f"*/*/{_DATA}"]).splitlines():
        service = line.partition("=")[0].strip()
        yield _listed(config, service, entries, "this service has a list of its own", "-P")


def _value(config: str, name: str, flag: str = "-n") -> str:
    """As it is set; "" if it is not."""
    return ask(["postconf", "-c", config, flag, name]).partition("=")[2].strip()


def _parameter(config: str, name: str, value: str, why: str, flag: str = "-e") -> Change:
    look = "-P" if flag == "-P" else "-n"

    def undo() -> None:
        if _value(config, name, look) == value:
            ask(["postconf", "-c", config, "-X" if flag == "-e" else "-PX", name])

    return Change(f"{name} = {value}", why, lambda: _value(config, name, look) == value,
                  lambda: _told(config, flag, name, value), undo)  # fmt: skip


def _listed(config: str, name: str, entries: list[str], why: str, flag: str = "-e") -> Change:
    """Entries of ours before all others of a list; what others wrote stays, whoever changed it meanwhile."""
    look = "-P" if flag == "-P" else "-h"

    def rest() -> str:
        said = ask(["postconf", "-c", config, look, name])
        others = said.partition("=")[2] if flag == "-P" else said
        for entry in entries:
            others = re.sub(rf"(?:^|(?<=[,\s])){re.escape(entry)}(?:[,\s]+|$)", "", others.strip())
        return others.strip(" ,")

    def done() -> bool:
        said = ask(["postconf", "-c", config, look, name])
        return (said.partition("=")[2] if flag == "-P" else said).strip().startswith(", ".join(entries))

    def undo() -> None:
        if flag == "-e" and not rest():
            ask(["postconf", "-c", config, "-X", name])
        elif done():
            _told(config, flag, name, rest())

    return Change(f"{name} = {', '.join(entries)}, ...", why, done,
                  lambda: _told(config, flag, name, ", ".join([*entries, rest()]).strip(", ")), undo)  # fmt: skip


def _told(config: str, flag: str, name: str, value: str) -> None:
    if flag == "-P":
        value = re.sub(r"\s*,\s*", ",", value)  # of master.cf: no spaces but in braces
        ask(["postconf", "-c", config, "-P", f"{name}={{{value}}}" if " " in value else f"{name}={value}"])
    else:
        ask(["postconf", "-c", config, "-e", f"{name} = {value}"])


def _pickup(config: str, home: Path) -> Iterator[Change]:
    """Mail of local users through a cleanup service of its own: as the one it had, and our header patterns first."""
    yield Change(
        "whosent unix n - - - 0 cleanup  (as the one before, with header_checks = regexp:"
        f"{home}/headers, ...)\npickup -o cleanup_service_name=whosent",
        "held are headers of what local users hand in, never of mail from elsewhere",
        lambda: _service(config) == "whosent" and _ours(config) == _checks(config, home),
        lambda: _make_pickup(config, home), lambda: _undo_pickup(config),
    )  # fmt: skip


def _service(config: str) -> str:
    try:
        return _value(config, "pickup/unix/cleanup_service_name", "-P") or "cleanup"
    except KeeperError:
        return "cleanup"


def _before(config: str) -> str:
    """The cleanup service that local mail had before ours."""
    service = _service(config)
    if service != "whosent":
        return service
    try:
        return _value(config, "whosent/unix/whosent_before", "-P") or "cleanup"
    except KeeperError:
        return "cleanup"


def _ours(config: str) -> str:
    return _value(config, "whosent/unix/header_checks", "-P")


def _checks(config: str, home: Path) -> str:
    before = _before(config)
    try:
        others = _value(config, f"{before}/unix/header_checks", "-P")
    except KeeperError:
        others = ""
    others = others or ask(["postconf", "-c", config, "-h", "-x", "header_checks"]).strip()
    return re.sub(r"[\s,]+", ",", f"regexp:{home}/headers,{others}").strip(",")


def _make_pickup(config: str, home: Path) -> None:
    before = _before(config)
    line = ask(["postconf", "-c", config, "-M", f"{before}/unix"]).strip()
    ask(["postconf", "-c", config, "-M", f"whosent/unix=whosent {line.split(None, 1)[1]}"])
    for name, value in (("header_checks", _checks(config, home)), ("whosent_before", before)):
        ask(["postconf", "-c", config, "-P", f"whosent/unix/{name}={value}"])
    ask(["postconf", "-c", config, "-P", "pickup/unix/cleanup_service_name=whosent"])


def _undo_pickup(config: str) -> None:
    if _service(config) != "whosent":
        return
    before = _before(config)
    if before == "cleanup":
        ask(["postconf", "-c", config, "-PX", "pickup/unix/cleanup_service_name"])
    else:
        ask(["postconf", "-c", config, "-P", f"pickup/unix/cleanup_service_name={before}"])
    ask(["postconf", "-c", config, "-MX", "whosent/unix"])


def heed(config: str = _CONFIG) -> None:
    """Let the running server take notice."""
    ask(["postfix", "-c", config, "reload"])
