"""Microsoft's Junk Mail Reporting Program: "complaint about message from ADDRESS", redacted or not."""

from __future__ import annotations

import re
from typing import Final

from whosent.complaints import extract
from whosent.complaints.layouts import Layout
from whosent.complaints.view import View
from whosent.model.complaint import Told

_SUBJECT: Final = re.compile(r"complaint about (?:a )?message from\s+(\[?[0-9A-Fa-f.:]{3,45}\]?)", re.IGNORECASE)
_OWN: Final = ("x-hmxmroriginalrecipient", "x-ms-exchange-crosstenant-originalarrivaltime", "x-original-recipient")


def read(view: View) -> tuple[Told, ...]:
    """The complaint, if the subject is the program's."""
    named = _SUBJECT.search(view.subject)
    if not named:
        return ()
    original = view.original
    recipient = next((box for name in _OWN if original and (box := extract.mailbox(original.headers.get(name)))), None)
    address, port = original.client if original else (None, None)
    said = extract.address(named[1])
    return (
        Told(
            kind="complaint",
            layout="jmrp",
            reporter=view.reporter,
            feedback_type="abuse",
            source_address=said or address,
            source_port=port if address == said else None,
            arrival=(original.moment if original else None) or view.reported,
            original_mail_from=original.mail_from if original else None,
            original_recipient=recipient or next(iter(original.recipients), None) if original else None,
            message_id=original.message_id if original else None,
            urls=extract.links(original.body) if original else (),
            reported=view.reported,
            feedback_ids=original.feedback_ids if original else (),
            claims=original.claims if original else (),
            redacted=recipient is None,
        ),
    )


layout = Layout("jmrp", "Microsoft JMRP", 2, read)
