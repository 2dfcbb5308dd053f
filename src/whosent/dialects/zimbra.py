"""Zimbra's mailbox server: logins to its web client and services, in mailbox.log and audit.log.

Shapes from Zimbra's sources (ZimbraLog, SoapEngine, AuthListener) as people quote them of 8.x to 10; not recorded
here.  The address is ``oip``, which the server takes from its own proxy; it stands before all that clients write.
Whoever fails names himself as he likes.  Zimbra's Postfix logs apart, in zimbra.log; it asks the mailbox server about
each login, so that one failure may stand in both.  These lines cannot prove what was sent.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_STAMP = rb"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) [A-Z]++ ++"
_THREAD = rb"\[[^\[\]\n]*+\] "
_CONTEXT = (
    rb"\[(?:name=[^;\]\n]*+;)?(?:aname=[^;\]\n]*+;)?(?:mid=\d++;)?oip=(?P<client_address>[0-9A-Fa-f.:]++);[^\n]*\] "
)
_LEAD = _STAMP + _THREAD
_FAILED = (("result", "failed"), ("service", "zimbra"))
_SUCCEEDED = (("result", "succeeded"), ("service", "zimbra"))
_AUTH = rb"security - cmd=(?:Admin)?Auth; account=(?P<account>[^;\n]*+); (?:protocol=\w++; )?"

dialect = Dialect(
    name="zimbra",
    title="Zimbra",
    lines=(
        Rule("login", _LEAD + _CONTEXT + rb"SoapEngine - handler exception: authentication failed for "
             rb"\[(?P<account>[^\[\]\n]*+)\](?:, )?(?P<reason>[^\n]*+)", _FAILED),
        Rule("login", _LEAD + _CONTEXT + _AUTH + rb"error=(?P<reason>[^\n]*+)", _FAILED),
        Rule("login", _LEAD + _CONTEXT + _AUTH, _SUCCEEDED),
        Rule("notice", _LEAD + rb"\[(?![^\n]*(?:authentication failed for |cmd=(?:Admin)?Auth; ))[^\n]*+"),
    ),
)  # fmt: skip
