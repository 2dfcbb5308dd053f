"""ClamAV: verdicts on viruses; says nothing of who sent."""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

dialect = Dialect(
    name="clamav",
    title="ClamAV",
    programs=((rb"clamd|clamav-milter|freshclam|clamsmtpd", (Rule("notice", rb"[^\n]*+"),)),),
)
