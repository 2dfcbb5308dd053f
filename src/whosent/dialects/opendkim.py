"""OpenDKIM: signs and verifies DKIM as a milter; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="opendkim",
    title="OpenDKIM",
    programs=((rb"opendkim", (Rule("notice", rb"[^\n]*+"),)),),
)
