r"""Exim: its main log and reject log, in their own files or through syslog, with any ``log_selector``, cPanel's too.

Shapes from the sources of Exim 4.8x to 4.98 (receive.c, deliver.c, smtp_in.c, host.c, acl.c, exim.c, log.c) and
recorded from 4.96.  Lines of the log files carry no host name.

An arrival (``<=``) names the client (``H=name (helo) [address]``) or the local user's login name (``U=``, no uid), and
after ``A=`` the authenticator and the login.  With ``+arguments`` a ``cwd=`` line comes before the arrival: the folder
from which sendmail was called, which on a hosting machine is the script's; with ``+pid`` the two are tied by the
process, otherwise the folder must lie in the user's home or nobody else may have called in between.
``+received_recipients`` lists the recipients, ``+subject`` the subject.  Without them a message counts as one to
one recipient until its deliveries are read.

What strangers write into these lines: HELO, ident, envelope addresses, Message-ID, subject, client certificate, login
names, replies; header lines in the reject log; folder names in ``cwd=``.  Exim writes a backslash before quotes
in subjects and replies, allows neither blanks nor brackets in HELO (unless ``helo_accept_junk_hosts`` is set: then the
last ``) [address]`` before a well-formed rest is the real one), and starts folded header lines with white space.  Every
arrival and delivery is read as a whole, to the end of the line, so that an imitated field leaves a rest that fits
nothing.  A quoted local part is logged without its quotes in front and with them behind: only the latter is read, and
only where the delivery succeeded.

What the lines cannot prove: with ``+arguments`` a local user who may name folders can write whole lines into the log (a
folder's name may hold a line end); the ``cwd=`` line is then cut off, counts as not understood, and the next one is
his.  Through syslog, failed logins and rejections after DATA are logged twice unless ``syslog_duplication`` is off.
"""

from __future__ import annotations

from whosent.dialects import Dialect, EventName, Rule

_PID = rb"(?:\[(?P<pid>\d++)\] )?"
_STAMP = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3})?(?: [+-]\d{4})?"
_ID = rb"(?P<queue_id>[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4}))"
_ANY_ID = _ID.replace(b"?P<queue_id>", b"?:")

_ATOM = rb"[^\s\"<>()\[\]:,;\\]"  # of an address outside quotes
_QUOTED = rb'"(?:[^"\\\n]|\\.)*+"'
_ADDRESS = rb"(?:" + _QUOTED + rb"(?=@))?+" + _ATOM + rb"*+(?:(?<=@)\[[0-9A-Za-z.:]++\])?"
_TEXT = rb'"(?P<%s>(?:[^"\\\n]|\\.)*+)"'
_IP = rb"\[(?P<%s>[0-9A-Fa-f.:]++)\](?::(?P<%s>\d++))?"


def _sender(mark: bytes = b"") -> bytes:
    """An address, or ``<>``: the null sender."""
    return mark + rb"<?+(?P<sender>(?=>)|" + _ADDRESS + rb")>?+"


_CLIENT = _IP % (b"client_address", b"client_port")
_HOST = rb"(?:(?P<client_name>[^\s()\[\]]++) )?(?:\((?P<helo>[^\s()]*+)\) )?" + _CLIENT
_JUNK_HOST = rb"(?:(?P<client_name>[^\s()\[\]]++) )?\((?P<helo>[^\n]*)\) " + _CLIENT  # up to the last such address
_INTERFACE = rb"(?: I=\[[^\]\n]++\](?::\d++)?)?"
_TLS = rb'(?: X=\S++)?(?: CV=\w++)?(?: DN="[^"\n]*+")?(?: SNI=\S++)?'
_LOGIN = rb"(?: A=(?P<auth_method>[^\s:]++)(?::(?P<account>\S+?)(?::[^\s:]*@[^\s:]*)?(?= ))?)?"

_ABOUT = rb"(?: R=(?P<original_queue_id>" + _ANY_ID + rb"))?(?: DS)?"
_LOCAL = rb" U=(?P<local_user>\S++)"
_REMOTE = rb" H=%s" + _INTERFACE + rb"(?: TFO\*?)?(?: U=\S++)?"
_PROTOCOL = rb"(?: P=(?P<protocol>[\w-]++))?(?: L[*.]?-?)?"
_CONTENT = (
    rb"(?: PRDR)?(?: PRX=\S++)?(?: K)?(?: S=(?P<size>\d++))(?: M8S=\d++)?(?: DKIM=\S++)?(?: ARC)?"
    rb"(?: RT=[\w.]++)?(?: Q=[\w-]++)?(?: id\*?=(?P<message_id>(?:" + _QUOTED + rb"(?=@))?+[^\s\"]++))?"
    rb"(?: T=" + _TEXT % b"subject" + rb")?(?: from <(?:" + _QUOTED + rb"(?=@))?+[^\s\"<>]*+>)?"
    rb"(?: for (?P<recipients>" + _ADDRESS + rb"(?: " + _ADDRESS + rb")*+))?"
)
_ORIGINAL = rb"(?: \([^()\n]*+\))?(?: <(?P<original_recipient>" + _ADDRESS + rb")>)?"
_BEFORE = rb"(?: F=<[^\s\"<>]*+>)?(?: Q=[\w-]++)?(?: SRS=<[^\s\"<>]*+>)?(?: P=<[^\s\"<>]*+>)?"
_VIA = rb"(?: R=[^\s:]++)?(?: T=(?P<agent>[^\s:]++))?(?: S=\d++)?"
_RELAY = rb" H=(?P<relay_host>[^\s\[\]\"]++) " + _IP % (b"relay_address", b"relay_port") + rb"\*?"
_AFTER = (
    _INTERFACE
    + rb"(?: PRX=\S++)?(?: TFO\*?)?"
    + _TLS
    + rb"(?: A=\S++)?(?: L\*?)?(?: PRDR)?(?: K)?\*?(?: C="
    + _TEXT % b"reply"
    + rb")?(?: QT=[\w.]++)?(?: DT=[\w.]++)?"
)
_SENT = (("status", "sent"),)
_PLAIN = rb"(?![^\n]*@[^\s<>]++ <\")"  # no address without the quotes it had: it may imitate what follows it
_SAID = (  # after what the server said it; Exim before 4.83 names the server here
    rb"(?:SMTP error from remote mail(?:er| server) after [^\n<:]*+(?::<(?:" + _QUOTED + rb"(?=@))?+[^\s\"<>]*+>"
    rb"[^\n:]*+)?: (?:host [^\s\[]++ \[[^\]\n]++\]: )?)?(?P<reply>[^\n]*+)"
)
_TRIED = rb"(?P<recipient>" + _ADDRESS + rb")" + _ORIGINAL + _BEFORE + _VIA
_DEFER = rb" (?:routing )?defer \(-?\d++\)"
_BECAUSE = rb"(?:" + _RELAY + rb")?" + _INTERFACE + _TLS + rb": " + _SAID

_WHO = rb"(?:H=" + _HOST + _INTERFACE + rb"(?: U=\S++)? )?"
_OFFER = rb'(?:X=\S++ )?(?:CV=\w++ )?(?:DN="[^"\n]*+" )?(?:SNI=\S++ )?'
_REJECTED = (
    rb"(?:" + _ANY_ID + rb" )?" + _WHO + _OFFER
    + rb"(?:A=(?P<auth_method>[^\s:]++)(?::(?P<account>\S++))? )?"
    + rb"(?:F=<(?P<sender>(?:" + _QUOTED + rb"(?=@))?+[^\s\"<>]*+)> )?(?:temporarily )?rejected "
)  # fmt: skip
_WHY = rb"(?:: (?P<reason>[^\n]*+))?"
_REJECT = ("verdict", "reject")

_ONCE = rb"(?:(?!\](?::\d++)?: \d{3} )[^\n])*"  # a login that imitates no second client
_FAILED_LOGIN = (
    rb"(?P<auth_method>[^\s:]++) authenticator failed for " + _HOST + _INTERFACE + rb"(?: U=\S++)?: "
    rb"(?P<reason>\d{3} [^(\n]*?)(?: \(set_id=(?P<account>" + _ONCE + rb")\)(?:: [^()\n]*+)?)?"
)  # fmt: skip
# The names under which mail is handed in, without the options that do something else, and no second "N args:".
_HANDS_IN = (
    rb"(?:[^\s/\"]*/)*+(?:sendmail|exim4?|rsmtp|rmail)"
    rb"(?![^\n]* (?:-(?:M|q|E|b[dpPVtvhFfiwre])|\d++ args:))(?: [^\n]*+)?"
)
_CALLED = rb"cwd=(?P<script>/(?:(?! \d++ args:)[^\n])*+) \d++ args: " + _HANDS_IN

_FAULTS = (
    rb"(?:no (?:host name|IP address) found|SMTP (?:command timeout|protocol|syntax|data timeout|call|error|session)"
    rb"|unexpected disconnection|TLS (?:error|session|client)|Connection from|too many|refused|ident|unqualified"
    rb"|lost|host name|hosts|DNS|remote host|Remote host|rejected (?:VRFY|EXPN)|H=[^\n]*? sender verify)"
)
_OF_A_MESSAGE = (
    rb"(?:H=|Message is frozen|message |routing|Spool|spool|SMTP (?:error|data timeout)|no immediate delivery|cancelled"
    rb"|address <|sender address changed|retry|Remote host|DKIM|SMTP connection (?:outbound|lost)|removing|warning"
    rb"|Warning|error|SPF|DMARC|SA:|User |[^\s=<>*()]++ \[[^\]\n]++\](?::\d++)? |Sender identification |Command)"
)
_OF_THE_PROGRAM = (
    rb"(?:Start queue run|End queue run|exim [\d.]++ daemon|pid \d++|Warning|SIGHUP|failed|Failed|Cannot|cannot|daemon"
    rb"|socket bind|listening|Exim configuration|Exim version|log_write|unable|exim:|queue run|openssl|TLS|tls)"
)

_TO = rb"(?:=>|->|>>) "
_ARRIVAL = rb"(?:<=|\(=) " + _sender() + _ABOUT
_FROM_THERE = _PROTOCOL + _TLS + _LOGIN + _CONTENT
_DEFERRED, _FAILED = rb"== " + _PLAIN + _TRIED, rb"\*\* " + _PLAIN + _TRIED

# Of a message, behind its id: (event, what its lines begin with, the rest, what it implies).
_OF_MESSAGES: tuple[tuple[EventName, bytes, bytes, tuple[tuple[str, str], ...]], ...] = (
    ("arrival", _ARRIVAL, rb"(?:" + _REMOTE % _HOST + rb"|" + _LOCAL + rb")" + _FROM_THERE, ()),
    ("delivery", _TO, _TRIED + rb"(?:" + _RELAY + rb")?" + _AFTER, _SENT),
    ("removed", b"", rb"Completed(?: QT=[\w.]++)?", ()),
    (  # to a mailbox, file, program or nowhere: what stands before the recipient is ours
        "delivery",
        _TO,
        rb"(?:[^@\s<>|/:\"]++|[|/>:][^\n]*?|save [^\n]*?)(?: \([^()\n]*+\))? <(?P<recipient>" + _ADDRESS + rb")>"
        + _BEFORE + _VIA + rb"(?: H=\S++)?" + _AFTER,
        _SENT,
    ),
    (  # the recipient once more without its quotes in front
        "delivery",
        _TO,
        rb"[^\n]*@[^\s<>]++(?: \([^()\n]*+\))? <(?P<recipient>" + _QUOTED + rb"@[^\s\"<>]++)>"
        + _BEFORE + _VIA + _RELAY + _AFTER,
        _SENT,
    ),
    (  # the system's own word, no server's
        "delivery",
        _DEFERRED,
        _DEFER + rb": (?P<reply>[^:\n\[\]]+?)(?:" + _RELAY + rb")?",
        (("status", "deferred"),),
    ),
    ("delivery", _DEFERRED, _DEFER + rb"(?:: [^:\n\[\]]+?(?= H=))?" + _BECAUSE, (("status", "deferred"),)),
    ("delivery", _FAILED, _BECAUSE, (("status", "bounced"),)),
    ("arrival", _ARRIVAL, _REMOTE % _JUNK_HOST + _FROM_THERE, ()),
    ("held", b"", rb"(?:frozen by |Frozen)[^\n]*+", ()),
    ("released", b"", rb"[uU]nfrozen by [^\n]*+", ()),
    ("removed", b"", rb"removed by [^\n]*+", ()),
    ("notice", b"", rb"(?!H=[^\n]*rejected |F=)" + _OF_A_MESSAGE + rb"[^\n]*+", ()),
)  # fmt: skip
_OF_OTHERS: tuple[tuple[EventName, bytes, bytes, tuple[tuple[str, str], ...]], ...] = (
    ("invocation", b"", _CALLED, ()),
    (
        "rejection",
        _REJECTED,
        rb"(?P<stage>RCPT|MAIL|VRFY|EXPN|ETRN) <?(?P<recipient>" + _ADDRESS + rb")>?" + _WHY,
        (_REJECT,),
    ),
    (
        "rejection",
        _REJECTED,
        rb"(?:after DATA|by |during MIME|DATA)[^:\n]*+" + _WHY,
        (_REJECT, ("stage", "END-OF-MESSAGE")),
    ),
    ("rejection", _REJECTED, rb'connection in "connect" ACL' + _WHY, (_REJECT, ("stage", "CONNECT"))),
    (
        "rejection",
        b"",
        rb"rejected (?:EHLO|HELO) from " + _HOST + _INTERFACE + rb": (?P<reason>[^\n]*+)",
        (_REJECT, ("stage", "HELO")),
    ),
    ("login", b"", _FAILED_LOGIN, (("result", "failed"), ("service", "smtp"))),
    (
        "connection",
        b"",
        rb"SMTP connection from " + _HOST + _INTERFACE + rb"(?: U=\S++)?(?: D=\w++)? "
        rb"(?:\(TCP/IP connection count = \d++\)|closed by QUIT|lost|closed by DROP in ACL)(?: D=[\w.]++)?",
        (),
    ),
    ("notice", b"", rb"SMTP connection (?:from|outbound) [^\n]*+", ()),
    ("notice", b"", rb"cwd=[^\n]*? \d++ args:[^\n]*+", ()),
    ("notice", b"", _FAULTS + rb"[^\n]*+", ()),
    ("notice", b"", _OF_THE_PROGRAM + rb"[^\n]*+", ()),
)


def _rules(before: bytes) -> tuple[Rule, ...]:
    """All of them behind what every line begins with; rules that begin alike stand together."""
    return tuple(
        Rule(event, before + ident + lead + rest, fixed, before + ident + lead)
        for ident, rules in ((_ID + rb" ", _OF_MESSAGES), (b"", _OF_OTHERS))
        for event, lead, rest, fixed in sorted(rules, key=lambda rule: _FIRST.index(rule[1]))
    )


_FIRST = tuple(dict.fromkeys(lead for _, lead, _, _ in (*_OF_MESSAGES, *_OF_OTHERS)))

_FOLDED = (  # the reject log's header lines, and what goes on on a second line: strangers' words, never a line of Exim
    Rule("notice", rb"[ \t][^\n]*+"),
    Rule("notice", rb"[BCFIPRST*] [A-Za-z][A-Za-z0-9-]*+:[^\n]*+"),
    Rule("notice", rb"Envelope-(?:from|to): <[^\n]*+"),
    Rule("notice", rb"\*\*\* truncated \*\*\*"),
)
_PIECES = Rule("notice", rb"\[\d++[\\/]\d++\] [^\n]*+")  # syslog: of a long line, or of a rejection's header lines

dialect = Dialect(
    name="exim",
    title="Exim",
    programs=((rb"exim4?", (*_rules(rb"(?:\[1/\d++\] )?(?:" + _STAMP + rb" )?" + _PID), _PIECES)),),
    lines=(*_rules(rb"(?P<stamp>" + _STAMP + rb") " + _PID), *_FOLDED),
)
