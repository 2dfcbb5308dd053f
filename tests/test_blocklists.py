"""The catalogue of blocklists: one entry for one list, none that has ended, found by what refusals call it."""

from __future__ import annotations

import pytest

from whosent.blocklists import ALIVE, ENDED, named


def test_no_list_stands_twice_and_none_that_has_ended() -> None:
    names = [one.name for one in ALIVE]
    zones = [one.zone for one in ALIVE if one.zone]
    assert len(set(names)) == len(names)
    assert len(set(zones)) == len(zones)
    assert not set(zones) & set(ENDED)
    for one in ALIVE:
        assert one.where.startswith("https://")
        assert one.wants
        assert one.silence > 0
        assert (one.how == "expires") <= bool(one.expires)
        assert not one.refusals & one.parts.keys()
        assert all(word == word.lower() for word in one.said)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("zen.spamhaus.org.", "Spamhaus ZEN"),
        ("CSS", "Spamhaus ZEN"),
        ("550 5.7.1 Service unavailable; client [192.0.2.1] blocked using b.barracudacentral.org", "Barracuda"),
        ("SpamCop", "SpamCop"),
        ("part of their network is on our block list (S3150)", "Microsoft Outlook.com"),
        ("dnsbl.sorbs.net", None),
        ("nobody knows it", None),
    ],
)
def test_a_list_is_found_by_what_it_is_called(said: str, name: str | None) -> None:
    found = named(said)
    assert (found.name if found else None) == name
