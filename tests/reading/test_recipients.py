"""Several recipients in one field, whatever separates them and whatever stands in their quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.reading.recipients import split


@pytest.mark.parametrize(
    ("listed", "each"),
    [
        (b"", []),
        (b"a@b.example", [b"a@b.example"]),
        (b"<a@b.example>,<c@d.example>", [b"a@b.example", b"c@d.example"]),  # Sendmail
        (b"a@b.example c@d.example", [b"a@b.example", b"c@d.example"]),  # Exim
        (b"a@b.example;c@d.example", [b"a@b.example", b"c@d.example"]),  # Exchange
        (b"a@b.example, c@d.example", [b"a@b.example", b"c@d.example"]),
        (b"<>", [b""]),
        (
            b'"x y, <boss@corp.example>"@b.example c@d.example',
            [b'"x y, <boss@corp.example>"@b.example', b"c@d.example"],
        ),
        (b'<"x>,<boss@corp.example"@b.example>,<c@d.example>', [b'"x>,<boss@corp.example"@b.example', b"c@d.example"]),
    ],
)
def test_each_recipient_stands_alone(listed: bytes, each: list[bytes]) -> None:
    assert split(listed) == each


@given(st.lists(st.from_regex(rb"[a-z0-9._+=/-]{1,20}@[a-z0-9.-]{1,20}", fullmatch=True)), st.sampled_from(b" ,;"))
def test_what_was_listed_comes_back(each: list[bytes], separator: int) -> None:
    assert split(bytes([separator]).join(each)) == each


@given(st.binary(max_size=60))
def test_strangers_may_write_anything(listed: bytes) -> None:
    assert all(address in listed for address in split(listed))
