"""Blocklists against rbldnsd and dnsmasq: no verdict is wrong, whatever temper a list has; and it is quick."""

from __future__ import annotations

import pytest

from tests.lab.lists import ABSENT, LISTED, SILENT, TEMPERS, ListServer
from tests.lab.possible import require_lab
from whosent.auditing import examine
from whosent.blocklists import ALIVE
from whosent.checks.listings import check
from whosent.model.check import Knowledge, Target
from whosent.model.settings import Listings, Registries, Settings
from whosent.sources import dns
from whosent.sources.prober import ask

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def possible() -> None:
    require_lab()


def test_sixty_lists_and_a_whole_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns, "WITHIN", (2.0, 8.0))  # a busy machine
    with ListServer(60 - len(TEMPERS) - 2) as server:
        settings = Settings(
            listings=Listings(more=tuple(server.zones), without=tuple(one.zone for one in ALIVE if one.zone)),
            registries=Registries(dns_server=f"127.0.0.1#{server.port}"),
        )
        found = examine(check, Target("203.0.113.0/24"), Knowledge(settings=settings), ask)
    opened = {one.about for one in found if one.verdict == "open"}
    assert opened == {f"{address} on {zone}" for address in LISTED for zone in server.good}
    [unknown] = [one for one in found if one.verdict == "undecided"]
    for zone in (*TEMPERS, SILENT, ABSENT):
        if zone != "empty.test":
            assert zone in unknown.why, zone
    assert "http://list00.test/?203.0.113.2" in str([one.evidence for one in found])
