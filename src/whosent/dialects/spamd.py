"""SpamAssassin: SpamAssassin's daemon and what calls it: verdicts on content; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="spamd",
    title="SpamAssassin",
    programs=((rb"spamd|spamc|spamass-milter|spampd", (Rule("notice", rb"[^\n]*+"),)),),
)
