"""DMARC aggregate reports (RFC 7489, appendix C; RFC 9990): which addresses sent mail in the name of our domain.

A report is XML, as its receiver mailed it: plain, in gzip or in zip, or still attached to the mail (a message, an mbox,
a Maildir).  One ``record`` is a row: a source address, how many messages it sent on the days of the report, what the
receiver did, and whether DKIM or SPF passed for our domain.

Whoever knows the address that our DNS names can send a report: it is a stranger's word, worth as much as the receiver
behind it.  A record of a forwarder or mailing list says so in ``reason``, if the receiver noticed.

What a record cannot prove: that the mail was spam, or who sent it behind the address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from whosent.tables import WHOLE_FILE, Cells, Reading, Table, Told, rule

_REPORT: Final = rule(
    "report", "reporter", "report_id", "until", "domain", "policy", "subdomain_policy", "percent", "client_address",
    "count", "disposition", "dkim", "spf", "override", "header_from", "dkim_domains", "dkim_results", "spf_domain",
    "spf_result",
)  # fmt: skip
_DOMAIN: Final = re.compile(rb"(?=.{1,253}\Z)[A-Za-z\d_](?:[\w-]{0,62}\.)+[A-Za-z\d-]{2,63}\.?")
_LATEST: Final = 32_503_680_000  # the year 3000


def _begin() -> Reading:
    return _read


def _read(cells: Cells) -> Iterable[Told] | None:
    begin, end, *rest = cells
    stamp, until = _moment(begin), _moment(end)
    told = dict(zip(_FIELDS, rest, strict=True))
    address, count = told["client_address"], told["count"]
    named = _DOMAIN.fullmatch(told["domain"] or told["header_from"])
    if stamp is None or until is None or not address or not count.isdigit() or named is None:
        return None
    return ((_REPORT, {"stamp": stamp, "until": until, **{name: cell or None for name, cell in told.items()}}),)


def _moment(seconds: bytes) -> bytes | None:
    """Seconds since 1970, as reports have them, as RFC 3339."""
    if not seconds.isdigit() or len(seconds) > 12 or int(seconds) >= _LATEST:  # noqa: PLR2004  # digits of a time
        return None
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z").encode()


_PATHS: Final = {
    "reporter": "reportmetadata.orgname", "report_id": "reportmetadata.reportid", "domain": "policypublished.domain",
    "policy": "policypublished.p", "subdomain_policy": "policypublished.sp", "percent": "policypublished.pct",
    "client_address": "record.row.sourceip", "count": "record.row.count",
    "disposition": "record.row.policyevaluated.disposition", "dkim": "record.row.policyevaluated.dkim",
    "spf": "record.row.policyevaluated.spf", "override": "record.row.policyevaluated.reason.type",
    "header_from": "record.identifiers.headerfrom", "dkim_domains": "record.authresults.dkim.domain",
    "dkim_results": "record.authresults.dkim.result", "spf_domain": "record.authresults.spf.domain",
    "spf_result": "record.authresults.spf.result",
}  # fmt: skip
_FIELDS: Final = tuple(_PATHS)

table: Final = Table(
    name="dmarc_reports",
    title="DMARC aggregate reports",
    columns=("reportmetadata.daterange.begin", "reportmetadata.daterange.end", *_PATHS.values()),
    telling=("policypublished.domain", "record.row.sourceip", "record.row.count"),
    rules=(_REPORT,),
    begin=_begin,
    system="",
    disorder=WHOLE_FILE,
    element=("feedback", "record"),
)
