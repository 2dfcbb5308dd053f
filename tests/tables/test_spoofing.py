"""What is said of mail in our name: the next step that hurts nobody of ours, whatever the policy is."""

from __future__ import annotations

import pytest

from tests.stories.kit import Script
from tests.stories.reports import OURS, tell
from tests.test_cases import run
from whosent.detectors import spoofing
from whosent.detectors.spoofing import Detector
from whosent.model.finding import Finding

ELSEWHERE = "198.51.100.66"


def told(*records: tuple[str, int, bool], policy: str = "none") -> list[Finding]:
    """Two receivers tell of (address, messages, whether they passed)."""
    script = Script()
    for address, count, passed in records:
        tell(script, 0, address, count, dkim=passed, policy=policy)
    return run(Detector, script.rows())


@pytest.mark.parametrize(
    ("policy", "stricter"), [("none", "quarantine"), ("quarantine", "reject"), ("odd", "quarantine")]
)
def test_the_next_step_is_one_step(policy: str, stricter: str) -> None:
    (finding,) = told((OURS, 500, True), (ELSEWHERE, 50, False), policy=policy)
    record = f'_dmarc.corp.example. IN TXT "v=DMARC1; p={stricter}; rua=mailto:postmaster@corp.example"'
    assert finding.facts["publish"] == record
    assert record in finding.sentence


@pytest.mark.parametrize(
    ("records", "policy", "words"),
    [
        ([(OURS, 500, True), (ELSEWHERE, 50, False)], "reject", "nothing is left to publish"),
        ([(ELSEWHERE, 50, False)], "none", "sign it (DKIM)"),
        ([(OURS, 500, True), ("10.0.3.3", 50, False), (ELSEWHERE, 50, False)], "none", "First mend our own sources"),
    ],
)
def test_nothing_is_published_that_would_hurt_or_is_there(
    records: list[tuple[str, int, bool]], policy: str, words: str
) -> None:
    finding, *_ = told(*records, policy=policy)
    assert finding.facts["publish"] is None
    assert words in finding.sentence


def test_the_latest_policy_counts() -> None:
    script = Script()
    tell(script, 1, ELSEWHERE, 50, policy="reject")
    tell(script, 0, ELSEWHERE, 50, policy="none")
    (finding,) = run(Detector, script.rows())
    assert finding.facts["policy"] == "reject"


def test_an_address_that_passed_is_ours_and_names_nobody() -> None:
    assert not told((ELSEWHERE, 50, True), (ELSEWHERE, 50, False))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoofing, "_ADDRESSES", 2)
    monkeypatch.setattr(spoofing, "_DOMAINS", 1)
    (finding,) = told(*((f"198.51.100.{number}", 50, False) for number in range(9)))
    assert finding.facts["addresses"] == 2
    assert finding.facts["reporters"] == 1
    script = Script()
    tell(script, 0, ELSEWHERE, 50)
    rows = script.rows()
    assert len(run(Detector, [*rows, *(row._replace(domain="other.example") for row in rows)])) == 1  # type: ignore[call-arg]  # a Reported
