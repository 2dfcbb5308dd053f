"""Amavis: content filter behind Postfix: verdicts on content; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="amavis",
    title="Amavis",
    programs=((rb"amavisd?|amavisd-new|amavisd-milter", (Rule("notice", rb"[^\n]*+"),)),),
)
