"""Blocklists: listed only where a list that works says so; whatever is not an answer is unknown, never listed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.checks.namespace import MOMENT, World, results
from whosent.blocklists import ALIVE, ENDED, asked
from whosent.blocklists.answers import listing, meanings, name_of, state
from whosent.checks.listings import check
from whosent.model.check import Knowledge, Problem, Resolve, Resolved, Result
from whosent.model.settings import Listings, Settings

OURS = ("good.test", "bad.test", "all.test", "dead.test", "refusing.test", "silent.test", "moved.test")
OTHERS = tuple(one.zone for one in ALIVE if one.zone is not None)
LISTS = """
2.0.0.127.good.test A 127.0.0.2
2.113.0.203.good.test A 127.0.0.4
2.113.0.203.good.test TXT Listed, see http://good.test/<b>2</b>
2.0.0.127.bad.test A 127.0.0.2
2.113.0.203.bad.test A 127.255.255.254
2.0.0.127.all.test A 127.0.0.2
1.0.0.127.all.test A 127.0.0.2
2.113.0.203.all.test A 127.0.0.2
2.113.0.203.dead.test A 127.0.0.2
2.0.0.127.refusing.test A 127.255.255.255
2.113.0.203.refusing.test A 127.255.255.255
2.0.0.127.silent.test A !timeout
2.0.0.127.moved.test A 203.0.113.80
1.0.0.127.moved.test A 203.0.113.80
2.113.0.203.moved.test A 203.0.113.80
2.0.0.0.f.7.0.0.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.good.test A 127.0.0.2
"""


def here(more: Iterable[str] = OURS, without: Iterable[str] = OTHERS) -> Knowledge:
    return Knowledge(settings=Settings(listings=Listings(more=tuple(more), without=tuple(without))), moment=MOMENT)


def told(target: str, zone: str = LISTS, knowledge: Knowledge | None = None) -> dict[str, Result]:
    return results(check, target, World(zone), knowledge or here())


def test_only_a_list_that_works_is_believed() -> None:
    found = told("203.0.113.2")
    assert [name for name, one in found.items() if one.verdict == "open"] == ["203.0.113.2 on good.test"]
    listed = found["203.0.113.2 on good.test"]
    assert "answer 127.0.0.4" in listed.sentence
    assert listed.evidence[0].lines[1] == "2.113.0.203.good.test TXT Listed, see http://good.test/<b>2</b>"
    assert "sending has stopped" in listed.fix[0].note
    assert listed.verify == "whosent audit listings 203.0.113.2"
    unknown = found["lists that did not answer"]
    assert unknown.verdict == "undecided"
    for zone, words in {
        "bad.test": "refuses to answer this resolver (127.255.255.254)", "all.test": "answers yes to everything",
        "dead.test": "does not list its own test point", "refusing.test": "refuses to answer this resolver",
        "silent.test": "does not answer", "moved.test": "invents addresses",
    }.items():  # fmt: skip
        assert zone in unknown.why
        assert words in unknown.why


def test_an_address_on_no_list_is_told_so() -> None:
    found = told("203.0.113.3")
    assert not [one for one in found.values() if one.verdict == "open"]
    assert (
        "2 questions about 1 address were answered with no: 2 of 7 lists answer here"
        in found["the other lists"].sentence
    )


def test_lists_that_do_not_work_are_not_asked_about_us() -> None:
    world = World(LISTS)
    results(check, "203.0.113.2", world, here())
    names = {one.name for one in world.asked if isinstance(one, Resolve)}
    assert "2.113.0.203.good.test" in names
    assert (
        not {f"2.113.0.203.{zone}" for zone in ("all.test", "dead.test", "refusing.test", "silent.test", "moved.test")}
        & names
    )


def test_a_domain_brings_the_addresses_of_its_own_records_and_nobody_elses() -> None:
    zone = (
        LISTS
        + """
corp.test MX 10 mx.corp.test.
mx.corp.test A 203.0.113.2
corp.test TXT v=spf1 ip4:198.51.100.0/30 ip4:10.0.0.0/24 ip4:203.0.0.0/8 include:big.test -all
big.test TXT v=spf1 ip4:192.0.2.9 -all
"""
    )
    world = World(zone)
    found = results(check, "corp.test", world, here(more=("good.test",)))
    assert "203.0.113.2 on good.test" in found
    asked_about = {
        one.name.removesuffix(".good.test")
        for one in world.asked
        if isinstance(one, Resolve) and one.name.endswith(".good.test")
    }
    assert asked_about - {"2.0.0.127", "1.0.0.127"} == {
        "2.113.0.203", "0.100.51.198", "1.100.51.198", "2.100.51.198", "3.100.51.198",
        *(name for name in asked_about if name.count(".") > 10),
    }  # fmt: skip


def test_a_network_and_ipv6_are_written_out() -> None:
    world = World(LISTS)
    results(check, "203.0.113.0/30 2001:db8::5", world, here(more=("good.test",)))
    names = {one.name for one in world.asked if isinstance(one, Resolve)}
    assert {f"{n}.113.0.203.good.test" for n in range(4)} <= names
    assert (
        "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.good.test" not in names
    )  # its IPv6 part is dead
    v6 = LISTS + "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.good.test A 127.0.0.2\n"
    world = World(v6)
    results(check, "2001:db8::5", world, here(more=("good.test",)))
    names = {one.name for one in world.asked if isinstance(one, Resolve)}
    assert "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.good.test" in names


def test_what_is_neither_is_said() -> None:
    found = told("203.0.113.2 10.0.0.0/8 nonsense!")
    assert "10.0.0.0/8 is no address" in found["lists that did not answer"].why


def test_where_no_list_answers_nothing_is_clean() -> None:
    found = results(check, "203.0.113.2", World("a.test A 192.0.2.1"), Knowledge(settings=Settings(), moment=MOMENT))
    assert set(found) == {"lists that did not answer"}
    assert found["lists that did not answer"].severity == "critical"  # the run ends as unknown, not as clean


def test_a_list_that_has_ended_is_never_asked() -> None:
    zone = "2.113.0.203.dnsbl.sorbs.net A 127.0.0.2\n2.0.0.127.dnsbl.sorbs.net A 127.0.0.2"
    found = told("203.0.113.2", zone, here(more=("dnsbl.sorbs.net",)))
    assert not [one for one in found.values() if one.verdict == "open"]
    assert ENDED["dnsbl.sorbs.net"] in found["lists that did not answer"].why


@pytest.mark.parametrize("one", [one for one in ALIVE if one.zone], ids=lambda one: one.zone)
def test_every_list_of_the_catalogue_can_be_judged(one) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001  # of the catalogue
    subject = "corp.test" if one.lists == "domain" else "203.0.113.2"
    assert name_of(one, subject).endswith(f".{one.zone}")
    for code in one.parts:
        told_by_list = listing(one, Resolved(key="", at=0, records=(code,)))
        assert told_by_list.listed, code
        assert told_by_list.meanings, code
        assert told_by_list.policy == (code in one.policy)
    for refusal in (*one.refusals, "127.255.255.252", "127.255.255.254", "127.255.255.255"):
        assert listing(one, Resolved(key="", at=0, records=(refusal,))).listed is None, refusal
    assert listing(one, Resolved(key="", at=0)).listed is False
    assert listing(one, Resolved(key="", at=0, records=("203.0.113.80",))).listed is None
    assert listing(one, Resolved(key="", at=0, problem=Problem("timeout", "."))).listed is None
    assert listing(one, None).listed is None
    if "127.0.0.1" not in one.parts:
        assert not listing(one, Resolved(key="", at=0, records=("127.0.0.1",))).listed
    assert state(one, None, None) in {"dead", "working"}


def test_bits_are_read() -> None:
    surbl = next(one for one in ALIVE if one.zone == "multi.surbl.org")
    assert meanings(surbl, "127.0.0.24") == ["phishing", "malware"]


def test_a_policy_listing_is_a_note_and_a_network_is_not_the_address() -> None:
    zone = """
2.0.0.127.zen.spamhaus.org A 127.0.0.2
2.113.0.203.zen.spamhaus.org A 127.0.0.10
3.113.0.203.zen.spamhaus.org A 127.0.0.10
3.113.0.203.zen.spamhaus.org A 127.0.0.4
2.0.0.127.dnsbl-3.uceprotect.net A 127.0.0.2
2.113.0.203.dnsbl-3.uceprotect.net A 127.0.0.2
"""
    off = [one for one in OTHERS if one not in {"zen.spamhaus.org", "dnsbl-3.uceprotect.net"}]
    found = told("203.0.113.2 203.0.113.3", zone, here((), off))
    assert found["203.0.113.2 on zen.spamhaus.org"].severity == "note"
    assert "accuses nobody" in found["203.0.113.2 on zen.spamhaus.org"].sentence
    assert found["203.0.113.3 on zen.spamhaus.org"].severity == "critical"
    assert "infected" in found["203.0.113.3 on zen.spamhaus.org"].sentence
    network = found["203.0.113.2 on dnsbl-3.uceprotect.net"]
    assert network.severity == "note"
    assert "not the address itself" in network.why
    assert "Never pay" in network.fix[0].note


def test_targets_are_our_addresses_and_domains() -> None:
    knowledge = Knowledge(settings=Settings(), addresses=("127.0.0.1", "10.0.0.1", "203.0.113.2"))
    assert [str(one) for one in check.targets(knowledge)] == ["203.0.113.2"]


def test_the_catalogue_is_kept_whole() -> None:
    zones = [one.zone for one in ALIVE if one.zone]
    assert len(zones) >= 45
    lists, ended = asked(["BL.Own.Test.", "dnsbl.sorbs.net"], ["zen.spamhaus.org"])
    assert "bl.own.test" in [one.zone for one in lists]
    assert "zen.spamhaus.org" not in [one.zone for one in lists]
    assert ended
    text = Path("src/whosent/blocklists/catalogue.toml").read_text(encoding="utf-8")
    assert text.count("[[list]]") == len(ALIVE)
