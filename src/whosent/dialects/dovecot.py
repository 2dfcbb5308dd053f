"""Dovecot 2.2 to 2.4: logins and failed ones, through syslog or in a log file of its own.

From src/login-common/client-common.c (``login_log_format_elements``) and src/auth/auth-request.c.  The user name
in ``user=<...>`` is the client's; everything behind ``rip=`` is Dovecot's, so the name reaches up to the last
``>, rip=``.  In ``passdb(user,ip)`` lines Dovecot's ``auth_username_chars`` keep brackets and commas out of names;
names that have them all the same make the line ambiguous, for a given password may follow.

What a line proves: that somebody knew the password, or did not, from this address. It cannot prove that mail was sent,
nor that the owner of the password was the one.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_LEVEL = rb"(?:Info: |Warning: )?"
_SERVICE = rb"(?P<service>[a-z\d]++)-login: " + _LEVEL
_WHO = (
    rb"user=<(?P<account>[^\n]*)>(?:, method=(?P<auth_method>[^,<>\n]*+))?, "
    rb"rip=(?P<client_address>[^,<>\n]++)(?:, rport=(?P<client_port>\d++))?, lip=[^<>\n]*+(?:<[^<>\n]*+>)?"
)
_ENDED = rb"(?:Disconnected|Aborted login|Login aborted)"
_FAILED = _ENDED + (
    rb"[^\n<(]*+(?:\((?!auth failed)[^\n<(]*+)*+\(auth failed, \d++ attempts?[^\n<:]*+(?::(?! user=)[^\n<:]*+)*+: "
)
_NOT_FAILED = _ENDED + rb"(?![^\n<]*?\(auth failed, )[^\n]*+"

_WORKER = (
    rb"(?P<service>auth)(?:-worker)?(?:\(\d++\))?: " + _LEVEL + rb"(?:conn unix:[^\n<]*?: auth-worker<\d++>: )?"
    rb"(?!policy|login)[a-z][\w-]*+"
)
_AUTH = rb"\((?P<account>[^,()\n]*+)(?:,(?P<client_address>[0-9A-Fa-f.:]++))?(?:,(?:sasl:[\w-]++|<[^>\n]*+>))*+\): "
_WHY = (
    rb"(?P<reason>unknown user|[Pp]assword mismatch|[Ii]nvalid credentials"
    rb"|pam_authenticate\(\) failed: [A-Za-z]++(?: [A-Za-z]++)*+)"
    rb"(?: ?\((?:given password|SHA1 of given password|[Pp]assword mismatch\?)[^\n]*+| - trying the next passdb)?"
)
_OWN = (
    rb"(?:master|config|log|anvil|stats|old-stats|ssl-params|imap|pop3|lmtp|lda|managesieve|submission|indexer"
    rb"|indexer-worker|doveadm|dict|replicator|aggregator|director|imap-hibernate|imap-urlauth|script|dsync-local)"
)

_RULES = (
    Rule("login", _SERVICE + rb"(?:Login|Logged in): " + _WHO, (("result", "success"),)),
    Rule("login", _SERVICE + _FAILED + _WHO, (("result", "failed"),)),
    Rule("connection", _SERVICE + _NOT_FAILED),
    Rule("login", _WORKER + _AUTH + _WHY, (("result", "failed"),)),
    Rule("notice", rb"(?:[a-z\d]++-login|auth(?:-worker)?(?:\(\d++\))?): (?:Error|Debug|Fatal|Panic|Warning)[^\n]*+"),
    Rule("notice", _OWN + rb"[(:<][^\n]*+"),
)
_STAMP = rb"(?P<stamp>[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) "

dialect = Dialect(
    name="dovecot",
    title="Dovecot",
    programs=((rb"dovecot", _RULES),),
    lines=tuple(Rule(rule.event, _STAMP + rule.pattern, rule.fixed) for rule in _RULES),
    ambiguous=(_WORKER + rb"\([^\n]*+",),
)
