"""saslauthd (Cyrus SASL): failed logins of whatever asks it, usually smtp.

From saslauthd/ipc_unix.c and do_auth in saslauthd-main.c.  User and realm are the client's: a bracket in them makes
the line ambiguous.

What a line cannot prove: where the client was; the address stands in the line of the program that asked.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="saslauthd",
    title="saslauthd",
    programs=((rb"saslauthd", (
        Rule(
            "login",
            rb"do_auth[ ]*+: auth failure: \[user=(?P<account>[^\[\]\n]*+)\] \[service=(?P<service>[^\[\]\n]*+)\] "
            rb"\[realm=[^\[\]\n]*+\] \[mech=(?P<mechanism>[^\[\]\n]*+)\] \[reason=(?P<reason>[^\[\]\n]*+)\]",
            (("result", "failed"),),
        ),
        Rule("notice", rb"(?!do_auth)[^\n]*+"),
    )),),
    ambiguous=(rb"do_auth[ ]*+: auth failure: \[user=",),
)  # fmt: skip
