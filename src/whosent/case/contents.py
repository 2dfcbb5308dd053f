"""Every file of a case folder by its name; names are of ours, never what a stranger wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from whosent.case import arf, xarf
from whosent.case.abroad import notices
from whosent.case.exhibits import Raw, bytes_of
from whosent.case.pages import TITLES, page, text
from whosent.case.sheets import sheets
from whosent.model.case import CaseFile
from whosent.model.settings import Reporting

_EXPLAINED: Final = """\

What is here
  management.html          one page
  engineers.html           why we say so, with the lines and the steps
  law-enforcement.html     statements with level and source, timeline, chain of custody
  case.json                the whole case, machine-readable (schema whosent.case/1)
  scan.json                the report of the scan as it was given, where there was one
  exhibits.log             the quoted lines in the order of their numbers, byte for byte where they were at hand
  sheets/*.csv             statements, timeline, exhibits, addresses, complaints as tables
  abroad/*.json, *.eml     XARF v4 and ARF drafts for the holders of addresses; nothing is sent by itself
  additions/               what was added later, by `whosent incident attach`
  CUSTODY.jsonl            who made and added what, when, with digests; each line names the digest of the one before
  SHA256SUMS               check with: sha256sum -c SHA256SUMS

Check everything:  whosent incident verify .
The head of the chain, printed when the case was made, belongs somewhere else: on paper, or in a mail to a third party.
"""


def contents(case: CaseFile, raw: Raw, reporting: Reporting, scan: bytes | None = None) -> dict[str, bytes]:
    """All files but the chain of custody and the manifest."""
    made = {
        "README.txt": (text(case) + _EXPLAINED).encode(errors="backslashreplace"),
        "case.json": msgspec.json.format(msgspec.json.encode(case), indent=2) + b"\n",
        "exhibits.log": b"".join(bytes_of(one, raw) + b"\n" for one in case.exhibits),
    }
    made |= {f"{name.replace('_', '-')}.html": page(case, name).encode(errors="backslashreplace") for name in TITLES}
    made |= {f"sheets/{name}.csv": sheet for name, sheet in sheets(case).items()}
    made |= {"scan.json": scan} if scan is not None else {}
    made |= dict(_abroad(case, reporting)) if reporting.contact else {}
    return made


def _abroad(case: CaseFile, reporting: Reporting) -> Iterator[tuple[str, bytes]]:
    for number, notice in enumerate(notices(case), 1):
        told = msgspec.json.encode(xarf.report(notice, case, reporting))
        yield f"abroad/{number:03d}.xarf.json", msgspec.json.format(told, indent=2) + b"\n"
        yield f"abroad/{number:03d}.arf.eml", arf.report(notice, case, reporting)
