"""Blocklists of addresses and domains: which there are, what their answers mean, and how one gets off; pure."""

from __future__ import annotations

from whosent.blocklists.catalogue import ALIVE, ENDED, Blocklist, Part, asked, named

__all__ = ["ALIVE", "ENDED", "Blocklist", "Part", "asked", "named"]
