"""policyd-spf: SPF of incoming mail, as a policy service or milter, before there is a queue id.

From policyd-spf of spf-engine 2.9 to 3.0, recorded from 3.0.4.  HELO and sender are the client's; the address before
them is not.  A refusal is also told by Postfix, with the client's address.

What it cannot prove: who wrote a mail; SPF says whether the address may send for the domain.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_ID = rb"(?:(?P<queue_id>[0-9A-Z][0-9A-Za-z]{4,23}+)?: )?"
_PREPEND = rb"prepend Received-SPF: "
_REJECT = rb"[45]50 [45]\.7\.\d++ "
_PROGRAM = ("program", "policyd-spf")

dialect = Dialect(
    name="policyd_spf",
    title="policyd-spf",
    programs=((rb"policyd-spf|pyspf-milter|smf-spf", (
        Rule("verdict", _ID + _PREPEND + rb"(?P<action>[A-Za-z]++) \([^()\n]*+\) identity=\w++; "
             rb"client-ip=(?P<client_address>[0-9A-Fa-f.:]++);[^\n]*+", (_PROGRAM,)),
        Rule("verdict", _ID + _REJECT + rb"[^\n]*+", (_PROGRAM, ("action", "reject"))),
        Rule("notice", rb"(?!(?:[0-9A-Za-z]*+: )?(?:" + _PREPEND + rb"|" + _REJECT + rb"))[^\n]*+"),
    )),),
    ambiguous=(rb"(?:[0-9A-Za-z]*+: )?" + _PREPEND,),
)  # fmt: skip
