"""DMARC records of domains and of domains above them; who takes reports; records as a zone file has them."""

from __future__ import annotations

from typing import Any

from tests.checks.namespace import World
from whosent.model.check import Knowledge
from whosent.model.settings import Settings
from whosent.published.dmarc import Dmarc, authorised, follow
from whosent.published.lookups import Lookups
from whosent.published.results import About, short, txt

HERE = Knowledge(settings=Settings(), moment=1)


def followed(domain: str, zone: str) -> tuple[Dmarc, Lookups]:
    world, heard = World(zone), dict[str, Any]()
    for _ in range(10):
        lookups = Lookups(heard)
        found = follow(domain, lookups)
        authorised("corp.test", "other.example", lookups)
        if not lookups.wanted:
            break
        heard |= {answer.key: answer for answer in world.ask(lookups.wanted.values(), HERE)}
    return found, lookups


def test_a_record_above_holds_with_its_policy_for_subdomains() -> None:
    found, _ = followed("a.b.corp.test", "_dmarc.corp.test TXT v=DMARC1; p=reject; sp=none")
    assert (found.at, found.policy) == ("corp.test", "none")
    assert followed("corp.test", "x.test A 192.0.2.1")[0].record is None


def test_faults_of_a_record_are_said() -> None:
    twice = "_dmarc.corp.test TXT v=DMARC1; p=none\n_dmarc.corp.test TXT v=DMARC1; p=reject"
    assert "is one of 2" in followed("corp.test", twice)[0].faults[0]
    odd = "_dmarc.corp.test TXT v=DMARC1; pct=20; rua=https://x.test"
    assert len(followed("corp.test", odd)[0].faults) == 3
    assert followed("corp.test", "_dmarc.corp.test TXT !timeout")[0].unknown


def test_reports_elsewhere_need_a_word_of_the_other_side() -> None:
    _, lookups = followed("corp.test", "corp.test._report._dmarc.other.example TXT v=DMARC1")
    assert authorised("corp.test", "other.example", lookups)
    assert authorised("a.corp.test", "corp.test", lookups)
    _, silent = followed("corp.test", "corp.test._report._dmarc.other.example TXT !timeout")
    assert authorised("corp.test", "other.example", silent) is None


def test_records_are_written_as_a_zone_file_has_them() -> None:
    assert txt('a"b\\c\x1bé') == '"a\\"b\\\\c\\027\\195\\169"'
    assert txt("x" * 300) == f'"{"x" * 255}" "{"x" * 45}"'
    assert short("a\x1b" + "b" * 500).startswith("a?b")
    assert len(short("b" * 500)) == 401
    assert About("c", "a\nb").verify() == ""
