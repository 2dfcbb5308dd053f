"""SPF records followed: against pyspf, which RFC 7208's own authors' suite was made for."""

from __future__ import annotations

import socket
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checks.namespace import World, records
from whosent.model.check import Heard, Knowledge
from whosent.model.settings import Settings
from whosent.published.lookups import Lookups
from whosent.published.spf import LOOKUPS, Spf, follow, verdict

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import spf as pyspf

ZONE = """
a.test A 192.0.2.1
b.test A 192.0.2.20
six.test AAAA 2001:db8::5
m.test MX 10 a.test.
m.test MX 20 b.test.
inc.test TXT v=spf1 ip4:198.51.100.0/24 -all
soft.test TXT v=spf1 a:a.test ~all
deep.test TXT v=spf1 include:inc.test include:soft.test ?all
other.test TXT some words
red.test TXT v=spf1 redirect=inc.test
loop.test TXT v=spf1 include:loop.test -all
"""
HERE = Knowledge(settings=Settings(), moment=1)


def followed(record: str, zone: str = ZONE) -> Spf:
    world = World(f"{zone.strip()}\nown.test TXT {record}")
    heard: dict[str, Any] = {}
    for _ in range(15):
        lookups = Lookups(heard)
        found = follow("own.test", lookups)
        if not lookups.wanted:
            return found
        heard |= {answer.key: answer for answer in world.ask(lookups.wanted.values(), HERE)}
    raise AssertionError("asks for ever")


def asked_of_pyspf(record: str, address: str) -> str:
    zone = records(f"{ZONE.strip()}\nown.test TXT {record}")

    def look_up(name: str, kind: str, *_: object, **__: object) -> list[Any]:
        found: list[Any] = []
        for value in zone.get((name.rstrip(".").lower(), kind), []):
            told: Any = value
            if kind == "TXT":
                told = (value.encode(),)
            elif kind == "MX":
                told = (int(value.split()[0]), value.split()[1].rstrip("."))
            elif kind == "AAAA":
                told = socket.inet_pton(socket.AF_INET6, value)
            found.append(((name, kind), told))
        return found

    pyspf.DNSLookup = look_up
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        query = pyspf.query(i=address, s="x@own.test", h="own.test", querytime=0)
        return str(query.check()[0])


TERMS = st.sampled_from([
    "a", "a:a.test", "a:b.test/28", "+a:six.test", "mx:m.test", "-mx:m.test/30", "ip4:192.0.2.0/28", "~ip4:192.0.2.1",
    "ip6:2001:db8::/32", "-ip6:2001:db8::5", "include:inc.test", "-include:soft.test", "?include:deep.test",
    "include:loop.test", "include:other.test", "include:nowhere.test", "redirect=inc.test", "redirect=red.test",
    "-all", "~all", "?all", "+all", "exp=why.test", "bogus:x", "ip4:999.1.1.1", "a:void1.test", "mx:void2.test",
    "ip4:10.0.0.0/8",
])  # fmt: skip
ADDRESSES = st.sampled_from(
    ["192.0.2.1", "192.0.2.20", "192.0.2.99", "198.51.100.7", "2001:db8::5", "2001:db9::1", "10.1.2.3"]
)


@given(st.lists(TERMS, max_size=7), ADDRESSES)
@settings(max_examples=300, deadline=None)
def test_receivers_and_we_agree(terms: list[str], address: str) -> None:
    record = " ".join(["v=spf1", *dict.fromkeys(terms)])
    if record.count("redirect=") > 1:
        return  # pyspf says permerror, RFC 7208 too; nobody publishes it
    theirs = asked_of_pyspf(record, address)
    found = followed(record)
    ours = verdict(found, address)
    if theirs == "permerror":
        # We read the whole record where a receiver stops at the first term that fits.
        assert ours == "permerror" or not any(fault.grave for fault in found.faults)
        return
    assert ours in {theirs, "permerror"}
    if ours == "permerror":
        assert any(fault.grave for fault in found.faults)


def test_eleven_lookups_are_one_too_many() -> None:
    zone = ZONE + "".join(f"i{n}.test TXT v=spf1 ip4:192.0.2.{n} -all\n" for n in range(12))
    ten = followed("v=spf1 " + " ".join(f"include:i{n}.test" for n in range(10)) + " -all", zone)
    eleven = followed("v=spf1 " + " ".join(f"include:i{n}.test" for n in range(11)) + " -all", zone)
    assert (ten.lookups, ten.faults) == (LOOKUPS, ())
    assert "11 look-ups where 10 are allowed" in eleven.faults[0].words
    assert verdict(eleven, "192.0.2.3") == "permerror"


def test_an_include_matches_only_where_the_other_record_says_pass() -> None:
    found = followed("v=spf1 -include:inc.test +all")
    assert verdict(found, "198.51.100.7") == "fail"
    assert verdict(found, "203.0.113.9") == "pass"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("v=spf1 include:nowhere.test -all", "which has no SPF record"),
        ("v=spf1 include:loop.test -all", "comes back to loop.test"),
        ("v=spf1 ipv4:192.0.2.1 -all", "a term that is none"),
        ("v=spf1 ip4:192.0.2.1/99 -all", "names no network"),
        ("v=spf1 a:v1.test a:v2.test a:v3.test -all", "3 things that do not exist"),
    ],
)
def test_faults_are_said_in_words(record: str, words: str) -> None:
    assert any(words in fault.words and fault.grave for fault in followed(record).faults)


@given(st.text(max_size=300))
@settings(deadline=None)
def test_whatever_strangers_publish_is_no_trouble(text: str) -> None:
    heard: Heard = {}
    lookups = Lookups(heard)
    follow("own.test", lookups)
    if "\n" not in text and text.strip():
        followed(f"v=spf1 {text}")
