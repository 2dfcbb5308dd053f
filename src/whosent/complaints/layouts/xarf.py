"""XARF: version 4 and 3 (JSON, in a part of a mail or as a file) and the older one in lines (X-ARF, 0.1 and 0.2).

Read with tolerance: what a reader needs is taken where any version or careless writer puts it, and nothing is refused
for a field that is missing or wrong.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from whosent.complaints import extract
from whosent.complaints.accused import accused
from whosent.complaints.layouts import Layout
from whosent.complaints.mail import parse
from whosent.complaints.original import Original, of_mail
from whosent.complaints.view import View
from whosent.model.complaint import Told

_MARK: Final = re.compile(
    rb'"(?:xarf_version|ReporterInfo|reporter_info|source_identifier|ReportClass)"\s*:', re.IGNORECASE
)
_LINES: Final = re.compile(r"(?im)^Report(?:ed-From|-ID|-Type)[ \t]*:")
_LONGEST: Final = 2 << 20
_PORT: Final = 65_536
_MOST: Final = 200  # reports in one message


def read(view: View) -> tuple[Told, ...]:
    """The complaints, if a part (or the whole) is such a report."""
    bodies = [part.body for part in view.mail.parts if part.kind.startswith(("text/", "application/")) or part.depth]
    if not view.headers.fields:
        bodies = [view.mail.raw[:_LONGEST]]
    found = [told for body in bodies if _MARK.search(body) for one in _objects(body) if (told := _event(view, one))]
    if found:
        return tuple(found[:_MOST])
    return tuple(_of_lines(view))


def _objects(body: bytes) -> Iterator[dict[str, Any]]:
    """JSON objects: one, a list of them, or one a line."""
    text = body.replace(b"\xc2\xa0", b" ").strip().removeprefix(b"\xef\xbb\xbf")
    text = text[max(0, min((at for at in (text.find(b"{"), text.find(b"[")) if at >= 0), default=0)) :]
    text = text[: max(text.rfind(b"}"), text.rfind(b"]")) + 1]
    whole = _decoded(text)
    many = (
        whole if isinstance(whole, list) else [whole] if whole is not None else map(_decoded, text.splitlines()[:_MOST])
    )
    yield from (one for one in many if isinstance(one, dict))


def _decoded(text: bytes) -> Any:  # noqa: ANN401  # whatever JSON holds
    try:
        return msgspec.json.decode(text, strict=False)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


class _Report:
    """An object whose keys are found in any spelling: source_port, SourcePort, Source-Port; also one level down."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._flat: dict[str, Any] = {}
        levels = [told, *(value for value in told.values() if isinstance(value, dict))]
        levels += [inner for value in levels[1:] for inner in value.values() if isinstance(inner, dict)]
        for level in levels:
            for key, value in level.items():
                self._flat.setdefault(_key(key), value)
        self.nested = {
            _key(key): value for level in levels for key, value in level.items() if isinstance(value, (dict, list))
        }

    def text(self, *names: str) -> str:
        """The first of these that is a text or a number, "" if none is."""
        for name in names:
            value = self._flat.get(name)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool) and str(value).strip():
                return str(value).strip()[:2_000]
        return ""

    def port(self) -> int | None:
        """The source port."""
        word = self.text("sourceport", "port", "srcport")
        return int(word) if word.isdecimal() and len(word) < 6 and 0 < int(word) < _PORT else None  # noqa: PLR2004  # digits


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _event(view: View, told: dict[str, Any]) -> Told | None:
    report = _Report(told)
    # version 3: Report.Source.IP; version 4: source_identifier; the names beside them are those of careless writers
    source = report.text("sourceidentifier", "sourceip", "ip", "source", "sourceurl", "url", "value", "uri")
    klass = report.text("category", "class", "reportclass", "reportcategory")
    kind = report.text("type", "reporttype") if "xarf_version" in told or klass else report.text("reporttype")
    if not (source or klass or kind):
        return None
    kind = report.text("reporttype") or kind
    if kind in {"ip", "ipv4", "ipv6", "uri", "domain"}:
        kind = ""
    original = _evidence(report)
    address = extract.address(source) or next(extract.addresses(source), None) or _host(source)
    found = original.client if original and not address else (address, None)
    return Told(
        kind="listing" if kind == "blocklist" else "complaint",
        layout="xarf",
        reporter=_reporter(told) or view.reporter,
        feedback_type="/".join(word.lower().replace("-", "_") for word in (klass, kind) if word)[:100] or None,
        source_address=found[0],
        source_port=report.port() or found[1],
        arrival=extract.moment(report.text("date", "timestamp", "occurrence")) or view.reported,
        original_mail_from=extract.mailbox(report.text("smtpfrom", "smtpmailfromaddress", "mailfrom", "sendermail"))
        or (original.mail_from if original else None),
        original_recipient=extract.mailbox(report.text("smtpto", "smtprcpttoaddress", "smtptoaddress"))
        or (next(iter(original.recipients), None) if original else None),
        recipient_told=bool(report.text("smtpto", "smtprcpttoaddress", "smtptoaddress")),
        message_id=report.text("messageid", "smtpmessageid") or (original.message_id if original else None),
        urls=tuple(
            dict.fromkeys(
                [
                    *(extract.links(source) or ((source,) if source and not address else ())),
                    *extract.links(report.text("url", "sourceurl", "uri")),
                ]
            )
        ),
        reported=view.reported or extract.moment(report.text("timestamp", "date")),
        feedback_ids=original.feedback_ids if original else (),
        claims=original.claims if original else (),
    )


def _host(source: str) -> str | None:
    """The address that stands as the host of a link."""
    try:
        return extract.address(urlsplit(source).hostname or "") if "://" in source else None
    except ValueError:
        return None


def _reporter(told: dict[str, Any]) -> str | None:
    for key, value in told.items():
        if _key(key) in {"reporter", "reporterinfo", "sender"} and isinstance(value, dict):
            inner = {_key(name): word for name, word in value.items() if isinstance(word, str)}
            for name in (
                "contact",
                "reportercontactemail",
                "reporterorgemail",
                "email",
                "org",
                "reporterorg",
                "domain",
            ):
                if inner.get(name):
                    return inner[name][:320]
    return None


def _evidence(report: _Report) -> Original | None:
    """The message among the evidence, base64 or plain."""
    for name in ("evidence", "attachment", "samples", "attachments"):
        listed = report.nested.get(name)
        for entry in (listed if isinstance(listed, list) else [listed])[:20]:
            if not isinstance(entry, dict):
                continue
            inner = {_key(key): value for key, value in entry.items() if isinstance(value, str)}
            payload = inner.get("payload") or inner.get("data") or ""
            if "rfc822" in inner.get("contenttype", "").lower() and payload:
                found = of_mail(parse(_bytes(payload)))
                if found.headers.fields:
                    return found
    return None


def _bytes(payload: str) -> bytes:
    try:
        return base64.b64decode("".join(payload.split())[:_LONGEST], validate=True)
    except (binascii.Error, ValueError):
        return payload[:_LONGEST].encode("utf-8", "replace")


def _of_lines(view: View) -> Iterator[Told]:
    """X-ARF 0.1 and 0.2: "Source: 192.0.2.1" in a text part of its own."""
    for part in view.mail.parts:
        text = part.text[:20_000] if part.kind.startswith("text/") else ""
        if not _LINES.search(text) or "source" not in text.lower():
            continue
        known = {_key(line.partition(":")[0]): line.partition(":")[2].strip().strip("\"'") for line in text.splitlines()
                 if ":" in line[:60]}  # fmt: skip
        source = known.get("source") or known.get("sourceip") or ""
        original = view.original
        address = extract.address(source) or next(extract.addresses(source), None) or _host(source)
        said = [] if address or original else accused(view)  # of a site, the text says where it is
        port = known.get("sourceport", known.get("port", ""))
        yield Told(
            kind="complaint",
            layout="xarf",
            reporter=extract.mailbox(known.get("reportedfrom", "")) or view.reporter,
            feedback_type="/".join(word.lower() for word in (known.get("category"), known.get("reporttype")) if word)
            or None,
            source_address=address or (original.client[0] if original else said[0].address if len(said) == 1 else None),
            source_port=int(port) if port.isdecimal() and len(port) < 6 and 0 < int(port) < _PORT else None,  # noqa: PLR2004  # digits
            arrival=extract.moment(known.get("date", "")) or view.reported,
            original_mail_from=original.mail_from if original else None,
            original_recipient=next(iter(original.recipients), None) if original else None,
            message_id=original.message_id if original else None,
            urls=extract.links(source),
            reported=view.reported,
            feedback_ids=original.feedback_ids if original else (),
            claims=original.claims if original else (),
        )
        return


layout = Layout("xarf", "XARF (versions 4, 3 and X-ARF)", 1, read)
