"""The numbers of the ledger, family by family, without knowing who asks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final, Literal, NamedTuple

from whosent.model.lifecycle import State
from whosent.report.words import moment, shortened, visible
from whosent.store.alerts import Outbox
from whosent.store.condition import Conditions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger
from whosent.store.pulses import SOURCE, Pulses
from whosent.store.rates import Rates

_OUTCOMES: Final = ("sent", "local", "deferred", "deferred_again", "bounced")
_REASONS: Final = ("unknown_user", "policy", "listed", "rate", "greylisted", "mailbox", "route", "loop", "other")
_LOGINS: Final = {"logins": "succeeded", "failed_logins": "failed"}
_REST: Final = "other"  # the label of hosts beyond those that are counted by name
_NAME: Final = 80
_SOURCES: Final = 100
_RECENT: Final = 7_200  # seconds of counters that are added up at each look
_FRESH: Final = 300.0  # seconds for which the sum of those before is kept

Samples = dict[tuple[str, ...], float]


class Family(NamedTuple):
    """Numbers of one kind: its labels, and a value for each of their values."""

    name: str  # as Prometheus has it, without the prefix
    kind: Literal["counter", "gauge"]
    meaning: str
    labels: tuple[str, ...]
    samples: Samples


class Totals:
    """The counters' sums over all time; what is older than two hours is added up only now and then.

    What was read since the last saving is left out: it is counted anew after a crash, and a counter must not fall.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._counted = -float("inf")
        self._old: Counter[tuple[str, str]] = Counter()

    def of(self, rates: Rates, now: float) -> Mapping[tuple[str, str], int]:
        """(host, measure) -> sum."""
        if not 0 <= now - self._counted < _FRESH:
            self._until = (now - _RECENT) // 60 * 60
            self._old = Counter(rates.sums(0, self._until, kept=True))
            self._counted = now
        return self._old + Counter(rates.sums(self._until, 1 << 40, kept=True))


def families(ledger: Ledger, totals: Totals, hosts: int, now: float) -> list[Family]:
    """All there is to tell; of ``hosts`` by name, of the others together."""
    return [
        Family("build_info", "gauge", "The version of Whosent.", ("version",), {(version("whosent"),): 1}),
        *_traffic(totals.of(Rates(ledger), now), hosts),
        *_queues(Rates(ledger), hosts),
        *_incidents(Incidents(ledger)),
        *_telling(Outbox(ledger)),
        *_signs(Conditions(ledger), Pulses(ledger)),
    ]


def _traffic(totals: Mapping[tuple[str, str], int], hosts: int) -> list[Family]:
    """Messages, recipients, outcomes, logins."""
    by_host: Counter[str] = Counter()
    for (host, measure), value in totals.items():
        by_host[host] += value if measure == "messages" else 0
    named = {host for host, _ in sorted(by_host.items(), key=lambda item: (-item[1], item[0]))[:hosts]}
    summed: Counter[tuple[str, str]] = Counter()
    for (host, measure), value in totals.items():
        summed[_label(host) if host in named else _REST, measure] += value

    def one(name: str, meaning: str, measure: str) -> Family:
        return Family(name, "counter", meaning, ("host",), {(host,): value for (host, what), value in summed.items()
                                                            if what == measure})  # fmt: skip

    def many(name: str, meaning: str, label: str, measures: Mapping[str, str]) -> Family:
        samples: Samples = {(host, measures[what]): value for (host, what), value in summed.items() if what in measures}
        return Family(name, "counter", meaning, ("host", label), samples)

    return [
        one("messages", "Messages that entered a queue.", "messages"),
        one("recipients", "Recipients of these messages.", "recipients"),
        many("outcomes", "Outcomes, a recipient and attempt each.", "status", {name: name for name in _OUTCOMES}),
        many("refusals", "Outcomes that were not sent, by why.", "reason", {name: name for name in _REASONS}),
        one("rejections", "Mail that was refused before it became a message.", "rejected"),
        many("logins", "Logins to send or read mail.", "result", _LOGINS),
    ]


def _queues(rates: Rates, hosts: int) -> list[Family]:
    """How long the queues are."""
    messages: Samples = defaultdict(float)
    octets: Samples = defaultdict(float)
    lengths = rates.latest_queues()
    named = set(sorted({one.host for one in lengths})[:hosts])
    for one in lengths:
        labels = (_label(one.host) if one.host in named else _REST, _label(one.queue), _label(one.folder))
        messages[labels] += one.messages
        octets[labels] += one.bytes
    labels = ("host", "queue", "folder")
    return [
        Family("queue_messages", "gauge", "Messages in a queue when it was last looked at.", labels, messages),
        Family("queue_bytes", "gauge", "Size of these messages.", labels, octets),
    ]


def _incidents(incidents: Incidents) -> list[Family]:
    """How many there are, in which state, and what the open ones amount to."""
    states: Samples = {(state.value, severity): 0.0 for state in State for severity in ("critical", "warning")}
    causes: Samples = defaultdict(float)
    recipients = refused = 0.0
    for kept in incidents.all():
        key = (kept.state.value, kept.incident.severity)
        states[key] = states.get(key, 0) + 1
        if kept.state in {State.OPEN, State.CONTAINED}:
            causes[kept.incident.cause.value, kept.state.value] += 1
            recipients += kept.incident.recipients
            refused += kept.incident.refused
    return [
        Family("incidents", "gauge", "Incidents by state.", ("state", "severity"), states),
        Family("incident_causes", "gauge", "Incidents that are not closed, by cause.", ("cause", "state"), causes),
        Family("incident_recipients", "gauge", "Recipients of incidents that are not closed.", (), {(): recipients}),
        Family("incident_refused", "gauge", "Those of them that were refused.", (), {(): refused}),
    ]


def _telling(outbox: Outbox) -> list[Family]:
    """Whether somebody can be told."""
    channels = outbox.channels()
    return [
        Family("alerts_waiting", "gauge", "Alerts that no channel has taken yet.", (),
               {(): outbox.counts().get("waiting", 0)}),
        Family("alerts", "counter", "Alerts a channel took.", ("channel",),
               {(one.name,): one.alerts for one in channels}),
        Family("channel_failures", "counter", "Alerts a channel did not take.", ("channel",),
               {(one.name,): one.failed_ever for one in channels}),
        Family("channel_failing", "gauge", "1 if its last alert was not taken.", ("channel",),
               {(one.name,): bool(one.failures) for one in channels}),
    ]  # fmt: skip


def _signs(conditions: Conditions, pulses: Pulses) -> list[Family]:
    """Signs of life."""
    sources = sorted(pulses.of(SOURCE), key=lambda one: -one.at)[:_SOURCES]
    condition = conditions.latest()
    last = moment(condition.at) if condition else None
    behind: Samples = {(_label(one.source),): one.behind for one in condition.sources[:_SOURCES]} if condition else {}
    return [
        Family("heartbeat_timestamp_seconds", "gauge", "The last sign of life of whosent watch; 0: none yet.", (),
               {(): last.timestamp() if last else 0.0}),
        Family("source_last_line_timestamp_seconds", "gauge", "When a log last brought a line.", ("source",),
               {(_label(one.name),): one.at for one in sources}),
        Family("source_behind_bytes", "gauge", "What a log holds that was not read yet.", ("source",), behind),
        Family("running", "gauge", "1 if whosent watch runs, or ran when it was last heard of.", (),
               {(): bool(condition and condition.running)}),
    ]  # fmt: skip


def _label(text: str) -> str:
    """A label's value: short and visible, whatever it was named."""
    return shortened(visible(text), _NAME)
