"""SpamAssassin: the verdicts of its daemon, by Message-ID alone; what calls it says nothing of its own.

From spamd's ``log "spamd: result: ..."`` (3.4 and 4.0), recorded from 4.0.1.  ``raddr`` is whoever asked (spamc), never
the client of the mail.  The Message-ID is the sender's, but spamd writes ``_`` for its blanks and commas, so that it
ends where it says; a stranger can give his mail the Message-ID of another's, so it leads to a message only while no
other in the queue has it.  Behind ``mid=`` nothing is read.

What a verdict cannot prove: that the text is spam, or who handed it in.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_RESULT = (
    rb"spamd: result: (?P<action>[Y.]) +(?P<score>-?\d++) - (?P<symbols>[\w,]*+) scantime=[\d.]++,size=\d++,"
    rb"user=[^,\n]*+,uid=-?\d++,required_score=(?P<required>-?[\d.]++),rhost=[^,\n]*+,raddr=[^,\n]*+,"
    rb"rport=[^,\n]*+,mid=(?P<message_id>[^, \n]*+)(?:,[^\n]*+)?"
)

dialect = Dialect(
    name="spamd",
    title="SpamAssassin",
    programs=((rb"spamd|spamc|spamass-milter|spampd", (
        Rule("verdict", _RESULT, (("program", "spamd"),)),
        Rule("notice", rb"(?!spamd: result: )[^\n]*+"),
    )),),
    ambiguous=(rb"spamd: result: ",),
)  # fmt: skip
