"""The truth of the recorded incident, counted by those who played it and by the servers that answered it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.lab import incident
from tests.lab.network import PUBLIC
from tests.lab.people import INFO, NEWSLETTER, SHOP, STAFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.lab.player import Act, Result


@dataclass(frozen=True)
class Played:
    """What was played and what came of it."""

    acts: Sequence[Act]
    results: Sequence[Result]
    answers: dict[str, str]  # the last answer of the world to each recipient
    began: datetime  # the lab's time when the first act could be played

    def submitted(self, label: str) -> dict[str, int]:
        """Count the messages and recipients that were really taken from those of this label."""
        taken = [
            result for result in self.results if result.label == label and result.kind != "imap" and result.accepted
        ]
        recipients = sum(result.intended if result.kind == "web" else result.accepted for result in taken)
        return {"messages": len(taken), "recipients": recipients}

    def outcomes(self, label: str) -> dict[str, int]:
        """Count what the world answered about this label's recipients; ``internal`` never left."""
        mine = {to for act in self.acts if act.label == label for to in act.recipients}
        return dict(sorted(Counter(self.answers.get(to, "internal") for to in mine).items()))

    def span(self, label: str) -> dict[str, str]:
        """Say when the first and the last act of this label were due."""
        minutes = [act.at for act in self.acts if act.label == label]
        ends = {"since": min(minutes), "until": max(minutes)}
        return {name: (self.began + timedelta(minutes=at)).isoformat(timespec="seconds") for name, at in ends.items()}

    def of(self, label: str) -> dict[str, Any]:
        """Give everything counted about one label; ``outcomes`` is by distinct recipient."""
        return {**self.submitted(label), "outcomes": self.outcomes(label)}


def last_answers(seen: Iterable[dict[str, str]]) -> dict[str, str]:
    """Give the last answer that each recipient got."""
    return {record["recipient"]: record["answer"] for record in seen}


def tell(played: Played) -> dict[str, Any]:
    """Tell who is guilty and who is not, with their numbers."""
    bots = {act.source for act in played.acts if act.label == "campaign"}
    failures = sum(1 for act in played.acts if act.label == "guessing" and act.user == incident.STOLEN)
    return {
        "own_domains": ["corp.test", "web.corp.test"],
        "own_networks": ["10.77.0.0/24"],
        "public_address": PUBLIC,
        "guilty": [
            {
                "kind": "account", "name": incident.STOLEN, "host": "mx", "cause": "compromised_account",
                **played.span("campaign"), **played.of("campaign"),
                "addresses": sorted(bots), "failed_guesses": failures,
                "own_innocent_mail": played.of(incident.STOLEN),
            },
            {
                "kind": "script", "name": incident.FORM_SCRIPT, "host": "web", "cause": "abused_form",
                "path": "/contact.php", **played.span("form abuse"), **played.of("form abuse"),
                "addresses": [incident.ABUSER],
                "requests": sum(act.label == "form abuse" for act in played.acts),
                "own_innocent_mail": played.of("contact form"),
            },
        ],
        "innocent": [
            *({"kind": "account", "name": name, "host": "mx", **played.of(name)} for name in (*STAFF[1:], NEWSLETTER)),
            {"kind": "script", "name": incident.SHOP_SCRIPT, "host": "web", **played.of(SHOP)},
            {"kind": "script", "name": "/var/www/html/cgi-bin/formmail.pl", "host": "web", **played.of("formmail")},
            {"kind": "local_user", "name": "root", "host": "web", **played.of("root")},
        ],
        "inbound": {**played.submitted("inbound"), "relay_attempts_refused": _refused(played, "relay attempt")},
        "notes": [
            f"{INFO} is the form's proper recipient and also gets a copy of every injected message",
            "bob and carol also work from outside; that is innocent",
            "late in the campaign receivers block 203.0.113.2",
        ],
    }  # fmt: skip


def _refused(played: Played, label: str) -> int:
    return sum(result.refused for result in played.results if result.label == label)
