"""OpenDMARC: whether a message's author domain passed DMARC; a milter's verdict on who a message claims to be from.

From opendmarc/opendmarc.c (1.3, 1.4), recorded from 1.4.2.  The domain is the sender's word; one that holds a blank
makes the line ambiguous.  No verdict on content.

What it cannot prove: that a mail that passes is wanted, or that one that fails was forged: forwarders break signatures.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_RESULT = rb"(?:pass|fail|none|permerror|temperror)"
_ID = rb"[0-9A-Z][0-9A-Za-z]{4,23}+: "
_SPF = rb"SPF\("

dialect = Dialect(
    name="opendmarc",
    title="OpenDMARC",
    programs=((rb"opendmarc", (
        Rule("verdict", rb"(?P<queue_id>[0-9A-Z][0-9A-Za-z]{4,23}+): (?!" + _SPF + rb")(?P<domain>[^ \n]++) "
             rb"(?P<action>" + _RESULT + rb")", (("program", "opendmarc"),)),
        Rule("notice", rb"(?!" + _ID + rb"(?!" + _SPF + rb")[^\n]* " + _RESULT + rb"\n)[^\n]*+"),
    )),),
    ambiguous=(_ID,),
)  # fmt: skip
