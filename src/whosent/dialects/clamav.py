"""ClamAV: what its milter found in which message; its daemon names no message.

From clamav-milter/clamfi.c with ``LogInfected Full`` and ``LogClean Full``, recorded from 1.4.  Sender, recipients and
subject are a stranger's; only the queue id before them and the name of the virus, the line's last word, are read.
``LogInfected Basic`` and clamd's own lines carry no queue id: they say that something was found, not in what.

What it cannot prove: whose message it was, without a queue id or the milter's line beside it.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_FULL = rb"(?P<queue_id>[0-9A-Z][0-9A-Za-z]{4,23}+) from "

dialect = Dialect(
    name="clamav",
    title="ClamAV",
    programs=((rb"clamd|clamav-milter|freshclam|clamsmtpd", (
        Rule("verdict", rb"Message " + _FULL + rb"[^\n]* infected by (?P<virus>[^ '\n]++)",
             (("program", "clamav"), ("action", "infected"))),
        Rule("verdict", rb"Clean message " + _FULL + rb"[^\n]*+", (("program", "clamav"), ("action", "clean"))),
        Rule("notice", rb"(?!Message [^ \n]++ from [^\n]*? infected by |Clean message [^ \n]++ from )[^\n]*+"),
    )),),
    ambiguous=(rb"(?:Message|Clean message) [^ \n]++ from ",),
)  # fmt: skip
