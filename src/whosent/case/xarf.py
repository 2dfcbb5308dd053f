"""XARF v4 (https://xarf.org): one report of type messaging/spam for each address from which an incident was driven."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final
from uuid import UUID

from whosent.case.abroad import Notice
from whosent.model.case import CaseFile
from whosent.model.settings import Reporting

VERSION: Final = "4.2.0"
_EVIDENCE: Final = 50  # items that the schema allows
_DESCRIPTION: Final = 1000  # characters that the schema allows


def report(notice: Notice, case: CaseFile, reporting: Reporting) -> dict[str, Any]:
    """The report as an object of JSON; fields that nothing of ours records are left out."""
    who = {
        "org": (reporting.organisation or _domain(reporting))[:200],
        "contact": reporting.contact,
        "domain": _domain(reporting),
    }
    told: dict[str, Any] = {
        "xarf_version": VERSION,
        "report_id": str(_identity(notice, case)),
        "timestamp": notice.first,
        "reporter": who,
        "sender": who,
        "source_identifier": notice.address,
        "category": "messaging",
        "type": "spam",
        "evidence_source": "automated_filter",
        "description": notice.sentence[:_DESCRIPTION],
        "evidence": [
            {
                "content_type": "text/plain",
                "description": f"Line {one.line} of our log, {one.event}"[:500],
                "payload": base64.b64encode(one.excerpt.encode(errors="backslashreplace")).decode(),
                "hash": f"sha256:{hashlib.sha256(one.excerpt.encode(errors='backslashreplace')).hexdigest()}",
            }
            for one in notice.seen[:_EVIDENCE]
        ],
    }
    told |= {"source_port": notice.port} if notice.port else {}
    told |= {"message_id": notice.message_id[:200]} if notice.message_id else {}
    # By the schema "smtp" needs the client's port and the envelope sender.
    smtp = bool(notice.port and notice.sender)
    told |= {"protocol": "smtp", "smtp_from": notice.sender} if smtp else {"protocol": "other"}
    return told


def _domain(reporting: Reporting) -> str:
    return reporting.contact.rpartition("@")[2]


def _identity(notice: Notice, case: CaseFile) -> UUID:
    """The same for the same address of the same incident, in the shape of a version 4 UUID."""
    digest = hashlib.sha256(f"{case.incident.id}\0{notice.address}\0{notice.first}".encode()).digest()
    return UUID(bytes=digest[:16], version=4)
