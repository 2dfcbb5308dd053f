"""Rspamd: its verdict on each message, through syslog or in its own log file (the packaged default).

From src/libserver/task.c (``rspamd_task_write_log``) with the packaged ``log_format`` of 2.x and 3.x, recorded from a
running 3.4.  Strangers write the Message-ID (3.x puts ``?`` for its blanks), the sender (logged without its quotes),
recipients, and what stands in braces behind a symbol.  Each is read up to a mark it cannot hold; a line in which one of
them imitates the next field is ambiguous.  What a verdict cannot prove: that the text is spam, or, where rspamd logs no
``user:``, who handed it in; the queue id leads to the client that the MTA recorded.

``action`` is rspamd's: ``no action``, ``greylist``, ``soft reject``, ``add header``, ``rewrite subject``,
``quarantine``, ``discard``, ``reject``.  ``digest`` is that of the text alone: the same for every copy of it.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_TASK = rb"<[^<> \n]*+>; \w*+; rspamd_task_write_log: id: "
_MESSAGE_ID = rb"<(?P<message_id>[^ >\n]*+(?:>(?!, )[^ >\n]*+)*+)>,"
_WHO = (
    rb"(?: qid: <(?P<queue_id>[0-9A-Za-z-]++)>,)?(?: ip: (?P<client_address>[0-9A-Fa-f.:]++),)?"
    rb"(?: user: (?P<account>[^,\n]++),)?(?: from: <(?P<sender>[^<>\n]*+)>,)?"
)
_ENOUGH = rb"(?![^\n]* \(default: )"  # the real one was the only one
_SCORES = (
    rb" \(default: [FTS] \((?P<action>[a-z ]++)\): \[(?P<score>-?[\d.]++|nan)/(?P<required>-?[\d.]++|nan)\] "
    + _ENOUGH
    + rb"\[(?P<symbols>[^\]\n]*+(?:\](?!\), len: )[^\]\n]*+)*+)\]\), len: \d++, "
)
_REST = (
    rb"(?![^\n]*\]\), len: )time: [\d.]++m?s(?: real, [\d.]++m?s virtual)?, dns req: \d++"
    rb"(?:, digest: <(?P<digest>[0-9a-f]{4,128})>)?(?:, rcpts: <(?P<listed_recipients>[^<>\n]*+)>)?(?:, [^\n]*+)?"
)
_RULES = (
    Rule("verdict", _TASK + _MESSAGE_ID + _WHO + _SCORES + _REST, (("program", "rspamd"),)),
    Rule("notice", rb"(?!" + _TASK + rb")[^\n]*+"),
)
_STAMP = rb"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d++)?) #\d++\([\w-]++\) "

dialect = Dialect(
    name="rspamd",
    title="Rspamd",
    programs=((rb"rspamd|rspamd_proxy", _RULES),),
    lines=(Rule("verdict", _STAMP + _RULES[0].pattern, _RULES[0].fixed), Rule("notice", _STAMP + _RULES[1].pattern)),
    ambiguous=(_TASK,),
)
