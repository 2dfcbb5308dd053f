"""MailScanner: its verdict on each message, by queue id.

From ``IsSpam`` in MailScanner's Message.pm (4.8x and 5.x) with the English words of languages.conf; not recorded from
a running one.  ``Log Spam`` or ``Log Non Spam`` must be on.  The client's address is the one MailScanner found in the
queue file.  Strangers write the sender, which is not quoted: one with blanks or parentheses makes the line ambiguous.
What stands behind the threshold are names of SpamAssassin's rules.  ``spam (blacklisted)`` is a word on the sender and
none on the text, so it counts as no verdict on content.  What a verdict cannot prove: that the text is spam.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_MESSAGE = rb"Message [0-9A-Za-z.-]++ from [0-9A-Fa-f.:]++ \("
_WHO = (
    rb"Message (?P<queue_id>[0-9A-Za-z-]++)(?:\.[0-9A-F]{5})?+ from (?P<client_address>[0-9A-Fa-f.:]++) "
    rb"\((?![^\n]*\) to [^\n]*\) to )(?P<sender>[^() \n]*+)\) to [^ \n]++ is "
)
_SCORE = (
    rb"SpamAssassin \((?:(?:not )?cached, )?score=(?P<score>-?[\d.]++), required (?P<required>-?[\d.]++)"
    rb"(?:, (?P<symbols>[^()\n]*+))?\)?"
)
_WORD = rb"(?P<action>(?:not )?spam(?: \((?:black|white)listed\))?)"

dialect = Dialect(
    name="mailscanner",
    title="MailScanner",
    programs=((rb"MailScanner", (
        Rule("verdict", _WHO + _WORD + rb"(?:, [^()\n]*?)?" + _SCORE + rb"[^\n]*+", (("program", "mailscanner"),)),
        Rule("verdict", _WHO + _WORD + rb"(?:, (?![^\n]*SpamAssassin \()[^\n]*+)?", (("program", "mailscanner"),)),
        Rule("notice", rb"(?!" + _MESSAGE + rb")[^\n]*+"),
    )),),
    ambiguous=(_MESSAGE,),
)  # fmt: skip
