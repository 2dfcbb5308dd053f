"""Amavis: a content filter behind the queue or before it; one line of verdict a message.

From ``$log_short_templ`` of amavisd-new 2.7 to 2.13, recorded from 2.13 with ClamAV.  ``direction`` is the policy
bank's word (``ORIGINATING``, ``MYNETS``, ``LOCAL``), ``disposition`` what became of it (``RelayedOutbound``,
``DiscardedInbound,Quarantined`` ...), ``next_queue_id`` the id the message got behind the filter.  Strangers write
sender and recipients, which Amavis quotes, the Message-ID, and the names of files in ``BANNED (...)``; a name with
braces makes the line ambiguous.  ``Hits`` has no threshold beside it: CLEAN, SPAMMY and SPAM say where it lies.

What a verdict cannot prove: that the text is spam or harmless, or who handed the message in; the queue id leads to the
client that the MTA recorded.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_LEAD = rb"\([\w-]++\) (?:Passed|Blocked) "
_TEXT = rb"[^<>\"\n]*+(?:\"(?:[^\"\\\n]|\\.)*+\"[^<>\"\n]*+)*+"
_KIND = (
    rb"(?P<action>(?:Passed|Blocked) (?:OTHER|CLEAN|MTA-BLOCKED|OVERSIZED|BAD-HEADER(?:-\d)?|SPAMMY|SPAM"
    rb"|UNCHECKED(?:-ENCRYPTED)?|BANNED|INFECTED))(?:(?<=INFECTED) \((?P<virus>[^{}()\n]*+)\)| \([^{}\n]*+\))?"
)
_REST = (
    rb" \{(?P<disposition>[A-Za-z,]*+)\},(?: (?P<direction>[A-Z][A-Z/]*+(?: [A-Z/]++)*+))?"
    rb"(?: \[(?P<client_address>[^\] \n]++)\](?::(?P<client_port>\d++))?)?(?: \[[^\] \n]++\])?"
    rb" <(?P<sender>" + _TEXT + rb")> -> (?P<listed_recipients><" + _TEXT + rb">(?:,<" + _TEXT + rb">)*+)"
    rb"(?:, quarantine: [^ ,\n]++)?(?:, Queue-ID: (?P<queue_id>[0-9A-Za-z]++))?"
    rb"(?:, Message-ID: (?P<message_id><[^<>\n]*+>))?(?:, Resent-Message-ID: <[^<>\n]*+>)?, mail_id: [\w+-]++, "
    rb"Hits: (?:-|(?P<score>-?[\d.]++)[^,\n]*+), size: \d++(?:, pt: \d++)?"
    rb"(?:, queued_as: (?P<next_queue_id>[0-9A-Za-z]++)(?:/[0-9A-Za-z/]++)?)?(?:, [^\n]*+)?"
)
_FIXED = (("program", "amavis"),)

dialect = Dialect(
    name="amavis",
    title="Amavis",
    programs=((rb"amavisd?|amavisd-new|amavisd-milter", (
        Rule("verdict", rb"\([\w-]++\) " + _KIND + _REST, _FIXED),
        Rule("notice", rb"(?!" + _LEAD + rb")[^\n]*+"),
    )),),
    ambiguous=(_LEAD,),
)  # fmt: skip
