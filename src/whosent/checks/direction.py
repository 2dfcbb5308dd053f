"""Whether mail from outside can pass for our own, and what our filters stop in either direction.

Messages are sent from outside to an address of ours that is forwarded to the sink (`audit.mailbox`): one from a
stranger, to prove the way; one whose From names us; a virus test file (EICAR) and a spam test text (GTUBE) from a
stranger and in our name; and both from here to the outside.  What arrives is compared with what was sent: a signature
of ours, a changed text or a filter's missing mark on the one in our name shows that it was treated as outgoing.
Without such an address nothing is sent in, and it is undecided.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from whosent.model.check import (
    Arrivals,
    Arrived,
    Await,
    Check,
    Decision,
    Dialogue,
    Heard,
    Knowledge,
    Passage,
    Question,
    Replies,
    Result,
    Target,
    Vector,
)
from whosent.probing import listeners, passages
from whosent.probing.letters import helo, letter
from whosent.probing.testfiles import eicar, gtube

WAIT: Final = 10.0  # seconds: filters take their time
_MARKED: Final = re.compile(
    r"(?im)^(?:X-Spam(?:-Flag|d-Bar)?:\s*(?:yes|true)|X-Spam-Status:\s*yes|X-Spam-Flag:\s*yes|Subject:.*\*+\s*SPAM)"
)
_FILTERS: Final = re.compile(
    r"(?im)^(X-(?:Virus|Spam|Rspamd|Amavis|Spamd|MailScanner|Sophos|Clam)[\w-]*|Authentication-Results):"
)
_SIGNED: Final = re.compile(r"(?ims)^DKIM-Signature:.*?\bd=([\w.-]+)")


class Probe(NamedTuple):
    """One message."""

    name: str
    outgoing: bool  # from here to the sink; else from outside to our mailbox
    ours: bool  # its From names us
    payload: str  # "", virus, spam

    @property
    def words(self) -> str:
        """What it is."""
        what = {"": "an ordinary message", "virus": "the virus test file EICAR", "spam": "the spam test text GTUBE"}
        return what[self.payload] + (" in our name" if self.ours and not self.outgoing else "")


_PROBES: Final = (
    Probe("plain", outgoing=False, ours=False, payload=""),
    Probe("in our name", outgoing=False, ours=True, payload=""),
    Probe("virus", outgoing=False, ours=False, payload="virus"),
    Probe("virus in our name", outgoing=False, ours=True, payload="virus"),
    Probe("spam", outgoing=False, ours=False, payload="spam"),
    Probe("spam in our name", outgoing=False, ours=True, payload="spam"),
    Probe("plain outgoing", outgoing=True, ours=True, payload=""),
    Probe("virus outgoing", outgoing=True, ours=True, payload="virus"),
    Probe("spam outgoing", outgoing=True, ours=True, payload="spam"),
)


# ------------------------------------------------------------------ questions


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """The messages; then what arrived."""
    probes = list(_probes(target, knowledge))
    yield from (_dialogue(one, target, knowledge) for one in probes)
    if probes and all(one.name in heard for one in probes):
        taken = [one for one in probes if _taken(heard[one.name])]
        plain = tuple(_token(one, target, knowledge) for one in taken if not one.payload)
        yield Await(key="arrived", tokens=plain, within=WAIT)
        if "arrived" in heard:  # by then a filter has had as long as an ordinary message took
            every = tuple(_token(one, target, knowledge) for one in taken)
            yield Await(key="arrived late", tokens=every, within=WAIT / 2)


def _probes(target: Target, knowledge: Knowledge) -> Iterator[Probe]:
    if knowledge.sink is None:
        return
    for one in _PROBES:
        if target.here if one.outgoing else bool(knowledge.settings.audit.mailbox):
            yield one


def _token(one: Probe, target: Target, knowledge: Knowledge) -> str:
    return knowledge.token(f"direction {target} {one.name}")


def _dialogue(one: Probe, target: Target, knowledge: Knowledge) -> Dialogue:
    sink = knowledge.sink
    assert sink is not None
    mailbox = knowledge.settings.audit.mailbox
    own = f"postmaster@{mailbox.rpartition('@')[2] or (*knowledge.settings.ours.domains, knowledge.host)[0]}"
    stranger = f"whosent-audit@{sink.mail}"
    token = _token(one, target, knowledge)
    recipient = f"{token}@{sink.mail}" if one.outgoing else mailbox
    message = letter(
        knowledge, token, about=one.name, sender=own if one.ours else stranger, recipient=recipient,
        more=gtube() if one.payload == "spam" else "", attached=eicar() if one.payload == "virus" else b"",
    )  # fmt: skip
    host, port = listeners.place(target)
    outside = not one.outgoing and listeners.from_outside(target, knowledge)
    return Dialogue(
        key=one.name, host="127.0.0.1" if one.outgoing else host, port=port or 25, outside=outside, within=15.0,
        commands=(f"EHLO {helo(knowledge)}", f"MAIL FROM:<{own if one.ours else stranger}>", f"RCPT TO:<{recipient}>",
                  "DATA"),
        message=message,
    )  # fmt: skip


def _taken(answer: object) -> bool:
    return (
        isinstance(answer, Replies)
        and bool(answer.replies)
        and (
            answer.replies[-1].command == "." and answer.replies[-1].code < 300  # noqa: PLR2004  # RFC 5321
        )
    )


# ------------------------------------------------------------------ judgement


class Fate(NamedTuple):
    """A message, and what became of it."""

    probe: Probe
    answer: Replies
    taken: bool
    arrived: Arrived | None

    @property
    def told(self) -> str:
        """In a few words."""
        if self.arrived is not None:
            return "arrived"
        if self.answer.replies and self.answer.replies[-1].code >= 400:  # noqa: PLR2004
            return f"refused: {self.answer.replies[-1].code} {self.answer.replies[-1].text}"[:300]
        if self.taken:
            return "taken, and not delivered"
        return self.answer.problem.sentence if self.answer.problem else "no clear answer"


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """One result for mail in our name, one for each filter and direction."""
    fates = {one.probe.name: one for one in _fates(target, knowledge, heard)}
    if not knowledge.settings.audit.mailbox or knowledge.sink is None:
        yield _no_mailbox(target, knowledge)
    if "plain" in fates:
        yield _in_our_name(target, knowledge, fates)
        for payload in ("virus", "spam"):
            yield _filtered(target, knowledge, fates["plain"], [fates[payload], fates[f"{payload} in our name"]])
    if "plain outgoing" in fates:
        for payload in ("virus", "spam"):
            yield _filtered(target, knowledge, fates["plain outgoing"], [fates[f"{payload} outgoing"]])


def _fates(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Fate]:
    came: dict[str, Arrived] = {}
    for key in ("arrived", "arrived late"):
        arrivals = heard.get(key)
        came |= {one.token: one for one in arrivals.arrived} if isinstance(arrivals, Arrivals) else {}
    for one in _probes(target, knowledge):
        answer = heard.get(one.name)
        if isinstance(answer, Replies):
            yield Fate(one, answer, _taken(answer), came.get(_token(one, target, knowledge)))


def _in_our_name(target: Target, knowledge: Knowledge, fates: dict[str, Fate]) -> Result:
    plain, forged = fates["plain"], fates["in our name"]
    about, pair = "mail from outside in our name", [plain, forged]
    if plain.arrived is None:
        told = f"What {target} does with mail in our name is undecided."
        why = f"Even an ordinary message from outside did not arrive: {plain.told}. Is audit.mailbox forwarded?"
        return _result(target, knowledge, Told(about, "undecided", told, why), pair)
    if forged.arrived is None:
        verdict: Decision = "closed" if forged.told.startswith("refused") else "accepted_undelivered"
        told = f"{target} lets no mail in that claims to come from us: it was {forged.told}."
        return _result(target, knowledge, Told(about, verdict, told, "An ordinary message came by the same way."), pair)
    signs = list(_outgoing_signs(plain.arrived, forged.arrived, knowledge))
    if signs:
        told = f"{target} takes mail from outside for our own if its From names us: {'; '.join(signs)}."
        why = "Compared with an ordinary message that came by the same way."
        return _result(target, knowledge, Told(about, "open", told, why, "critical"), pair)
    told = f"{target} delivers mail from outside that claims to come from us: nobody can tell it from a colleague's."
    return _result(target, knowledge, Told(about, "open", told, "It arrived as it was sent, unmarked."), pair)


def _outgoing_signs(plain: Arrived, forged: Arrived, knowledge: Knowledge) -> Iterator[str]:
    """What shows that the forged one was treated as outgoing."""
    ours = {knowledge.settings.audit.mailbox.rpartition("@")[2].lower(), *knowledge.settings.ours.domains}
    signed = {found.lower() for found in _SIGNED.findall(forged.headers)} - {
        found.lower() for found in _SIGNED.findall(plain.headers)}  # fmt: skip
    if signed & ours:
        yield f"it was signed as {', '.join(sorted(signed & ours))} (DKIM)"
    missing = {name.lower() for name in _FILTERS.findall(plain.headers)} - {
        name.lower() for name in _FILTERS.findall(forged.headers)}  # fmt: skip
    if missing:
        yield f"a filter did not look at it ({', '.join(sorted(missing))} is missing)"
    if _bare(forged.body) != _bare(plain.body):
        yield "its text was changed, as with a disclaimer"


def _bare(body: str) -> str:
    return " ".join(body.split())


def _filtered(target: Target, knowledge: Knowledge, control: Fate, tried: list[Fate]) -> Result:
    """Whether a filter stops its test text."""
    first = tried[0].probe
    way = "outgoing" if first.outgoing else "incoming"
    about, every = f"{way} {first.payload}", [control, *tried]
    if control.arrived is None:
        told = f"Whether {target} stops {first.words} ({way}) is undecided."
        why = f"Even an ordinary message did not arrive: {control.told}."
        return _result(target, knowledge, Told(about, "undecided", told, why), every)
    passed = [one for one in tried if one.arrived is not None and not _MARKED.search(one.arrived.headers)]
    if not passed:
        told, why = (
            f"{target} stops or marks {first.words} ({way}).",
            f"It was {tried[0].told}; an ordinary one arrived.",
        )
        return _result(target, knowledge, Told(about, "closed", told, why), every)
    stopped = len(passed) < len(tried)
    told = f"{target} lets {passed[0].probe.words} through, {way}"
    tail = ", though it stops the same from a stranger: who forges our name passes the filter." if stopped else "."
    severity: Literal["critical", "warning"] = "critical" if stopped else "warning"
    return _result(
        target, knowledge, Told(about, "open", told + tail, "It arrived at the sink unmarked.", severity), every
    )


class Told(NamedTuple):
    """What is said of one thing."""

    about: str
    verdict: Decision
    sentence: str
    why: str
    severity: Literal["critical", "warning"] = "warning"


def _result(target: Target, knowledge: Knowledge, told: Told, fates: list[Fate]) -> Result:
    left = [f"{one.probe.words}, taken by {target} and not delivered: a quarantine or a queue may hold it"
            for one in fates if one.taken and one.arrived is None]  # fmt: skip
    return Result(
        check="direction", target=target.name, about=told.about, verdict=told.verdict, severity=told.severity,
        sentence=told.sentence, why=told.why, verify=f"whosent audit direction {shlex.quote(target.name)}", left=left,
        vectors=[_vector(one, target, knowledge) for one in fates], evidence=list(_evidence(fates, knowledge)),
    )  # fmt: skip


def _vector(one: Fate, target: Target, knowledge: Knowledge) -> Vector:
    unsure: Decision = "accepted_undelivered" if one.taken else "undecided"
    stopped: Decision = "closed" if one.told.startswith("refused") else unsure
    return Vector(name=one.probe.words + (" from here" if one.probe.outgoing else " from outside"),
                  verdict="open" if one.arrived is not None else stopped, answer=one.told,
                  token=_token(one.probe, target, knowledge), seconds=one.answer.took)  # fmt: skip


def _evidence(fates: list[Fate], knowledge: Knowledge) -> Iterator[Passage]:
    for one in fates:
        yield passages.said(one.answer, f"SMTP dialogue with {one.answer.address}, {one.probe.words}")
        if one.arrived is not None and knowledge.sink is not None:
            yield passages.arrived(one.arrived, knowledge.sink)


def _no_mailbox(target: Target, knowledge: Knowledge) -> Result:
    why = "Nothing can be received without a sink. `whosent sink init` says how to run one."
    if knowledge.sink is not None:
        inbox = f"whosent-inbox@{knowledge.sink.mail}"
        why = f"Make an alias of ours that leads to {inbox} and name it in audit.mailbox: then mail can be sent in."
    return Result(
        check="direction", target=target.name, about="mail from outside in our name", verdict="undecided",
        severity="note", sentence=f"What {target} does with mail from outside in our name is undecided.", why=why,
        verify=f"whosent audit direction {shlex.quote(target.name)}",
    )  # fmt: skip


check = Check("direction", "Mail from outside taken for our own", listeners.hosts, questions, judge)
