"""What an alert says: of an incident, of many at once, of a silence; no stranger's text in it is a link or markup."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from whosent.alerts.due import Told
from whosent.model.alert import Alert, News, Subject, Urgency
from whosent.model.finding import Strength
from whosent.model.incident import Incident, ReportedFinding
from whosent.model.lifecycle import KeptIncident, State
from whosent.report import words
from whosent.report.complaints import defanged

_SENTENCE: Final = 700  # a telephone's screen, an IRC line, a ticket's summary: more is in `incident show`
_TITLE: Final = 110
_WITNESSES: Final = 8
_CALL: Final = re.compile(r"@(everyone|(?:here|channel|all)(?![\w.-]))")  # a chat would wake all its members
_GOOD: Final = frozenset({News.CONTAINED, News.STOPPED, News.RESOLVED, News.DISMISSED, News.WITHDRAWN, News.HEARD})
_NAMED: Final = frozenset({Strength.PROVEN, Strength.SHOWN, Strength.LIKELY})


class Voice(NamedTuple):
    """Who speaks, and when."""

    host: str  # the machine whose Whosent it is
    at: str  # RFC 3339, UTC


def of_incident(  # noqa: PLR0913, PLR0917  # what is told, to whom it was told before, and what others say of it
    kept: KeptIncident, news: Sequence[News], before: Told | None, voice: Voice, why: str = "", order: str = ""
) -> Alert:
    """The alert for news of one incident; ``why`` is what an operator said of the change, ``order`` what orders say."""
    incident = kept.incident
    changed = " ".join([*(_changed(one, kept, before) for one in news), _said(why)]).strip()
    return Alert(
        id=_identity(incident.id, voice.at, *news),
        at=voice.at,
        host=voice.host,
        urgency=_urgency(incident, news),
        about="incident",
        news=list(news),
        title=words.shortened(
            f"{_loudest(news)}: {words.suspect_words(incident.suspect)}, {words.CAUSES[incident.cause]}", _TITLE
        ),
        sentence=told_safely(incident.sentence),
        changed=changed,
        incident=incident.id,
        suspect=incident.suspect,
        cause=incident.cause,
        strength=incident.strength,
        witnesses=[words.visible(witness) for witness in incident.witnesses[:_WITNESSES]],
        command=_next_step(kept),
        failed=[],
        order=told_safely(order),
    )


def of_many(kept: Sequence[KeptIncident], voice: Voice) -> Alert:
    """One alert for incidents that were opened together, too many to be told one by one; the worst come first."""
    worst = kept[0].incident
    named = words.listed([words.suspect_words(one.incident.suspect) for one in kept[:3]])
    more = f" and {words.counted(len(kept) - 3, 'other')}" if len(kept) > 3 else ""  # noqa: PLR2004  # as above
    critical = sum(one.incident.severity == "critical" for one in kept)
    return Alert(
        id=_identity("incidents", voice.at, *(one.incident.id for one in kept)),
        at=voice.at,
        host=voice.host,
        urgency=_urgency(worst, [News.OPENED]),
        about="incidents",
        news=[News.OPENED],
        title=f"{words.counted(len(kept), 'more incident')}, {critical:,} critical",
        sentence=told_safely(
            f"{words.counted(len(kept), 'more incident')} were opened at once, {critical:,} of them critical: "
            f"{named}{more}."
        ),
        changed="",
        incident=None,
        suspect=None,
        cause=None,
        strength=None,
        witnesses=[],
        command="whosent incident list",
        failed=[],
    )


def of_ends(number: int) -> Plain:
    """One alert for incidents that have stopped together, too many to be told one by one."""
    title = f"no further sign of {words.counted(number, 'incident')}"
    return Plain("incidents", News.STOPPED, "information", title, f"There is {title}.", "whosent incident list")


def of_notice(findings: Sequence[ReportedFinding]) -> Plain:
    """What concerns everybody and accuses nobody: our address on a blocklist, a provider that is down, an odd hour."""
    first, *others = findings
    more = f" And {words.counted(len(others), 'more', 'more')} of the kind." if others else ""
    return Plain(
        "notice", News.OPENED, "warning", f"concerns everybody: {first.sentence}", f"{first.sentence}{more}",
        "whosent status",
    )  # fmt: skip


class Plain(NamedTuple):
    """What is said of Whosent itself, of a log it reads, or in a test."""

    about: Subject
    news: News
    urgency: Urgency
    title: str
    sentence: str
    command: str = ""


def plain(said: Plain, voice: Voice) -> Alert:
    """The alert for it."""
    return Alert(
        id=_identity(said.about, said.title, *voice), at=voice.at, host=voice.host, urgency=said.urgency,
        about=said.about, news=[said.news], title=words.shortened(words.visible(said.title), _TITLE),
        sentence=told_safely(said.sentence), changed="", incident=None, suspect=None, cause=None, strength=None,
        witnesses=[], command=said.command, failed=[],
    )  # fmt: skip


def subject_line(alert: Alert) -> str:
    """``[critical] mx: opened: account alice@example.org, stolen account``."""
    return f"[{alert.urgency}] {alert.host}: {alert.title}"


def one_line(alert: Alert) -> str:
    """All that matters in one line, for syslog."""
    said = [f"{alert.urgency}: {alert.sentence}", alert.changed, _sure(alert), alert.order]
    parts = [*said, _next(alert), *_failures(alert)]
    return " ".join(part for part in parts if part)


def text(alert: Alert) -> str:
    """A few short paragraphs, for chat and mail."""
    parts = [
        alert.sentence,
        alert.changed and f"New: {alert.changed}",
        _sure(alert),
        alert.order,
        _next(alert),
        *_failures(alert),
        f"Whosent on {alert.host}, alert {alert.id}, {alert.at}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def told_safely(sentence: str) -> str:
    """A sentence that may quote strangers: short, visible, its links dead, nobody called by an ``@everyone``."""
    return _CALL.sub("@\u2060\\1", words.shortened(defanged(words.visible(sentence)), _SENTENCE))


def _sure(alert: Alert) -> str:
    if alert.strength is None:
        return ""
    recorded = f": {words.listed(alert.witnesses)}" if alert.witnesses else ""
    return f"How sure: {words.strength_word(alert.strength)}, {words.STRENGTHS[alert.strength]}{recorded}."


def _next(alert: Alert) -> str:
    return f"Next: {alert.command}" if alert.command else ""


def _failures(alert: Alert) -> list[str]:
    return [f"Could not be told by {words.listed(alert.failed)}."] if alert.failed else []


def _said(why: str) -> str:
    return f"The reason given: {told_safely(why).rstrip('.')}." if why.strip() else ""


def _identity(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:16]


def _urgency(incident: Incident, news: Sequence[News]) -> Urgency:
    if set(news) <= _GOOD:
        return "information"
    return "critical" if incident.severity == "critical" else "warning"


def _loudest(news: Sequence[News]) -> str:
    """The news that somebody must act on, if there is any."""
    return next((one for one in news if one not in _GOOD), news[0]).value


def _next_step(kept: KeptIncident) -> str:
    """What to paste next: close the tap where somebody is named, look where nobody is."""
    name = kept.incident.id
    if kept.state is State.CONTAINED:
        return f"whosent incident resolve {name}"
    if kept.state is State.OPEN and kept.incident.strength in _NAMED:
        return f"whosent incident contain {name}"
    return f"whosent incident show {name}"


def _changed(news: News, kept: KeptIncident, before: Told | None) -> str:
    """One sentence on one piece of news; nothing of a first telling."""
    incident = kept.incident
    grown = f"{words.counted(incident.recipients, 'recipient')} now"
    leaks = f"{words.counted(kept.leaked, 'recipient')} refused since"
    if before is not None:
        grown += f", {before.recipients:,} when it was last told"
    last = words.when(incident.until, words.zone("UTC"))
    added = [one for one in incident.witnesses if before is None or one not in before.witnesses]
    contained = kept.state is State.CONTAINED
    tried = "It is tried again" if contained and not kept.leaked else "It goes on"
    return {
        News.OPENED: "",
        News.GREW: f"It goes on although it is contained: {leaks}." if contained else f"It grows: {grown}.",
        News.WORSENED: "It is critical now.",
        News.SURER: f"It is {words.strength_word(incident.strength)} now, {words.STRENGTHS[incident.strength]}.",
        News.WITNESSED: f"Another witness recorded it: {told_safely(words.listed(added))}.",
        News.CONTAINED: "It is contained: the tap is closed, the hole is not.",
        News.RELEASED: "Its containment was released: mail flows again.",
        News.REOPENED: "There are new signs after it was closed.",
        News.STOPPED: f"There is no sign of it after {last}.",
        News.RESUMED: f"{tried}: {grown}.",
        News.RESOLVED: "It is resolved.",
        News.DISMISSED: "It is dismissed: an operator says it is none.",
        News.WITHDRAWN: "It is withdrawn: what came later explains it.",
        News.SILENT: "",
        News.HEARD: "",
        News.TEST: "",
    }[news]
