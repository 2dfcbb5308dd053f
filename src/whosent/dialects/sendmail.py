"""Sendmail: what the MTA, the submission program (MSP) and its queue runner log about messages, clients and logins.

Shapes from the sources of Sendmail 8.17.1 (headers.c, deliver.c, srvrsmtp.c, parseaddr.c, savemail.c, queue.c,
milter.c, err.c, conf.c) and its release notes back to 8.14.  Tags are whatever ``-L``
names (sm-mta, sm-msp-queue, sendmail); they separate nothing: a queue id holds time and process and never comes twice.

A login (``AUTH=server``) has no queue id.  It belongs to the messages of the same process, whose number both carry: the
tag of the one, the end of the other's queue id.  The ``proto=`` of what such a session brings ends in A since 8.15.

What strangers write into these lines: ident and host names, envelope addresses, Message-ID, header text, replies, and
with ``-f`` the sender; never ``relay=USER@localhost``, which is who called sendmail.  ``ctladdr=`` names the local user
that an envelope *claims* with his uid: it proves nothing and is not read.  Addresses are read quote-aware; a line
whose addresses were cut so that their quotes do not close is ambiguous.  ``reply=`` (8.16) stands only where something
failed, and then the status code decides what it was; the texts behind it are the remote server's.

Recorded: 8.17.1 of Debian 12.  Written from the sources: the forms of 8.14 (no A in ``proto=``, no ``reply=``).

What these lines cannot prove: when a message left the queue (LogLevel 10 says so of retried ones), its subject, or
which recipient an alias stood for.
"""

from __future__ import annotations

import re

from whosent.dialects import Dialect, Rule

_ID = rb"(?P<queue_id>[0-9A-Za-z]{14,17}+): "
_SOME_ID = rb"(?:(?P<queue_id>[0-9A-Za-z]{14,17}+): )?+"
# The log doubles a backslash and writes control characters as one and their number.
_QUOTED = rb'"(?:[^"\\\n]|\\\\(?:\\\\|\\?[^\\\n])|\\[^\\\n])*+"'
_INNER = rb'[^"<>\n]*+(?:' + _QUOTED + rb'[^"<>\n]*+)*+'
_BRACKETED = rb"<" + _INNER + rb">"
_PHRASE = rb'[^"<>,=|\s][^"<>,=\n]*+(?<= )' + _BRACKETED  # "Full Name <address>", as a local user may claim
_PROGRAM = rb'\|[^",\n]*+(?:' + _QUOTED + rb'[^",\n]*+)*+'
_BARE = rb'(?:[^"<>,|\s][^"<>,\s]*+|' + _QUOTED + rb")(?:" + _QUOTED + rb'|[^"<>,\s]++)*+'
_ADDRESS = rb"(?:" + _BRACKETED + rb"|" + _PHRASE + rb"|" + _BARE + rb"|" + _PROGRAM + rb")"
_CUT = rb'<?+[^"<>,\s]{1,48}?\.\.\.[^"<>,\s]{1,48}+>?+'  # the MTA leaves out the middle of a long one
_AGE = rb"(?:\d++\+)?+\d\d:\d\d:\d\d"

# "name [address] (may be forged)": the name is that of the DNS (or ident@name), the address is the connection's.
_NAME = rb"[^\[\], \n]*+"
_CLIENT = (
    rb"(?:(?P<client_name>"
    + _NAME
    + rb") )?+\[(?:IPv6:)?+(?P<client_address>(?!RESPONSE)[^\] \n]{1,64}+)\](?: \(may be forged\))?+"
)
_PEER = rb"(?:" + _CLIENT + rb"|[^\[\],\n]*+)"  # a long name may have cost the address
_LAST = rb" relay=" + re.sub(rb"\(\?P<\w+>", rb"(?:", _PEER) + rb"\n"

_SENDER = rb'from=<?+(?P<sender>[^">,\n]*+(?:(?:' + _QUOTED + rb'|,(?! size=\d))[^">,\n]*+)*+)>?+, size='
_ATTRIBUTES = rb"".join(
    rb"(?:, " + name + rb"=[^,\s]++)?+" for name in (b"daemon", b"tls_verify", b"tls_version", b"cipher", b"auth")
)
_TAIL = rb"(?:, bodytype=[^,\s]++)?+(?:, proto=(?P<protocol>[^,\s]++))?+" + _ATTRIBUTES
_ORIGIN = rb", relay=(?:" + _CLIENT + rb"|(?P<local_user>[^@,\[\]\n]++)@localhost|localhost)"
_NO_END = rb"(?!" + re.sub(rb"\(\?P<\w+>", rb"(?:", _TAIL + _ORIGIN) + rb"\n)"
_MESSAGE_ID = rb"(?:, msgid=(?P<message_id>[^,\n]*+(?:" + _NO_END + rb",[^,\n]*+)*+))?+"
_RESPONSE = rb"from=[^\n]*, relay=\[RESPONSE\]"

_DELIVERY = (
    rb"to=(?P<recipients>" + _ADDRESS + rb"(?:," + _ADDRESS + rb")*+)(?:,? \[more\])?+"
    rb"(?:, ctladdr=(?:" + _ADDRESS + rb"|" + _CUT + rb")(?: \(\d++/\d++\))?+)?+, delay=(?P<delay>" + _AGE + rb")"
)
_ATTEMPT = (
    rb", xdelay=" + _AGE + rb", mailer=(?P<agent>[^,\s]++)(?:, tls_[^\n]*?)?, pri=\d++"
    rb"(?:, relay=(?P<relay_host>[^,\s]++)(?: \[(?:IPv6:)?+(?P<relay_address>[^\]\s]++)\])?+)?+"
    rb", dsn=(?P<dsn>(?P<status>2(?=[\d.]++, stat=Sent)|[45])\.\d{1,3}+\.\d{1,3}+)"
    rb"(?:, ntries=\d++)?+(?:, stage=[^,\s]++)?+"
    rb", (?:stat=(?:Sent(?: \()?+|Deferred(?:: )?+)?+|reply=)(?P<reply>[^\n]*+)"
)

_VERDICT = rb", (?P<verdict>reject|discard)"
_CODE = rb"(?:=(?:(?P<code>\d{3}) )?+(?:(?P<dsn>\d\.\d{1,3}\.\d{1,3}) )?+(?P<reason>"
_ONCE = rb"(?:(?!, relay=)[^\n])*+"  # a header's text may imitate the client: then it stands there twice
_REFUSED = rb", relay=" + _CLIENT + _VERDICT + _CODE + rb"[^\n]*+))?+"
_REFUSED_ONCE = _ONCE + rb", relay=" + _CLIENT + _VERDICT + _CODE + _ONCE + rb"))?+"

_LOGIN = rb"(?P<account>[^,\n]*+(?:,(?! mech=[\w-]++, bits=\d++\n)[^,\n]*+)*+)"

_TALK = (  # what it says of itself, and of clients without a name
    rb"(?:Authentication-Warning|setsender|cannot prescan|poststats|tls_|<--|smtpquit|Milter|milter|STARTTLS"
    rb"|AUTH(?!=server| failure)|SYSERR|alias|forward|starting daemon|stopping daemon|restarting|runqueue"
    rb"|collect|queueup|started as|accepting|rejecting (?!commands)|Losing|timeout|\.\.\.|---|\*\*\*|MCI@"
    rb"|[0-9]+: fl=|lost (?!input)|locked|gethostby|SMTP|daemon|user \d|Warning|WARNING|ERROR|low on"
    rb"|message size|headers? |invalid domain|tcpwrappers|unable|could not|can(?:no|')t|Fixed MIME"
    rb"|Truncated|POSSIBLE|delaying|server|NOQUEUE:|makeconnection|engine|TLSA|grew|sync_dir|error|map|ldap"
    rb"|dns|Saved message)"
)

_RULES = (
    Rule("attempts", _ID + _DELIVERY + _ATTEMPT),
    Rule(
        "collected",
        _ID + _SENDER + rb"(?P<size>(?!0, class=-?\d++, nrcpts=\d++(?!, msgid=))\d++), class=-?\d++, "
        rb"nrcpts=(?P<recipient_count>[1-9]\d*+)" + _MESSAGE_ID + _TAIL + _ORIGIN,
    ),
    Rule("authenticated", _SOME_ID + rb"AUTH=server, relay=" + _PEER + rb", authid=" + _LOGIN +
         rb", mech=(?P<auth_method>[\w-]++), bits=\d++", (("result", "succeeded"), ("service", "smtp"))),
    Rule(  # a client that named a sender and brought no message
        "connection",
        _ID + rb"from=[^\n]*, size=(?:0, class=-?\d++, nrcpts=\d++|\d++, class=-?\d++, nrcpts=0(?:, msgid=[^,\n]*+)?+)"
        + _TAIL + _ORIGIN,
    ),
    Rule(
        "login",
        _SOME_ID + rb"AUTH failure \((?P<auth_method>[\w-]++)\): (?P<reason>[^,\n]*+(?:,(?! user=|" + _LAST
        + rb")[^,\n]*+)*+)(?:, user=(?P<account>[^,\n]*+(?:,(?!" + _LAST + rb")[^,\n]*+)*+))?+, relay=" + _PEER,
        (("result", "failed"), ("service", "smtp")),
    ),
    Rule("returned", _ID + rb"(?P<notification_queue_id>[0-9A-Za-z]{14,17}+): "
         rb"(?:DSN|return to sender|sender notify|postmaster notify): [^\n]*+"),
    Rule("cloned", _ID + rb"(?P<clone_queue_ids>[0-9A-Za-z]{14,17}+): clone: owner=[^\n]*+"),
    Rule("cloned", _ID + rb"split: (?:maxrcpts=\d++, rcpts=\d++, )?+count=\d++, "
         rb"ids?=(?P<clone_queue_ids>[0-9A-Za-z; ]++)"),
    Rule("rejection", _SOME_ID + rb"ruleset=check_rcpt, arg1=(?P<recipient>" + _ADDRESS + rb")" + _REFUSED,
         (("stage", "RCPT"),)),
    Rule("rejection", _SOME_ID + rb"ruleset=check_mail, arg1=(?P<sender>" + _ADDRESS + rb")" + _REFUSED,
         (("stage", "MAIL"),)),
    Rule("rejection", rb"ruleset=check_relay, arg1=[^,\n]*+(?:, arg2=[^,\n]*+)?+" + _REFUSED, (("stage", "CONNECT"),)),
    Rule("rejection", _SOME_ID + rb"ruleset=(?!check_(?:relay|mail|rcpt),)\w++, arg1=" + _REFUSED_ONCE),
    Rule("removed", _ID + rb"(?:discarded|done; delay=[^\n]*+)"),
    Rule("removed", _ID + rb"to=[^\n]*, delay=" + _AGE + rb", pri=\d++, stat=[^\n]*+"),  # refused at its end
    Rule("held", _ID + rb"(?:milter=[^,\n]++, )?+quarantine=[^\n]*+"),
    Rule("released", _ID + rb"unquarantine"),
    Rule("connection", _SOME_ID + _CLIENT + rb"(?:: | did not issue)[^\n]*+"),
    Rule("connection", rb"(?:NOQUEUE: connect|" + _SOME_ID + rb"(?:lost input channel|rejecting commands)) from "
         + _CLIENT + rb"(?: [^\n]*+)?+"),
    Rule("notice", _ID + rb"to=[^\n]*, stat=(?:queued|quarantined)"),
    Rule("notice", _ID + _RESPONSE),
    Rule("notice", _SOME_ID + rb"ruleset=\w++, arg1=[^\n]*, quarantine=[^\n]*+"),
    Rule("notice", _ID + rb"<[^\n]*>\.\.\. [^\n]*+"),
    Rule("notice", rb"[0-9A-Za-z]{14,17}+\[\d{1,3}\]: [^\n]*+"),  # a part of a line that was too long
    Rule("notice", _SOME_ID + rb"\s*+" + _TALK + rb"[^\n]*+"),
)  # fmt: skip

dialect = Dialect(
    name="sendmail",
    title="Sendmail",
    programs=((rb"(?:sendmail|sm-[a-z]++)[\w.-]*+", _RULES),),
    ambiguous=(
        _ID + rb"(?:to|from)=[^\n]*\"",
        _SOME_ID + rb"ruleset=[^\n]*, relay=[^\n]*, relay=",
    ),
)
