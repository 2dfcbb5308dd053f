"""Addresses get a place from the operator's MMDB file; a broken one is told in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from whosent.model.mistake import Mistake
from whosent.sources.places import lookup, place


@pytest.fixture(name="database")
def fixture_database(tmp_path: Path) -> str:
    writer = MMDBWriter(ip_version=6, database_type="Test", ipv4_compatible=True)
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "DE"}})
    writer.insert_network(IPSet(["2001:db8::/32"]), {"autonomous_system_number": 64500})
    path = tmp_path / "places.mmdb"
    writer.to_db_file(str(path))
    return str(path)


def test_countries_and_operators(database: str) -> None:
    place_of = lookup(database)
    assert place_of is not None
    assert place_of("198.51.100.7") == "DE"
    assert place_of("2001:db8::1") == "AS64500"
    assert place_of("203.0.113.1") is None
    assert place_of("not an address") is None


def test_no_database_no_places() -> None:
    assert lookup("") is None


@pytest.mark.parametrize("content", [None, b"", b"not a database at all"])
def test_a_broken_file_is_the_operators_mistake(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Mistake, match=r"geo_database.*broken\.mmdb"):
        lookup(str(path))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"country": "FR"}, "FR"),
        ({"country": {"iso_code": "FR"}}, "FR"),
        ({"asn": "AS64501"}, "AS64501"),
        ({"country": {}, "autonomous_system_number": 64502}, "AS64502"),
        ({}, None),
        (None, None),
        ("text", None),
    ],
)
def test_records_of_several_makers(record: Any, expected: str | None) -> None:  # noqa: ANN401  # as they come
    assert place(record) == expected
