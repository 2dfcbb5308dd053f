"""Postfix: an identifier and an address for complaints in each message that a login hands in (RFC 9477).

``CFBL-Feedback-ID`` carries our own queue id: a report that quotes it joins with certainty, whatever else was taken out
of it; one that a client wrote is taken out.  ``CFBL-Address`` asks for such reports at the domain of the author.
Both stand in the message before a milter signs it; the RFC wants them signed: let DKIM's list of headers name them.
Only submission services are touched: nothing is added to what comes from outside.
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
from whosent.setups.postfix import CONFIG, Conf

_SERVICE: Final = "whosentsub"
_SUBMISSION: Final = ("submission", "submissions", "smtps", "587", "465")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
# What stands before the last "by" is the client's; the id is Postfix's own.
_IDENTIFIED: Final = "/^Received: from .*[[:space:]]by {host} \\([^()]*\\)[[:space:]]+with E?SMTPS?A id ([0-9A-Za-z]+)/"


def changes(administrators: tuple[str, ...] = (), config: str = CONFIG) -> list[Change]:
    """A table of headers, and a cleanup service of their own for what logins hand in."""
    if not shutil.which("postconf", path=ENVIRONMENT["PATH"]):
        raise CannotError("Postfix is not installed here")
    conf = Conf(config)
    services = [f"{name}/inet" for name in _SUBMISSION if ask(["postconf", "-c", config, "-M", f"{name}/inet"]).strip()]
    if not services:
        raise CannotError("no submission service stands in master.cf (submission, submissions, smtps)")
    table = Path(config) / FOLDER / "feedback"
    return [
        file(table, "".join(_lines(config, administrators)), "what is added: our queue id, and where complaints go"),
        _cleanup(conf, table),
        *(_through(conf, f"{service}/cleanup_service_name") for service in services),
    ]


def _lines(config: str, administrators: tuple[str, ...]) -> Iterator[str]:
    """One rule for our own Received, and one for the author of each of our domains."""
    host, *names = ask(["postconf", "-c", config, "-h", "-x", "myhostname", "mydomain", "virtual_mailbox_domains",
                        "virtual_alias_domains"]).split()  # fmt: skip
    yield "/^CFBL-(Feedback-ID|Address):/ IGNORE\n"
    yield f"{_IDENTIFIED.format(host=re.escape(host))} PREPEND CFBL-Feedback-ID: q:$1\n"
    whom = {one.rpartition("@")[2].lower(): one for one in administrators}
    for domain in dict.fromkeys(name.strip(",").lower() for name in names):
        if _DOMAIN.fullmatch(domain):
            address = whom.get(domain, f"abuse@{domain}")
            yield f"/^From:.*@{re.escape(domain)}>?[[:space:]]*$/ PREPEND CFBL-Address: {address}; report=arf\n"


def _cleanup(conf: Conf, table: Path) -> Change:
    name = f"{_SERVICE}/unix/header_checks"

    def wanted() -> str:
        return re.sub(r"[\s,]+", ",", f"regexp:{table},{conf.header_checks}").strip(",")

    def make() -> None:
        line = ask(["postconf", "-c", conf.config, "-M", "cleanup/unix"]).split(None, 1)[1].strip()
        ask(["postconf", "-c", conf.config, "-M", f"{_SERVICE}/unix={_SERVICE} {line}"])
        conf.tell(name, wanted())

    def undo() -> None:
        ask(["postconf", "-c", conf.config, "-MX", f"{_SERVICE}/unix"])

    what = f"{_SERVICE} unix n - y - 0 cleanup -o header_checks={wanted()}"
    why = "a cleanup service for submission alone"
    return Change(what, why, lambda: conf.said(name) == wanted(), make, undo, last=True)


def _through(conf: Conf, name: str) -> Change:
    """A service that has a cleanup service of its own keeps it: then the table is put there by hand."""
    if conf.said(name) not in {"", _SERVICE}:
        raise CannotError(f"{name} is {conf.said(name)} already: put the table feedback into its header_checks by hand")

    def undo() -> None:
        if conf.said(name) == _SERVICE:
            conf.tell(name, "")

    return Change(f"{name} = {_SERVICE}", "what logins hand in goes through it", lambda: conf.said(name) == _SERVICE,
                  lambda: conf.tell(name, _SERVICE), undo)  # fmt: skip


def heed(config: str = CONFIG) -> None:
    """Let the running server take notice."""
    ask(["postfix", "-c", config, "reload"])
