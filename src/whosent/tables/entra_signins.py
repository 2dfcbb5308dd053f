"""Microsoft Entra sign-in logs: the portal's CSV and JSON downloads and Microsoft Graph's ``signIn`` objects.

Columns after learn.microsoft.com/entra/identity/monitoring-health/howto-download-logs (``Date (UTC)``, ``Username``,
``IP address``, ``Location``, ``Status``, ``Sign-in error code``, ``Failure reason``, ``Client app``) and
learn.microsoft.com/graph/api/resources/signin (``createdDateTime``, ``userPrincipalName``, ``ipAddress``, ``location``,
``status``).  Written from the documentation: no tenant could be asked here.

Only a sign-in that succeeded, and one that failed, is a login: an interrupted one (a second factor asked for, "keep me
signed in") proves nothing yet.  The user name of a failed sign-in is what was typed.

What a sign-in cannot prove: that mail was sent, nor that its owner was the one who signed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from whosent.tables import WHOLE_FILE, Cells, Reading, Table, Told, rule
from whosent.tables.moments import Moments

_FIELDS: Final = ("client_address", "account", "service", "place")
_LOGIN: Final = rule("login", *_FIELDS, result="success")
_FAILED: Final = rule("login", *_FIELDS, "reason", result="failed")
_HOST: Final = b"Microsoft 365"
_INTERRUPTED: Final = frozenset(  # learn.microsoft.com/entra/identity-platform/reference-error-codes
    b"16000 16001 50055 50058 50059 50072 50074 50076 50078 50079 50097 50125 50127 50129 50140 50143 50144 50158"
    b" 50199 50203 51006 52004 65001 65004 81010 81012 81014 399218 530032".split()
)
_CALLED: Final = {b"authenticatedsmtp": b"smtp", b"imap4": b"imap", b"imap": b"imap", b"pop3": b"pop3", b"pop": b"pop3"}
_COUNTRY: Final = 2


def _row(moments: Moments, cells: Cells) -> Iterable[Told] | None:
    """What one row says."""
    when, user, address, location, status, code, reason, client = cells
    stamp = moments.read(when)
    if stamp is None or not user:
        return None
    word = status.lower()
    if word == b"interrupted" or code in _INTERRUPTED:
        return ()
    succeeded = code == b"0" if code else word == b"success"
    app = client.lower().replace(b" ", b"")
    told: dict[str, bytes | None] = {
        "stamp": stamp, "host": _HOST, "client_address": address or None, "account": user.lower(),
        "service": _CALLED.get(app, b"web"), "place": _country(location),
    }  # fmt: skip
    return ((_LOGIN, told),) if succeeded else ((_FAILED, {**told, "reason": reason or None}),)


def _country(location: bytes) -> bytes | None:
    """``DE`` of "Berlin, Berlin, DE"."""
    word = location.rpartition(b",")[2].strip()
    return word.upper() if len(word) == _COUNTRY and word.isalpha() else None


def _begin() -> Reading:
    return partial(_row, Moments())


table: Final = Table(
    name="entra_signins",
    title="Microsoft Entra sign-ins",
    columns=(
        "dateutc|createddatetime|date", "username|userprincipalname", "ipaddress", "location|location.countryorregion",
        "status", "signinerrorcode|status.errorcode", "failurereason|status.failurereason", "clientapp|clientappused",
    ),
    telling=(
        "dateutc|createddatetime|date", "username|userprincipalname", "ipaddress",
        "signinerrorcode|status.errorcode|status", "application|appdisplayname|clientapp|clientappused",
    ),
    rules=(_LOGIN, _FAILED),
    begin=_begin,
    system="exchange_online",
    disorder=WHOLE_FILE,
)  # fmt: skip
