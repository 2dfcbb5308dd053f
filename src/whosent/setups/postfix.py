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

from whosent.keeper.servers import ENVIRONMENT, ask
from whosent.keeper.taps import FOLDER
from whosent.setups import CannotError, Change, file
from whosent.sources.workers import reloaded

CONFIG: Final = "/etc/postfix"
_HEEDED: Final = 60.0  # seconds for a reload: a busy machine
_TYPES: Final = ("lmdb", "hash", "cdb")  # of indexed tables; cdb cannot be changed key by key
_INDEXED: Final = ("accounts", "clients", "administrators")
_SERVICE: Final = "pickup/unix/cleanup_service_name"
_CHECKS, _KEPT = "whosent/unix/header_checks", "whosent/unix/whosent_before"
_DATA: Final = "smtpd_data_restrictions"
_CLASSES: Final = {"hold": "", "refuse": "", "hold_host": "permit_sasl_authenticated, ",
                   "refuse_host": "permit_sasl_authenticated, "}  # fmt: skip
_REFUSAL: Final = (
    "/./ REJECT 5.7.1 Mail from here is stopped because this login or computer was used to send spam."
    " Change the password, check the computer, and write to the postmaster, which is still possible.\n"
)


class Conf:
    """The settings of one instance, asked for once: Postfix pauses before it reads a file that just changed."""

    def __init__(self, config: str) -> None:
        self.config = config
        self._known: dict[str, str] | None = None
        self.header_checks = ask(["postconf", "-c", config, "-h", "-x", "header_checks"]).strip()

    def said(self, name: str) -> str:
        """A parameter of main.cf, or of a service (``name/type/parameter``), as it is set; "" if it is not."""
        if self._known is None:
            self._known = {}
            for flag in ("-n", "-P"):
                for line in ask(["postconf", "-c", self.config, flag]).splitlines():
                    key, _, value = line.partition("=")
                    self._known[key.strip()] = value.strip()
        return self._known.get(name, "")

    def services(self, parameter: str) -> list[str]:
        """The services that set this parameter themselves: ``name/type/parameter``."""
        self.said(parameter)
        assert self._known is not None
        return [name for name, value in self._known.items() if value and name.endswith(f"/{parameter}")]

    def tell(self, name: str, value: str) -> None:
        """Set it; an empty list is taken out.  In master.cf no value may hold a space: commas do as well."""
        self.said(name)
        if "/" in name:
            value = re.sub(r"[,\s]+", ",", value)
            ask(["postconf", "-c", self.config, "-P", f"{name}={value}"] if value else
                ["postconf", "-c", self.config, "-PX", name])  # fmt: skip
        else:
            ask(["postconf", "-c", self.config, "-e", f"{name} = {value}"] if value else
                ["postconf", "-c", self.config, "-X", name])  # fmt: skip
        assert self._known is not None
        self._known[name] = value


def changes(administrators: tuple[str, ...] = (), config: str = CONFIG) -> list[Change]:
    """What containing and tracing need."""
    if not shutil.which("postconf", path=ENVIRONMENT["PATH"]):
        raise CannotError("Postfix is not installed here")
    kind, conf = _kind(config), Conf(config)
    home = Path(config) / FOLDER
    people = administrators or _administrators(config)
    return [
        *(_indexed(config, home, kind, name, people if name == "administrators" else ()) for name in _INDEXED),
        *_files(home, kind),
        *_restrictions(conf, home, kind),
        _pickup(conf, home),
        _submitters(conf, home),
        _parameter(conf, "enable_long_queue_ids", "yes", "queue ids are never used again: no message can be taken"
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
    for name, why in (
        ("headers", "whose mail is held by its headers"), ("refused_users", "which local users hand in nothing at all"),
        ("brake_accounts", "the emergency brake"), ("brake_clients", "the emergency brake"),
    ):  # fmt: skip
        path = home / name
        empty = file(path, "", "")
        yield Change(str(path), why, path.exists, empty.make, empty.undo, last=True)
    yield file(home / "accounts.type", f"{kind}\n", "the kind of these tables")


def _restrictions(conf: Conf, home: Path, kind: str) -> Iterator[Change]:
    ask_first = f"check_recipient_access {kind}:{home}/administrators, "
    yield _listed(conf, "smtpd_restriction_classes", [f"whosent_{name}" for name in _CLASSES], "names what follows")
    for name, guests in _CLASSES.items():
        how = name.partition("_")[0]
        value = f"{guests}{ask_first}check_client_access regexp:{home}/{how}"
        yield _parameter(conf, f"whosent_{name}", value, f"{how}, but for mail to the administrators")
    entries = [f"check_sasl_access {kind}:{home}/accounts", f"check_sasl_access regexp:{home}/brake_accounts",
               f"check_client_access {kind}:{home}/clients",
               f"check_client_access cidr:{home}/brake_clients"]  # fmt: skip
    yield _listed(conf, _DATA, entries, "asks the tables for each message that a client hands in")
    for service in conf.services(_DATA):
        in_commas = [entry.replace(" ", ",") for entry in entries]
        yield _listed(conf, service, in_commas, "this service has a list of its own")


def _parameter(conf: Conf, name: str, value: str, why: str) -> Change:
    def undo() -> None:
        if conf.said(name) == value:
            conf.tell(name, "")

    return Change(f"{name} = {value}", why, lambda: conf.said(name) == value, lambda: conf.tell(name, value), undo)


def _listed(conf: Conf, name: str, entries: list[str], why: str) -> Change:
    """Entries of ours before all others of a list; what others wrote stays, whoever changed it meanwhile."""
    ours = ("," if "/" in name else ", ").join(entries)

    def rest() -> str:
        others = conf.said(name)
        for entry in entries:
            others = re.sub(rf"(?:^|(?<=[,\s])){re.escape(entry)}(?:[,\s]+|$)", "", others.strip())
        return others.strip(" ,")

    def make() -> None:
        conf.tell(name, f"{ours}, {rest()}".strip(", "))

    return Change(f"{name} = {ours}, ...", why, lambda: conf.said(name).startswith(ours), make,
                  lambda: conf.tell(name, rest()))  # fmt: skip


def _pickup(conf: Conf, home: Path) -> Change:
    """Mail of local users through a cleanup service of its own: as the one it had, and our header patterns first."""
    return Change(
        "whosent unix n - - - 0 cleanup  (as the one before, with header_checks = regexp:"
        f"{home}/headers, ...)\npickup -o cleanup_service_name=whosent",
        "held are headers of what local users hand in, never of mail from elsewhere",
        lambda: conf.said(_SERVICE) == "whosent" and conf.said(_CHECKS) == _wanted_checks(conf, home),
        lambda: _make_pickup(conf, home), lambda: _undo_pickup(conf),
    )  # fmt: skip


def _submitters(conf: Conf, home: Path) -> Change:
    """The last resort against a local user: his programs are told no at once, and no bounce is made."""
    name, ours = "authorized_submit_users", f"!{home}/refused_users"

    def undo() -> None:
        others = conf.said(name).replace(ours, "").strip(" ,")
        conf.tell(name, "" if others == "static:anyone" else others)

    return Change(f"{name} = {ours}, ...", "whoever is refused cannot hand in with sendmail(1)",
                  lambda: conf.said(name).startswith(ours),
                  lambda: conf.tell(name, f"{ours}, {conf.said(name) or 'static:anyone'}"), undo)  # fmt: skip


def _before(conf: Conf) -> str:
    """The cleanup service that local mail had before ours."""
    service = conf.said(_SERVICE) or "cleanup"
    return service if service != "whosent" else conf.said(_KEPT) or "cleanup"


def _wanted_checks(conf: Conf, home: Path) -> str:
    others = conf.said(f"{_before(conf)}/unix/header_checks") or conf.header_checks
    return re.sub(r"[\s,]+", ",", f"regexp:{home}/headers,{others}").strip(",")


def _make_pickup(conf: Conf, home: Path) -> None:
    before, checks = _before(conf), _wanted_checks(conf, home)
    line = ask(["postconf", "-c", conf.config, "-M", f"{before}/unix"]).strip()
    ask(["postconf", "-c", conf.config, "-M", f"whosent/unix=whosent {line.split(None, 1)[1]}"])
    for name, value in ((_CHECKS, checks), (_KEPT, before), (_SERVICE, "whosent")):
        conf.tell(name, value)


def _undo_pickup(conf: Conf) -> None:
    if conf.said(_SERVICE) != "whosent":
        return
    before = _before(conf)
    conf.tell(_SERVICE, "" if before == "cleanup" else before)
    ask(["postconf", "-c", conf.config, "-MX", "whosent/unix"])


def heed(config: str = CONFIG) -> None:
    """Let the running server take notice, and see that it does."""
    queue = ask(["postconf", "-c", config, "-h", "queue_directory"]).strip()
    if not reloaded(queue, lambda: ask(["postfix", "-c", config, "reload"]), _HEEDED):
        raise CannotError(
            f"the lines stand in {config}, but a process of Postfix (cleanup, pickup) still works by the old ones, as a"
            " slow client keeps it: wait until it ends, or `postfix stop && postfix start`, and the client sends again"
        )
