"""policyd-spf: judges SPF of incoming mail as a policy service or milter; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="policyd_spf",
    title="policyd-spf",
    programs=((rb"policyd-spf|pyspf-milter|smf-spf", (Rule("notice", rb"[^\n]*+"),)),),
)
