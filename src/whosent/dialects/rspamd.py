"""Rspamd: verdicts on content, through syslog; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="rspamd",
    title="Rspamd",
    programs=((rb"rspamd|rspamd_proxy", (Rule("notice", rb"[^\n]*+"),)),),
)
