"""Postgrey: greylists incoming mail; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="postgrey",
    title="Postgrey",
    programs=((rb"postgrey|sqlgrey|greyfix|milter-greylist", (Rule("notice", rb"[^\n]*+"),)),),
)
