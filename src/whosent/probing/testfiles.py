"""The test texts that every filter must stop: EICAR's for viruses, GTUBE for spam.

They are put together here, so that no scanner takes Whosent itself for what it tests.
"""

from __future__ import annotations

import codecs


def eicar() -> bytes:
    """The 68 bytes of the EICAR standard anti-virus test file."""
    turned = r"K5B!C%@NC[4\CMK54(C^)7PP)7}$RVPNE-FGNAQNEQ-NAGVIVEHF-GRFG-SVYR!$U+U*"
    return codecs.decode(turned, "rot13").encode("ascii")


def gtube() -> str:
    """The Generic Test for Unsolicited Bulk Email."""
    return codecs.decode("KWF*P4WQODNQA1.AFOA3*2VQARA*TGHOR-FGNAQNEQ-NAGV-HOR-GRFG-RZNVY*P.34K", "rot13")
