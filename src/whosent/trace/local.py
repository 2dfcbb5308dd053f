"""Lines of messages that were handed in on the host itself, not by network: one entry a form.

``by``, ``user`` and ``uid`` as far as the line has them.  ``network`` marks lines that say that the message came by
network after all, so that the line below, by the same host, tells from where.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_QMAIL: Final = r"[\w+-]{2,30}(?: MTA SYSTEM)?(?: pid)? \d+(?: messnum \d+)?"
"""qmail, and the many that were made of it or write like it: nullmailer, cpmta, wp-smtpd, EYOU ..."""


class Form(NamedTuple):
    """One way of saying that a message came from this host."""

    name: str
    pattern: re.Pattern[str]
    network: bool = False


FORMS: Final = (
    Form("Postfix", re.compile(r"by (?P<by>\S+) \(Postfix(?:\)?,? \(?from userid (?P<uid>\d{1,10}))\)")),
    Form("qmail, by network", re.compile(rf"\({_QMAIL} invoked from network[^()]*\)"), network=True),
    Form("qmail", re.compile(rf"\({_QMAIL} invoked (?:by|for|from) (?:uid (?P<uid>\d{{1,10}})|(?P<user>[^()]*))\)")),
    Form("Sendmail's own", re.compile(r"from (?P<user>localhost) \(localhost\) by (?P<by>\S+)")),
    Form(
        "IndiMail",
        re.compile(
            r"indimail-mta queue \d+ by host (?P<by>\S+) "
            r"\(invoked (?:by|for|from) (?:uid (?P<uid>\d{1,10})|(?P<user>[^()]*))\)"
        ),
    ),
    Form("Sendmail", re.compile(r"\(from (?P<user>[^\s()@]+)@\S+\) by (?P<by>\S+)")),
    Form("DragonFly", re.compile(r"from (?P<user>\S+) \(uid (?P<uid>\d{1,10})\)")),
    Form("Courier", re.compile(r"from (?P<user>\S+) \((?:[^()]*, )?uid (?P<uid>\d{1,10})\)")),
    Form("DragonFly's own", re.compile(r"from (?P<user>MAILER-DAEMON) id \S+ by (?P<by>\S+) \(DragonFly")),
    Form("Exim", re.compile(r"from (?P<user>\S+) by (?P<by>\S+) with local(?:-\S+)? ")),
    Form(
        "Courier, by SMTP's name",
        re.compile(r"from \S+ \([^()]*\) \(uid (?P<uid>\d{1,10})\) by (?P<by>\S+) with local"),
    ),
    Form("Courier, local", re.compile(r"(?:from )?\(uid (?P<uid>\d{1,10})\) by (?P<by>\S+) with local")),
    Form("Exim, without a user", re.compile(r"by (?P<by>\S+) with local ")),
    Form(
        "qmail-scanner",
        re.compile(
            r"from .{1,200}? by (?P<by>\S+) "
            r"(?:\([^()]*uid (?P<uid>\d{1,10})\)|by uid (?P<uid_too>\d{1,10})) with qmail-scanner"
        ),
    ),
    Form("Microsoft pickup", re.compile(r"from (?P<user>mail pickup service) by (?P<by>\S+)")),
    Form("Spooler", re.compile(r"from (?P<user>[Ss]pooler) by (?P<by>\S+)")),
    Form(
        "OpenSMTPD",
        re.compile(r"(?:from \S+ )?\((?:\S+ )?\[local\]\);? by (?P<by>\S+) \(OpenSMTPD\)(?:.*? user=(?P<user>\S+))?"),
    ),
    Form("getmail, fetchmail", re.compile(r"from .{1,200}? by (?P<by>\S+) with (?:POP3|IMAP)\S* "), network=True),
)
