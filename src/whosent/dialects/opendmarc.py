"""OpenDMARC: judges DMARC as a milter; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="opendmarc",
    title="OpenDMARC",
    programs=((rb"opendmarc", (Rule("notice", rb"[^\n]*+"),)),),
)
