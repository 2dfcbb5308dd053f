"""Rows of tables: every byte accounted for, however the text is cut; nothing of a cell becomes another cell."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables.teller import TRACKING
from whosent.join.tables import layout
from whosent.reading import separated
from whosent.reading.counts import Counts
from whosent.reading.elements import Elements, root_of
from whosent.reading.objects import Objects, cells_of, depth_of
from whosent.reading.reader import Reader
from whosent.reading.separated import ASIDE, BOM, CsvRows, Splitter
from whosent.reading.stamps import Clock
from whosent.reading.table import TableTokens, first_row, header_of
from whosent.tables import discover, folded, identify
from whosent.tables.moments import Moments

WRITTEN = datetime(2026, 12, 1, tzinfo=UTC)
HEADER = header_of(f"#Fields: {TRACKING}\n".encode())
WIDTH = TRACKING.count(",") + 1
assert HEADER is not None
CELLS = st.text(alphabet=st.sampled_from('a,;"\r\n\t =é\0#'), max_size=8)


def written(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def cut(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """Chunks of whole lines."""
    at = 0
    for place in sorted(cuts):
        end = data.rfind(b"\n", at, place % (len(data) + 1)) + 1
        if end > at:
            yield data[at:end]
            at = end
    yield data[at:]


def read(data: bytes, chunks: list[bytes]) -> list[tuple[int, bytes | None]]:
    """Offset and event (the ninth column) of each row that is one."""
    assert HEADER is not None
    rows, offset, found = CsvRows(HEADER.table, HEADER.delimiter), 0, []
    for chunk in (f"#Fields: {TRACKING}\n".encode(), *chunks):
        found += [
            (offset + at, cells[8] if cells else None) for at, cells, text in rows.rows(chunk) if text is not ASIDE
        ]
        offset += len(chunk)
    found += [(offset + at, cells[8] if cells else None) for at, cells, _ in rows.finish()]
    del data
    return found


@given(st.lists(CELLS, min_size=1, max_size=6), st.lists(st.integers(0, 10_000), max_size=4))
def test_a_cell_is_read_as_it_was_written(texts: list[str], cuts: list[int]) -> None:
    rows = [["x"] * 8 + [text] + ["y"] * (WIDTH - 9) for text in texts]
    data = written(rows)
    before = len(f"#Fields: {TRACKING}\n")
    read_back = read(data, list(cut(data, cuts)))
    assert [cell for _, cell in read_back] == [text.encode() for text in texts]
    starts = [before + len(written(rows[:number])) for number in range(len(rows))]
    assert [at for at, _ in read_back] == starts


@given(st.text(alphabet='a,"', max_size=12))
def test_a_row_is_cut_as_rfc_4180_says_or_not_at_all(text: str) -> None:
    splitter = Splitter(b",")
    cells = splitter.cells(text.encode())
    try:
        (expected,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        expected = None
    if cells is None:
        assert expected is None or '"' in text.replace('"' + text.strip('"'), "")
    elif text and not any('"' in part and not part.startswith('"') for part in text.split(",")):
        assert [cell.decode() for cell in cells] == expected


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=3))
def test_every_line_is_counted_whatever_it_holds(junk: bytes, cuts: list[int]) -> None:
    assert HEADER is not None
    counts = Counts()
    tokens = TableTokens(HEADER, layout, counts)
    data = f"#Fields: {TRACKING}\n".encode() + junk.replace(b"#", b"_") + b"\n"
    offset = 0
    for chunk in cut(data, cuts):
        list(tokens.feed(chunk, offset))
        offset += len(chunk)
    list(tokens.finish(offset))
    assert counts.lines == counts.understood + counts.blank + counts.unknown
    assert counts.understood == 1
    assert counts.lines <= data.count(b"\n")


def test_a_quote_that_never_closes_costs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    good = ",".join(["x"] * 8 + ["SEND"] + ["y"] * (WIDTH - 9)).encode() + b"\n"
    bad = b'x,"open\n'
    assert [event for _, event in read(b"", [bad + good * 3])] == [None, b"SEND", b"SEND", b"SEND"]
    monkeypatch.setattr(separated, "MOST_LINES", 2)
    assert [event for _, event in read(b"", [bad + good, good, good])] == [None, b"SEND", b"SEND", b"SEND"]
    assert [event for _, event in read(b"", [bad + b'a"b,c\n' + good])] == [None, None, b"SEND"]


def test_columns_are_known_by_name_in_any_order() -> None:
    names = list(reversed(TRACKING.split(",")))
    head = (",".join(name.title().replace("-", " ") for name in names) + "\n").encode()
    row = ["" for _ in names]
    for name, value in {"event-id": "DELIVER", "source": "STOREDRIVER", "recipient-address": "a@b.example",
                        "network-message-id": "7", "date-time": "2026-11-27T10:00:00Z"}.items():  # fmt: skip
        row[names.index(name)] = value
    data = BOM + head + written([row])
    reader = Reader(data, Clock(UTC, WRITTEN), layout)
    (token,) = reader.tokens(data)
    assert reader.table == "exchange_tracking"
    assert token[2][3:5] == (b"", b"a@b.example")
    assert reader.starts == 1_795_773_600.0


def test_a_second_header_changes_the_columns() -> None:
    two = f"#Fields: {TRACKING}\n".encode() + b"#Fields: event-id,source\nSEND,SMTP\n"
    assert HEADER is not None
    rows = [row for row in CsvRows(HEADER.table, HEADER.delimiter).rows(two) if row[2] is not ASIDE]
    assert [cells and cells[7:9] for _, cells, _ in rows] == [(b"SMTP", b"SEND")]


@pytest.mark.parametrize(
    "text", [b"", b"a,b\n", b"# nothing\n", b"sep=,\n", b"{}", b"[1, 2]", b"<html>", b"<", b"[" * 5000]
)
def test_what_is_no_table_of_ours_is_none(text: bytes) -> None:
    assert header_of(text) is None


def test_every_table_tells_itself_from_the_others() -> None:
    for one in discover():
        if one.element is None:
            assert identify([column.split("|")[0] for column in one.telling], one.log_type) is one
        known = {folded(name.encode()) for column in one.columns for name in column.split("|")}
        assert {name.split("|")[0] for name in one.telling} <= known | {
            "sequencenumber",
            "localendpoint",
            "application",
        }


def test_the_first_row_is_the_line_behind_the_header() -> None:
    assert first_row(b"#Software: x\n#Fields: a,b\n1,2\n3,4\n") == b"1,2"
    assert first_row(b"a,b\n1,2\n3,4\n") == b"1,2"


# ------------------------------------------------------------------ JSON


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet='a"\\{}[]é', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='ab"{', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=3), max_size=4), st.integers(1, 9), st.booleans())
def test_objects_are_found_wherever_the_text_is_cut(rows: list[object], size: int, wrapped: bool) -> None:  # noqa: FBT001
    document = {"@odata.context": 'x"[', "value": rows} if wrapped else rows
    data = json.dumps(document, indent=size % 3 or None).encode()
    objects, found, offset = Objects(depth_of(data)), [], 0
    for at in range(0, len(data), size):
        found += [(offset + one.at, one.text) for one in objects.feed(data[at : at + size])]
        offset += size
    assert not list(objects.finish())
    assert [json.loads(text) for _, text in found] == rows
    assert all(data[at:].startswith(text) for at, text in found)


def test_an_object_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from whosent.reading import objects as module  # noqa: PLC0415  its limit

    monkeypatch.setattr(module, "LONGEST_ROW", 100)
    objects = Objects(0)
    found = list(objects.feed(b'{"a": "' + b"x" * 200)) + list(objects.feed(b'{"b": 1}\n')) + list(objects.finish())
    assert [one.whole for one in found] == [False, True]
    assert [one.whole for one in (*Objects(0).feed(b'{"a"'), *Objects(0).finish())] == []
    left = Objects(0)
    assert [one.whole for one in (*left.feed(b'{"a"'), *left.finish())] == [False]


def test_cells_are_known_by_their_path() -> None:
    text = (
        b'{"Status": {"error-Code": 0, "ok": true}, "events": [{"name": "a"}, {"name": "b"}], "x": null, "n": [1, 2]}'
    )
    assert cells_of(text) == {
        "status.errorcode": b"0", "status.ok": b"true", "events.name": b"a;b", "x": b"", "n": b"1",
    }  # fmt: skip
    assert cells_of(b"[1]") is None
    assert cells_of(b"{") is None
    assert cells_of(b'{"a":' * 500 + b"1" + b"}" * 500) is None
    assert len(cells_of(json.dumps({str(n): n for n in range(1000)}).encode()) or {}) == 400


# ------------------------------------------------------------------ XML

RECORD = b"<record><row><source_ip>203.0.113.5</source_ip></row></record>"


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_records_are_found_wherever_the_text_is_cut(size: int) -> None:
    data = (
        b'<?xml version="1.0"?>\n<feedback><a>shared</a>'
        + RECORD * 3
        + b"</feedback>\n\n<feedback>"
        + RECORD
        + b"</feedback>"
    )
    elements, found, offset = Elements("feedback", "record"), [], 0
    for at in range(0, len(data), size):
        found += [(offset + one.at, one.cells) for one in elements.feed(data[at : at + size], offset)]
        offset += len(data[at : at + size])
    found += [(offset + one.at, one.cells) for one in elements.finish(offset)]
    address = {"record.row.sourceip": b"203.0.113.5"}
    assert [cells for _, cells in found] == [{"a": b"shared", **address}] * 3 + [address]
    assert all(data[at:].startswith(b"<record>") for at, _ in found)


@pytest.mark.parametrize(
    "bomb",
    [
        b"<!DOCTYPE feedback [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><feedback>&b;</feedback>",
        b"<!DOCTYPE feedback SYSTEM 'file:///etc/passwd'><feedback></feedback>",
        b"<feedback>" + b"<a>" * 1000 + b"</feedback>",
        b"<feedback><record></feedback>",
        b"<feedback " + b"x" * (1 << 23) + b"></feedback>",
        b"<feedback>\xff\xfe</feedback>",
    ],
    ids=["entities", "external", "deep", "unbalanced", "endless tag", "no text"],
)
def test_a_broken_document_costs_itself_alone(bomb: bytes) -> None:
    elements = Elements("feedback", "record")
    data = bomb + b"\n<feedback>" + RECORD + b"</feedback>"
    found = [*elements.feed(data, 0), *elements.finish(len(data))]
    assert [one.cells is None for one in found] == [True, False]


def test_texts_and_values_are_bounded() -> None:
    elements = Elements("feedback", "record")
    many = b"".join(b"<v%d>x</v%d>" % (n, n) for n in range(2000))
    data = b"<feedback><record>" + many + b"</record><record><a>" + b"y" * 100_000 + b"</a></record></feedback>"
    first, second = elements.feed(data, 0)
    assert len(first.cells or {}) == 500
    assert len((second.cells or {})["record.a"]) == 4_000


def test_the_root_is_the_first_element() -> None:
    assert root_of(b'<?xml version="1.0"?><!-- x --><!DOCTYPE a [<!ENTITY b "c">]><ns:Feed_back x="1">') == "feedback"
    assert root_of(b"no <feedback>") == ""


# ------------------------------------------------------------------ times


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("2026-11-27T10:00:00Z", "2026-11-27T10:00:00Z"),
        ("2026-11-27 10:00:00", "2026-11-27T10:00:00Z"),
        ("2026-11-27T10:00:00.1234567+02:00", "2026-11-27T10:00:00.1234567+02:00"),
        ("11/27/2026 2:03:07 PM", "2026-11-27T14:03:07Z"),
        ("11/7/2026 12:03:07 AM", "2026-11-07T00:03:07Z"),
        ("7.11.2026 14:03", "2026-11-07T14:03:00Z"),
        ("07/11/2026 14:03:07", "2026-11-07T14:03:07Z"),
        ("27/11/2026 2:03:07 PM", "2026-11-27T14:03:07Z"),
        ("13/13/2026 10:00:00", None),
        ("11/27/2026 25:00:00", None),
        ("yesterday", None),
    ],
)
def test_times_as_people_write_them(text: str, read_as: str | None) -> None:
    assert Moments().read(text.encode()) == (read_as.encode() if read_as else None)


def test_one_time_settles_the_habit_of_the_file() -> None:
    moments = Moments()
    assert moments.read(b"27/11/2026 2:03:07 PM") == b"2026-11-27T14:03:07Z"
    assert moments.read(b"05/01/2026 2:03:07 PM") == b"2026-01-05T14:03:07Z"
