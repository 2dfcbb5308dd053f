"""Google Workspace login audit: the Reports API's answer for ``applicationName=login``, as JSON.

Fields after developers.google.com/admin-sdk/reports/v1/appendix/activity/login: ``id.time``, ``actor.email``,
``ipAddress``, and the event's name (``login_success``, ``login_failure``, ...).  Written from the documentation: no
Workspace could be asked here.

What it cannot prove: that mail was sent; and a login without an address proves no place.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from whosent.tables import WHOLE_FILE, Cells, Reading, Table, Told, rule
from whosent.tables.moments import Moments

_FIELDS: Final = ("client_address", "account", "service")
_LOGIN: Final = rule("login", *_FIELDS, result="success", service="web")
_FAILED: Final = rule("login", *_FIELDS, result="failed", service="web")
_EVENTS: Final = {b"login_success": _LOGIN, b"login_failure": _FAILED}


def _begin() -> Reading:
    return _read


def _read(cells: Cells) -> Iterable[Told] | None:
    when, account, address, names = cells
    stamp = Moments().read(when)
    if stamp is None or not account:
        return None
    told: dict[str, bytes | None] = {
        "stamp": stamp, "host": b"Google Workspace", "account": account.lower(), "client_address": address or None,
    }  # fmt: skip
    return [(_EVENTS[name], told) for name in names.split(b";") if name in _EVENTS]


table: Final = Table(
    name="google_logins",
    title="Google Workspace logins",
    columns=("id.time", "actor.email", "ipaddress", "events.name"),
    telling=("id.time", "actor.email", "ipaddress", "events.name"),
    rules=(_LOGIN, _FAILED),
    begin=_begin,
    system="google",
    disorder=WHOLE_FILE,
)
