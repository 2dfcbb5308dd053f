"""Postfix: what its daemons log about messages, clients and logins (postlogd or syslog, any instance name).

Shapes from the sources of Postfix 2.11 to 3.10 (smtpd.c, smtpd_check.c, cleanup_message.c, cleanup_milter.c,
qmgr_active.c, log_adhoc.c, pickup.c, bounce_notify_service.c, postscreen.c, postsuper.c) and recorded from running
ones.  Tags are ``instance[/service]/daemon``; only the instance separates queues.

What strangers write into these lines: HELO, envelope addresses, Message-ID, subject, SASL names, replies.  Each
stands behind the fields we trust, or is read up to a mark that cannot follow it.  Before Postfix 3.5 envelope
addresses are logged without their quotes: a delivery with a second ``>, relay=`` behind the first cannot be told
from an address that imitates one, and is ambiguous.

rsyslog's RFC 5424 template cuts the tag at its first slash, so that "postfix" may be all that is left of the daemon's
name: then every daemon's rules are tried.

What these lines cannot prove: the script behind a uid, subjects and headers unless ``header_checks`` log them, and that
they are Postfix's own where syslog is: any local user can write such lines.
"""

from __future__ import annotations

import re

from whosent.dialects import Dialect, Rule

_ID = rb"(?P<queue_id>[0-9A-F][0-9A-Za-z]{4,23}+)"  # hexadecimal, or long: base 52 of the time, a digit first
_NUMBER = rb"[\d.]++"
_MARK = rb">, relay=[^,\n]++, (?:conn_use=\d++, )?delay="  # where the recipient ends, unless it is imitated
_NO_MARK = rb">(?!" + _MARK.removeprefix(b">") + rb")"
_TROUBLE = rb"(?:warning|fatal|error|panic|table|open|close|using|initializing|setting|watchdog)[^\n]*+"


def _mailbox(field: bytes) -> bytes:
    """An address in ``<>``: a quoted string may hold ``>`` (3.5 and later), else the first one ends it."""
    quoted = rb'"(?:[^"\\>\n]|\\.|' + _NO_MARK + rb')*+"'
    return rb"<(?P<" + field + rb'>[^">\n]*+(?:' + quoted + rb'[^">\n]*+)*+|[^>\n]*+)>'


def _client(name: bytes = b"client_name", address: bytes = b"client_address") -> bytes:
    port = address.replace(b"address", b"port")
    return (
        rb"(?P<" + name + rb">[^\[ \n]*+)\[(?P<" + address + rb">[^\] \n]{1,64}+)\](?::(?P<" + port + rb">\d++))?"
    )  # fmt: skip


# "; from=<a> to=<b> proto=ESMTP helo=<c>" to the end of the line: all of it or nothing, since each part is a
# stranger's words.  The real one ends the line, so an imitated one cannot reach the end without a "<"; smtpd(8)
# replaces blanks and brackets in HELO before it logs it, so that nothing behind it can be imitated.
_ENVELOPE = (
    rb";(?: from=<(?P<sender>[^<>\n]*+)>,?)?(?: to=<(?P<recipient>[^<>\n]*+)>,?)?(?: proto=(?P<protocol>[A-Z8]++),?)?"
    rb"(?: helo=<(?P<helo>[^<> \n]*+)>)?(?: sasl_username=<(?P<account>[^<>\n]*+)>)?"
)
_NO_ENVELOPE = rb"(?!" + re.sub(rb"\(\?P<\w+>", rb"(?:", _ENVELOPE) + rb"\n)"
_REASON = (
    rb"(?P<reason>[^;\n]*+(?:;(?! (?:from|to|proto|helo)=)[^;\n]*+)*+(?:" + _NO_ENVELOPE + rb"[^\n]*+)?+)"
    rb"(?:" + _ENVELOPE + rb")?"
)
_CODE = rb"(?:(?P<code>\d{3}) )?(?:(?P<dsn>\d\.\d{1,3}\.\d{1,3}) )?"
_REFUSED = rb"(?P<stage>[A-Z-]++) from " + _client() + rb": " + _CODE + _REASON
_REJECT = rb"(?P<verdict>reject|milter-reject|proxy-reject|discard|milter-discard): "
_OTHERWISE = (
    rb"(?:reject_warning|warn|info|hold|milter-hold|redirect|filter|bcc|prepend|permit|defer|proxy-accept|replace"
    rb"|milter-quarantine|client-certificate|log): "
)

_DELIVERY = (
    _ID + rb": to=" + _mailbox(b"recipient") + rb", (?:orig_to=" + _mailbox(b"original_recipient") + rb", )?"
    rb"relay=(?P<relay_host>[^\[,\n]++)(?:\[(?P<relay_address>[^\]\n]++)\](?::(?P<relay_port>\d++))?)?, "
    rb"(?:conn_use=\d++, )?delay=(?P<delay>" + _NUMBER + rb")(?:, delays=[^,\n]++)?(?:, tls=[^,\n]++)?, "
    rb"dsn=(?P<dsn>" + _NUMBER + rb"), "
    rb"status=(?P<status>sent|deferred|bounced|deliverable|undeliverable|expired) "
    rb"\((?P<reply>[^>\n]*+(?:" + _NO_MARK + rb"[^>\n]*+)*+)"
)  # fmt: skip
_delivery = Rule("delivery", _DELIVERY)
_DELIVERY_TWICE = rb"[0-9A-Za-z]{5,24}+: to=<(?>[^\n]*?" + _MARK + rb")[^\n]*?" + _MARK

_DELIVERY_AGENTS = rb"(?P<agent>smtp|lmtp|local|virtual|pipe|error|retry|discard|relay)"
_TLS = rb"(?:Anonymous|Trusted|Untrusted|Verified) TLS connection (?:established|reused) "

_SMTPD = (
    Rule(
        "submission",
        _ID + rb": client=" + _client() + rb"(?:, sasl_method=(?P<auth_method>[^,\n]*+)"
        rb"(?:, sasl_username=(?P<account>[^,\n]*+))?)?",
    ),
    Rule(  # behind sasl_sender= all is the client's word
        "submission",
        _ID + rb": client=" + _client() + rb"(?:, sasl_method=(?P<auth_method>[^,\n]*+))?"
        rb"(?:, sasl_username=(?P<account>[^\n]*?))?(?:, sasl_sender=[^\n]*+"
        rb"|(?:, orig_queue_id=(?P<original_queue_id>[0-9A-Za-z]++))?"
        rb"(?:, orig_client=" + _client(b"original_client_name", b"original_client_address") + rb")?)",
    ),
    Rule("connection", rb"(?:dis)?connect from " + _client() + rb"(?: [^\n]*+)?"),
    Rule(
        "login",
        rb"warning: " + _client() + rb": SASL (?P<auth_method>[\w-]++) authentication (?:failed|failure|aborted)"
        rb"(?:: (?P<reason>[^,\n]*+(?:,(?! sasl_username=)[^,\n]*+)*+)(?:, sasl_username=(?P<account>[^\n]*+))?)?",
        (("result", "failed"), ("service", "smtp")),
    ),
    Rule("rejection", rb"(?:NOQUEUE|" + _ID + rb"): " + _REJECT + _REFUSED),
    Rule("held", _ID + rb": (?:milter-)?hold: [^\n]*+"),
    Rule(
        "connection",
        rb"(?:lost connection|timeout|too many errors|improper command pipelining|SSL_accept error"
        rb"|Connection (?:rate|concurrency) limit exceeded:)[^\[\n]*? from " + _client() + rb"(?![\w.-])[^\n]*+",
    ),
    Rule("connection", _TLS + rb"from " + _client() + rb"[^\n]*+"),
    Rule("connection", rb"NOQUEUE: client=" + _client() + rb"[^\n]*+"),
    Rule("notice", rb"NOQUEUE: " + _OTHERWISE + rb"[^\n]*+"),
    Rule("notice", _ID + rb": (?!hold|milter-hold)" + _OTHERWISE + rb"[^\n]*+"),
    Rule("notice", rb"(?!warning: [^\n\[]*+\[[^\]\n]*+\]: SASL )" + _TROUBLE),
    Rule("notice", rb"(?:info|statistics|proxy-(?:accept|reject)|setting up TLS|SSL_|TLS|certificate)[^\n]*+"),
)  # fmt: skip

# "header Subject: text from host[address]; from=..." - the text may itself hold such words, so the client is only
# told where they stand once.
_CONTENT = rb"(?:header|body|mime|nested|content)[^\n]"
_ONCE = rb"(?:(?! from [^ \[\n]*+(?:\[|;))[^\n])*+"
_ORIGIN = rb" from (?:" + _client() + rb"|local)" + _ENVELOPE + rb"(?:: (?P<reason>" + _ONCE + rb"))?(?=\n)"

_SUBJECT = rb": (?:warning|info): header [Ss]ubject: "
_CHANGE = (
    rb"(?:warning|info|redirect|filter|prepend|replace|strip|bcc|log|milter-(?!hold|reject|discard)[a-z]++|skipped)"
)

_CLEANUP = (
    Rule("header", _ID + rb": (?:resent-)?message-id=(?P<message_id>[^\n]*+)"),
    Rule("header", _ID + _SUBJECT + rb"(?P<subject>[^\n]*) from [^ \[;\n]{1,255}+(?:\[[^\] \n]{1,64}+\])?; [^\n]*+"),
    Rule("held", _ID + rb": (?:milter-)?hold: [^\n]*+"),
    Rule("rejection", _ID + rb": " + _REJECT + rb"(?:" + _CONTENT + _ONCE + _ORIGIN + rb"|" + _CONTENT + rb"[^\n]*+)"),
    Rule("rejection", _ID + rb": " + _REJECT + _REFUSED),
    _delivery,
    Rule("notice", _ID + rb"(?!" + _SUBJECT + rb"): " + _CHANGE + rb"[:,][^\n]*+"),
    Rule("notice", _TROUBLE),
)  # fmt: skip

_ACTIVE = rb", size=(?P<size>\d++), nrcpt=(?P<recipient_count>\d++) \(queue active\)"

_QMGR = (
    Rule("removed", _ID + rb": removed"),
    Rule("queued", _ID + rb": from=" + _mailbox(b"sender") + _ACTIVE),
    Rule("queued", _ID + rb": from=<(?P<sender>[^\n]*)>" + _ACTIVE),
    _delivery,
    Rule("notice", _ID + rb": from=<[^\n]*>, status=(?:force-)?expired, returned to sender"),
    Rule("notice", _ID + rb": skipped, [^\n]*+"),
    Rule("notice", _TROUBLE),
)  # fmt: skip

_POSTSCREEN = (
    Rule(
        "rejection",
        rb"NOQUEUE: (?P<verdict>reject): (?P<stage>[A-Z-]++) from \[(?P<client_address>[^\]\n]*+)\]"
        rb"(?::(?P<client_port>\d++))?: " + _CODE + _REASON,
    ),
    Rule(
        "connection",
        rb"(?:[A-Z-]++ )++(?:[\w. -]*?(?:from|for) )?\[(?P<client_address>[^\]\n]*+)\](?::(?P<client_port>\d++))?"
        rb"(?![\w.-])[^\n]*+",
    ),
    Rule("notice", rb"(?:cache |close |entering |leaving |reconnecting |reload)[^\n]*+"),
    Rule("notice", _TROUBLE),
)  # fmt: skip

_AGENT_TALK = (
    rb"(?:host|conversation|lost connection|enabling|breaking|warning|sender|replace|Cannot start TLS|TLS|Server"
    rb"|SMTPUTF8|certificate|subject|no |tls|passing|mail for)"
)

_SILENT = (  # they name no message, or none that another daemon does not
    rb"(?:anvil|scache|dnsblog|tlsmgr|verify|trivial-rewrite|master|proxymap|postlogd|postfix-script|postqueue|postlog"
    rb"|postdrop|sendmail|flush|showq|postmap|postalias|postconf|postmulti|tlsproxy|spawn|local-policy|policy-spf)"
)

_PROGRAMS: tuple[tuple[bytes, tuple[Rule, ...]], ...] = (
    (_DELIVERY_AGENTS, (
        _delivery,
        Rule("notice", rb"(?:" + _TLS + rb"|connect to|certificate|server certificate|SSL_connect)[^\n]*+"),
        Rule("notice", _ID + rb": " + _AGENT_TALK + rb"[^\n]*+"),
        Rule("notice", rb"(?:" + _TROUBLE + rb"|(?:host|SMTPUTF8|cannot|daemon started|private)[^\n]*+)"),
    )),
    (rb"(?:smtpd|qmqpd)", _SMTPD),
    (rb"cleanup", _CLEANUP),
    (rb"[no]?qmgr", _QMGR),
    (rb"pickup", (
        Rule("submission", _ID + rb": uid=(?P<uid>\d++) from=<(?P<local_user>[^\n]*)>"
             rb"(?: orig_id=(?P<original_queue_id>[0-9A-Za-z]++))?"),
        Rule("notice", _TROUBLE),
    )),
    (rb"bounce", (
        Rule("notification", _ID + rb": (?:sender|postmaster) (?:non-delivery|delay|delivery status) notification: "
             rb"(?P<notification_queue_id>[0-9A-Za-z]++)"),
        Rule("notice", _TROUBLE),
    )),
    (rb"postscreen", _POSTSCREEN),
    (rb"postsuper", (
        Rule("held", _ID + rb": placed on hold"),
        Rule("released", _ID + rb": (?:released from hold|requeued)"),
        Rule("removed", _ID + rb": removed"),
        Rule("notice", rb"(?:Placed|Released|Requeued|Deleted|Expired|Force-expired|Renamed)[^\n]*+"),
        Rule("notice", _ID + rb": expired"),
        Rule("notice", _TROUBLE),
    )),
    (_SILENT, (Rule("notice", rb"[^\n]*+"),)),
)  # fmt: skip

_RULES = tuple(dict.fromkeys(rule for _, rules in _PROGRAMS[:-1] for rule in rules))
_BARE = sorted(_RULES, key=lambda rule: rule.event == "notice")

dialect = Dialect(
    name="postfix",
    title="Postfix",
    head=rb"(?P<instance>[\w.-]++)/(?:[\w.-]++/)*+",
    programs=_PROGRAMS,
    shortened=((rb"(?P<instance>postfix[\w.-]*+)", tuple(_BARE)),),
    ambiguous=(_DELIVERY_TWICE,),
)
