"""OpenDKIM: which message it signed for which domain of ours, and what came of verifying others'.

From opendkim/opendkim.c (2.10, 2.11), recorded from 2.11 with ``LogWhy``.  Selector and domain of a signature added are
our own configuration's; those of a signature that failed are the sender's and are not read.  No verdict on content.

What it cannot prove: that the signer wrote the text; a signature says whose key was used.
"""

from __future__ import annotations

from whosent.dialects import Dialect, Rule

_ID = rb"(?P<queue_id>[0-9A-Z][0-9A-Za-z]{4,23}+): "
_ADDED = rb"DKIM-Signature field added \("
_PASS, _FAIL, _NONE = rb"DKIM verification successful", rb"bad signature data", rb"no signature data"
_FACTS = rb"[0-9A-Z][0-9A-Za-z]{4,23}+: (?:" + rb"|".join((_ADDED, _PASS + rb"\n", _FAIL, _NONE + rb"\n")) + rb")"
_PROGRAM = ("program", "opendkim")

dialect = Dialect(
    name="opendkim",
    title="OpenDKIM",
    programs=((rb"opendkim", (
        Rule("verdict", _ID + _ADDED + rb"s=(?P<selector>[^,() \n]++), d=(?P<domain>[^,() \n]++)\)",
             (_PROGRAM, ("action", "signed"))),
        Rule("verdict", _ID + _PASS, (_PROGRAM, ("action", "pass"))),
        Rule("verdict", _ID + _FAIL + rb"[^\n]*+", (_PROGRAM, ("action", "fail"))),
        Rule("verdict", _ID + _NONE, (_PROGRAM, ("action", "none"))),
        Rule("notice", rb"(?!" + _FACTS + rb")[^\n]*+"),
    )),),
)  # fmt: skip
