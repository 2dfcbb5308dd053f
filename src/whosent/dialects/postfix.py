"""Postfix: what its daemons log about messages, clients and logins (postlogd or syslog, any instance name).

Shapes from the sources of Postfix 3.7 (smtpd.c, cleanup_message.c, qmgr_active.c, log_adhoc.c, pickup.c,
bounce_notify_service.c, postscreen.c, postsuper.c) and recorded from running ones.  Tags are
``instance[/service]/daemon``; only the instance separates queues.  Envelope addresses may be quoted strings that
imitate fields: they are read quote-aware, and everything behind ``status=`` is the remote server's text.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_ID = rb"(?P<queue_id>[0-9A-Za-z]{5,24}+)"
_NUMBER = rb"[\d.]++"


def _mailbox(field: bytes) -> bytes:
    """An address in ``<>``: quoted strings may hold anything, outside them no ``>``."""
    return rb"<(?P<" + field + rb'>[^">\n]*+(?:"(?:[^"\\\n]|\\.)*+"[^">\n]*+)*+)>'


def _client(name: bytes = b"client_name", address: bytes = b"client_address") -> bytes:
    port = address.replace(b"address", b"port")
    return (
        rb"(?P<" + name + rb">[^\[\n]*+)\[(?P<" + address + rb">[^\]\n]*+)\](?::(?P<" + port + rb">\d++))?"
    )  # fmt: skip


# "from=<a> to=<b> proto=ESMTP helo=<c>": three of the four are a stranger's words, so they are only taken when
# no quote mark of theirs is in the line twice; the rest of the line stands in "reason" whole.
_ENVELOPE = (
    rb"(?:(?:; from=" + _mailbox(b"sender") + rb")?(?:;? to=" + _mailbox(b"recipient") + rb")?"
    rb" proto=(?P<protocol>[A-Z8]++)(?: helo=<(?P<helo>(?:(?!; from=<|> to=<)[^\n])*+)>)?"
    rb"(?: sasl_username=<(?P<account>[^>\n]*+)>)?(?:: [^\n]*+)?)"
)
_REFUSED = (
    rb"(?P<stage>[A-Z-]++) from " + _client() + rb": (?P<code>\d{3}+)?(?: ?(?P<dsn>\d\.\d{1,3}+\.\d{1,3}+))?"
    rb" ?(?P<reason>(?:(?!; from=<)[^\n])*+)" + _ENVELOPE + rb"?"
)

_DELIVERY = (
    _ID + rb": to=" + _mailbox(b"recipient") + rb", (?:orig_to=" + _mailbox(b"original_recipient") + rb", )?"
    rb"relay=(?P<relay_host>[^\[,\n]++)(?:\[(?P<relay_address>[^\]\n]++)\](?::(?P<relay_port>\d++))?)?, "
    rb"(?:conn_use=\d++, )?delay=(?P<delay>" + _NUMBER + rb")(?:, delays=[^,\n]++)?, dsn=(?P<dsn>" + _NUMBER + rb"), "
    rb"status=(?P<status>sent|deferred|bounced|deliverable|undeliverable|expired) \((?P<reply>[^\n]*+)"
)  # fmt: skip

_DELIVERY_AGENTS = rb"(?P<agent>smtp|lmtp|local|virtual|pipe|error|retry|discard|relay)"

_SMTPD = (
    Rule(
        "submission",
        _ID + rb": client=" + _client() + rb"(?:, sasl_method=(?P<auth_method>[^,\n]*+)"
        rb"(?:, sasl_username=(?P<account>[^,\n]*+))?)?",
    ),
    Rule(
        "submission",
        _ID + rb": client=" + _client() + rb"(?:, sasl_method=(?P<auth_method>[^,\n]*+))?"
        rb"(?:, sasl_username=(?P<account>[^\n]*?))?(?:, sasl_sender=[^\n]*?)?"
        rb"(?:, orig_queue_id=(?P<original_queue_id>[0-9A-Za-z]++))?"
        rb"(?:, orig_client=" + _client(b"original_client_name", b"original_client_address") + rb")?",
    ),
    Rule("connection", rb"(?:dis)?connect from " + _client() + rb"(?: [^\n]*+)?"),
    Rule(
        "login",
        rb"warning: " + _client() + rb": SASL (?P<auth_method>[\w-]++) authentication (?:failed|failure|aborted)"
        rb"(?:: (?P<reason>(?:(?!, sasl_username=)[^\n])*+)(?:, sasl_username=(?P<account>[^\n]*+))?)?",
        (("result", "failed"),),
    ),
    Rule("rejection", rb"NOQUEUE: (?P<verdict>reject|milter-reject|milter-hold|hold|discard|redirect|filter|bcc|prepend|warn|info): " + _REFUSED),
    Rule("rejection", _ID + rb": (?P<verdict>reject|milter-reject|milter-hold|discard|redirect|filter|bcc|prepend|warn|info): " + _REFUSED),
    Rule("held", _ID + rb": hold: " + _REFUSED),
    Rule("rejection", rb"NOQUEUE: reject_warning: " + _REFUSED, (("verdict", "reject_warning"),)),
    Rule("connection", rb"(?:lost connection|timeout|too many errors|improper command pipelining|SSL_accept error)(?: after [^\n]*?)? from " + _client() + rb"[^\n]*+"),
    Rule("connection", rb"(?:Anonymous|Trusted|Untrusted|Verified) TLS connection established from [^\n]++"),
    Rule("connection", rb"NOQUEUE: client=[^\n]++"),
    Rule("notice", rb"(?:warning|fatal|error|panic|info|statistics|table|proxy-(?:accept|reject)|setting up TLS|initializing the|SSL_|TLS)[^\n]*+"),
)  # fmt: skip

_CLEANUP = (
    Rule("queued", _ID + rb": (?:resent-)?message-id=(?P<message_id>[^\n]*+)"),
    Rule("queued", _ID + rb": (?:warning|info): header [Ss]ubject: (?P<subject>[^\n]*?) from [^\n]*+"),
    Rule("held", _ID + rb": (?:milter-)?hold: [^\n]*+"),
    Rule("rejection", _ID + rb": (?P<verdict>reject|milter-reject|discard): (?:(?:header|body|mime|nested|content)[^\n]*? from |(?P<stage>[A-Z-]++) from )" + _client() + rb"[;:] ?(?P<reason>[^\n]*+)"),
    Rule("notice", _ID + rb": (?:warning|info|redirect|filter|prepend|replace|strip|bcc|milter-[a-z]++|table|discard|reject|skipped)[:,][^\n]*+"),
    Rule("notice", rb"(?:warning|fatal|error|panic|table)[^\n]*+"),
)  # fmt: skip

_ACTIVE = rb", size=(?P<size>\d++), nrcpt=(?P<recipient_count>\d++) \(queue active\)"

_QMGR = (
    Rule("removed", _ID + rb": removed"),
    Rule("queued", _ID + rb": from=" + _mailbox(b"sender") + _ACTIVE),
    Rule("queued", _ID + rb": from=<(?P<sender>[^\n]*)>" + _ACTIVE),
    Rule("notice", _ID + rb": from=<[^\n]*>, status=(?:force-)?expired, returned to sender"),
    Rule("notice", _ID + rb": (?:skipped|from=)[^\n]*+"),
    Rule("notice", rb"(?:warning|fatal|error|panic|table)[^\n]*+"),
)  # fmt: skip

_POSTSCREEN = (
    Rule("rejection", rb"NOQUEUE: (?P<verdict>reject): (?P<stage>[A-Z-]++) from \[(?P<client_address>[^\]\n]*+)\](?::(?P<client_port>\d++))?: (?P<code>\d{3}+) (?:(?P<dsn>\d\.\d{1,3}+\.\d{1,3}+) )?(?P<reason>(?:(?!; from=<)[^\n])*+)" + _ENVELOPE + rb"?"),
    Rule("connection", rb"[A-Z -]++ [^\n]*+"),
    Rule("notice", rb"[^\n]++"),
)  # fmt: skip

_ANY = Rule("notice", rb"[^\n]*+")

_PROGRAMS: tuple[tuple[bytes, tuple[Rule, ...]], ...] = (
    (_DELIVERY_AGENTS, (
        Rule("delivery", _DELIVERY),
        Rule("connection", rb"(?:(?:Anonymous|Trusted|Untrusted|Verified) TLS connection|connect to|certificate|server certificate|SSL_connect)[^\n]*+"),
        Rule("notice", _ID + rb": (?:host|conversation|lost connection|enabling|breaking|warning|sender|replace|Cannot start TLS|TLS)[^\n]*+"),
        Rule("notice", rb"(?:warning|fatal|error|panic|table|host|SMTPUTF8|cannot|daemon started)[^\n]*+"),
    )),
    (rb"smtpd", _SMTPD),
    (rb"cleanup", _CLEANUP),
    (rb"n?qmgr", _QMGR),
    (rb"pickup", (
        Rule("submission", _ID + rb": uid=(?P<uid>\d++) from=<(?P<local_user>[^\n]*)>"),
        Rule("notice", rb"(?:warning|fatal|error|panic)[^\n]*+"),
    )),
    (rb"bounce", (
        Rule("notification", _ID + rb": (?:sender|postmaster) (?:non-delivery|delay|delivery status) notification: (?P<notification_queue_id>[0-9A-Za-z]++)"),
        Rule("notice", rb"(?:warning|fatal|error|panic)[^\n]*+"),
    )),
    (rb"postscreen", _POSTSCREEN),
    (rb"postsuper", (
        Rule("held", _ID + rb": placed on hold"),
        Rule("released", _ID + rb": (?:released from hold|requeued)"),
        Rule("removed", _ID + rb": (?:removed|expired)"),
        Rule("notice", rb"(?:warning|fatal|error|panic|Placed|Released|Requeued|Deleted|Expired|Renamed)[^\n]*+"),
    )),
    (rb"(?:anvil|scache|dnsblog|tlsmgr|verify|trivial-rewrite|master|proxymap|postlogd|postfix-script|postqueue|"
     rb"postdrop|sendmail|flush|showq|postmap|postalias|postconf|postmulti|tlsproxy|spawn|local-policy)", (_ANY,)),
)  # fmt: skip

dialect = Dialect(
    name="postfix",
    title="Postfix",
    head=rb"(?P<instance>[\w.-]++)/(?:[\w.-]++/)*+",
    programs=_PROGRAMS,
)
