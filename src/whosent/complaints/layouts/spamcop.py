"""SpamCop's reports: one message, its source or the site it advertises, and the summaries of several."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.view import View
from whosent.model.complaint import Told

_SUBJECT: Final = re.compile(r"\[SpamCop(?: \((?P<source>[^()\s]{3,300})\))?[^\]\n]{0,40}\]", re.IGNORECASE)
_FROM: Final = re.compile(
    r"(?im)^[> \t]*(?:e-?mail|message"
    r"|spam) from[ \t]+(?P<address>[0-9A-Fa-f.:]{3,45})[ \t]*/[ \t]*(?P<date>[^\n]{6,60})"
)
_SITE: Final = re.compile(r"(?im)^[> \t]*spamvertised (?:web ?site|url)s?:[ \t]*(?P<url>\S{4,1000})")
_RESOLVED: Final = re.compile(r"(?im)(?:resolves? to|^[> \t]*[^\n]{0,300}\bis) (?P<address>[0-9A-Fa-f.:]{3,45})\b")
_ROW: Final = re.compile(r"(?m)^[ \t]*(?P<address>(?:\d{1,3}\.){3}\d{1,3})\b[^\n]{0,200}$")
_OWN: Final = re.compile(r"^https?://(?:www\.|members\.|mailsc\.)?spamcop\.net/", re.IGNORECASE)
_MOST: Final = 200


def read(view: View) -> tuple[Told, ...]:
    """The complaint, if SpamCop wrote it: by its sender, its subject or its own header."""
    named = _SUBJECT.search(view.subject)
    if not named and "spamcop.net" not in (view.reporter or "") and not view.headers.get("x-spamcop-sourceip"):
        return ()
    said, site = _FROM.search(view.text), _SITE.search(view.text)
    original = view.original
    word = (
        view.headers.get("x-spamcop-sourceip")
        or (said["address"] if said else "")
        or (named["source"] if named else "")
    )
    address = extract.address(word or "")
    if address is None and site:
        resolved = _RESOLVED.search(view.text)
        address = extract.address(resolved["address"]) if resolved else None
    if address is None and "summary" in view.subject.lower():
        return _summary(view)
    if address is None and original:
        address = original.client[0]
    links = (site["url"].rstrip(".,"),) if site else tuple(
        link for link in extract.links(original.body if original else "") if not _OWN.match(link)
    )  # fmt: skip
    return (
        Told(
            kind="complaint",
            layout="spamcop",
            reporter=view.reporter,
            feedback_type="spamvertised" if site else "abuse",
            source_address=address,
            source_port=_port(view, address),
            arrival=(extract.moment(said["date"]) if said else None)
            or (original.moment if original else None)
            or view.reported,
            original_mail_from=original.mail_from if original else None,
            original_recipient=None,  # SpamCop puts an x there
            message_id=original.message_id if original else None,
            urls=links,
            reported=view.reported,
            feedback_ids=original.feedback_ids if original else (),
            claims=original.claims if original else (),
            redacted=True,
        ),
    )


def _port(view: View, address: str | None) -> int | None:
    claims = view.original.claims if view.original else ()
    return next((claim.port for claim in claims if claim.port and claim.address == address), None)


def _summary(view: View) -> tuple[Told, ...]:
    """One event for each address of a summary."""
    rows = (row["address"] for row, _ in zip(_ROW.finditer(view.text), range(_MOST), strict=False))
    known = dict.fromkeys(found for row in rows if (found := extract.address(row)))
    return tuple(
        Told(kind="complaint", layout="spamcop", reporter=view.reporter, feedback_type="abuse", source_address=address,
             arrival=view.reported, reported=view.reported, redacted=True)
        for address in known
    )  # fmt: skip


layout = Layout("spamcop", "SpamCop", 2, read)
