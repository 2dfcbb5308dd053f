"""Where an address is: country or network operator, from an MMDB file the operator gives (extra ``geo``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from whosent.model.mistake import Mistake

_REMEMBERED: Final = 65_536


def lookup(path: str) -> Callable[[str], str | None] | None:
    """A function from an address to ``DE`` or ``AS64500``; None where no database is configured."""
    if not path:
        return None
    try:
        import maxminddb  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise Mistake("logs.geo_database needs the extra: pip install 'whosent[geo]'.") from error
    try:
        database = maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise Mistake(f"logs.geo_database: {path} is no readable MMDB file ({error}).") from error

    @lru_cache(_REMEMBERED)
    def place_of(address: str) -> str | None:
        try:
            return place(database.get(address))
        except ValueError:
            return None

    return place_of


def place(record: Any) -> str | None:  # noqa: ANN401  # whatever the database's maker put there
    """The country code, else the AS number, of a GeoLite2-, DB-IP- or iptoasn-style record."""
    if not isinstance(record, dict):
        return None
    country = record.get("country")
    if isinstance(country, dict):
        country = country.get("iso_code")
    if isinstance(country, str) and country:
        return country
    number = record.get("autonomous_system_number") or record.get("asn")
    return f"AS{str(number).removeprefix('AS')}" if number else None
