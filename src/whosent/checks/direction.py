"""Whether mail from outside can pass for our own, and what our filters stop in either direction.

Messages are sent from outside to an address of ours that is forwarded to the sink (`audit.mailbox`): one from a
stranger, to prove the way; one in our name, and one whose From alone names us; a virus test file (EICAR) and a spam
test text (GTUBE) from a stranger and in our name; and both from here to the outside.  What arrives is compared with
what was sent: a signature of ours, a changed text or a filter's missing mark on those in our name shows that they were
treated as outgoing.  On the server itself the line that does it is named: of Postfix, Exim, OpenDKIM, Rspamd, amavis
or ClamAV's milter; where what was read does not decide, the place to look, or none.  Without such an address nothing is
sent in, and it is undecided.
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
    Treatment,
    Vector,
)
from whosent.probing import listeners, passages
from whosent.probing.forgeries import PROBES, Fate, Probe, selectors, taken, treated
from whosent.probing.letters import helo, letter, origin
from whosent.probing.testfiles import eicar, gtube
from whosent.servers import outgoing
from whosent.servers.attempt import Attempt, Blamed, Forged

WAIT: Final = 10.0  # seconds: filters take their time
_MARKED: Final = re.compile(
    r"(?im)^(?:X-Spam(?:-Flag|d-Bar)?:\s*(?:yes|true)|X-Spam-Status:\s*yes|X-Spam-Flag:\s*yes|Subject:.*\*+\s*SPAM)"
)


# ------------------------------------------------------------------ questions


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """The messages; then what arrived; then what the configuration says of those in our name."""
    probes = list(_probes(target, knowledge))
    yield from (_dialogue(one, target, knowledge) for one in probes)
    if target.here:
        yield from outgoing.questions()
    if probes and all(one.name in heard for one in probes):
        took = [one for one in probes if taken(heard[one.name])]
        plain = tuple(_token(one, target, knowledge) for one in took if not one.payload)
        yield Await(key="arrived", tokens=plain, within=WAIT)
        if "arrived" in heard:  # by then a filter has had as long as an ordinary message took
            every = tuple(_token(one, target, knowledge) for one in took)
            yield Await(key="arrived late", tokens=every, within=WAIT / 2)
        if target.here and (forged := _forged(knowledge, heard)) is not None:
            yield from outgoing.lookups(heard, forged)


def _probes(target: Target, knowledge: Knowledge) -> Iterator[Probe]:
    if knowledge.sink is None:
        return
    for one in PROBES:
        if target.here if one.outgoing else bool(knowledge.settings.audit.mailbox):
            yield one


def _token(one: Probe, target: Target, knowledge: Knowledge) -> str:
    return knowledge.token(f"direction {target} {one.name}")


def _own(knowledge: Knowledge) -> str:
    """The sender of ours that is forged."""
    domain = knowledge.settings.audit.mailbox.rpartition("@")[2]
    return f"postmaster@{domain or (*knowledge.settings.ours.domains, knowledge.host)[0]}"


def _stranger(knowledge: Knowledge) -> str:
    """The sender of ordinary mail."""
    return f"whosent-audit@{knowledge.sink.mail if knowledge.sink else ''}"


def _dialogue(one: Probe, target: Target, knowledge: Knowledge) -> Dialogue:
    sink = knowledge.sink
    assert sink is not None
    own, stranger = _own(knowledge), _stranger(knowledge)
    token = _token(one, target, knowledge)
    recipient = f"{token}@{sink.mail}" if one.outgoing else knowledge.settings.audit.mailbox
    message = letter(
        knowledge, token, about=one.name, sender=own if one.ours else stranger, recipient=recipient,
        more=gtube() if one.payload == "spam" else "", attached=eicar() if one.payload == "virus" else b"",
    )  # fmt: skip
    host, port = listeners.place(target)
    outside = not one.outgoing and listeners.from_outside(target, knowledge)
    sender = own if one.ours and not one.alone else stranger
    return Dialogue(
        key=one.name, host="127.0.0.1" if one.outgoing else host, port=port or 25, outside=outside, within=15.0,
        commands=(f"EHLO {helo(knowledge)}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA"),
        message=message,
    )  # fmt: skip


def _forged(knowledge: Knowledge, heard: Heard) -> Forged | None:
    """The message in our name, as the server saw it."""
    answer = heard.get("in our name")
    if not isinstance(answer, Replies):
        return None
    own = _own(knowledge)
    recipient = knowledge.settings.audit.mailbox
    stranger = _stranger(knowledge)
    return Forged(Attempt(answer.client, helo(knowledge), own, recipient), origin(own), stranger, origin(stranger))


# ------------------------------------------------------------------ judgement


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """One result for mail in our name, one for our name in From alone, one for each filter and direction."""
    case = Case(target, knowledge, heard, {one.probe.name: one for one in _fates(target, knowledge, heard)})
    fates = case.fates
    if not knowledge.settings.audit.mailbox or knowledge.sink is None:
        yield _no_mailbox(target, knowledge)
    if "plain" in fates:
        yield from _in_our_name(case)
        for payload in ("virus", "spam"):
            yield _filtered(case, fates["plain"], [fates[payload], fates[f"{payload} in our name"]])
    if "plain outgoing" in fates:
        for payload in ("virus", "spam"):
            yield _filtered(case, fates["plain outgoing"], [fates[f"{payload} outgoing"]])


class Case(NamedTuple):
    """All that is known of a target."""

    target: Target
    knowledge: Knowledge
    heard: Heard
    fates: dict[str, Fate]

    def blamed(self, shown: Iterable[Treatment]) -> list[Blamed]:
        """The lines that treat mail in our name so."""
        forged = _forged(self.knowledge, self.heard)
        if forged is None or not self.target.here:
            return []
        came = [one.arrived for one in self.fates.values() if one.probe.ours and one.arrived]
        names = frozenset[str]().union(*(selectors(one, self.ours) for one in came))
        return outgoing.guilty(self.heard, forged._replace(selectors=names), shown)

    @property
    def ours(self) -> set[str]:
        """Our domains."""
        return {_own(self.knowledge).rpartition("@")[2].lower(), *self.knowledge.settings.ours.domains}

    def sparing(self, payload: str) -> list[Blamed]:
        """The lines by which a filter that runs looks at nobody's mail."""
        forged = _forged(self.knowledge, self.heard)
        client = forged.attempt.client if forged else ""
        return outgoing.sparing(self.heard, client, payload) if self.target.here else []

    def why(self, shown: str, causes: list[Blamed]) -> str:
        """How we know; and that no line is named, where the configuration could be read."""
        return shown if causes or not self.target.here else f"{shown} {outgoing.unexplained(self.heard)}"


def _fates(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Fate]:
    came: dict[str, Arrived] = {}
    for key in ("arrived", "arrived late"):
        arrivals = heard.get(key)
        came |= {one.token: one for one in arrivals.arrived} if isinstance(arrivals, Arrivals) else {}
    for one in _probes(target, knowledge):
        answer = heard.get(one.name)
        if isinstance(answer, Replies):
            yield Fate(one, answer, came.get(_token(one, target, knowledge)))


def _in_our_name(case: Case) -> Iterator[Result]:
    target, fates = case.target, case.fates
    plain, forged, alone = fates["plain"], fates["in our name"], fates["our From alone"]
    about, pair = "mail from outside in our name", [plain, forged]
    if plain.arrived is None:
        told = f"What {target} does with mail in our name is undecided."
        why = f"Even an ordinary message from outside did not arrive: {plain.told}. Is audit.mailbox forwarded?"
        yield _result(case, Told(about, "undecided", told, why), pair)
        return
    signs = {
        kind: words
        for one in (forged, alone)
        if one.arrived
        for kind, words in treated(plain.arrived, one.arrived, case.ours)
    }
    if signs:
        told = f"{target} takes mail from outside for our own if its From names us: {'; '.join(signs.values())}."
        causes = case.blamed(signs)
        why = case.why("Compared with an ordinary message that came by the same way.", causes)
        yield _result(case, Told(about, "open", told, why, "critical", causes), [*pair, alone])
        return
    if forged.arrived is None:
        verdict: Decision = "closed" if forged.refused else "accepted_undelivered"
        told = f"{target} lets no mail in that claims to come from us: it was {forged.told}."
        yield _result(case, Told(about, verdict, told, "An ordinary message came by the same way."), pair)
    else:
        told = (
            f"{target} delivers mail from outside that claims to come from us: nobody can tell it from a colleague's."
        )
        line = outgoing.refusing(case.heard, _own(case.knowledge).rpartition("@")[2]) if target.here else None
        why = "It arrived as it was sent, unmarked."
        yield _result(case, Told(about, "open", told, why, causes=[line] if line else []), pair)
    yield _alone(case, plain, alone)


def _alone(case: Case, plain: Fate, alone: Fate) -> Result:
    """Our name where people see it, and a stranger's in the envelope."""
    about, target = "our name in From alone", case.target
    if alone.arrived is None:
        verdict: Decision = "closed" if alone.refused else "accepted_undelivered"
        told = f"{target} lets no mail in whose From alone names us: it was {alone.told}."
        return _result(case, Told(about, verdict, told, "An ordinary message came by the same way."), [plain, alone])
    told = f"{target} delivers mail from outside whose From names us, whatever its envelope says."
    why = ("No list of senders stops that. A filter that obeys DMARC does (OpenDMARC, Rspamd), once "
           "our own policy is p=quarantine or p=reject.")  # fmt: skip
    return _result(case, Told(about, "open", told, why, "note"), [plain, alone])


def _filtered(case: Case, control: Fate, tried: list[Fate]) -> Result:
    """Whether a filter stops its test text."""
    first, target = tried[0].probe, case.target
    way = "outgoing" if first.outgoing else "incoming"
    about, every = f"{way} {first.payload}", [control, *tried]
    if control.arrived is None:
        told = f"Whether {target} stops {first.words} ({way}) is undecided."
        why = f"Even an ordinary message did not arrive: {control.told}."
        return _result(case, Told(about, "undecided", told, why), every)
    passed = [one for one in tried if one.arrived is not None and not _MARKED.search(one.arrived.headers)]
    if not passed:
        told = f"{target} stops or marks {first.words} ({way})."
        return _result(case, Told(about, "closed", told, f"It was {tried[0].told}; an ordinary one arrived."), every)
    told = f"{target} lets {passed[0].probe.words} through, {way}"
    why = "It arrived at the sink unmarked."
    if passed[0] is tried[0]:
        return _result(case, Told(about, "open", f"{told}.", why, causes=case.sparing(first.payload)), every)
    told += ", though it stops the same from a stranger: who forges our name passes the filter."
    causes = case.blamed(["unfiltered"])
    return _result(case, Told(about, "open", told, case.why(why, causes), "critical", causes), every)


class Told(NamedTuple):
    """What is said of one thing."""

    about: str
    verdict: Decision
    sentence: str
    why: str
    severity: Literal["critical", "warning", "note"] = "warning"
    causes: Iterable[Blamed] = ()


def _result(case: Case, told: Told, fates: list[Fate]) -> Result:
    target, knowledge = case.target, case.knowledge
    left = [f"{one.probe.words}, taken by {target} and not delivered: a quarantine or a queue may hold it"
            for one in fates if taken(one.answer) and one.arrived is None]  # fmt: skip
    return Result(
        check="direction", target=target.name, about=told.about, verdict=told.verdict, severity=told.severity,
        sentence=told.sentence, why=told.why, causes=[cause for cause, _ in told.causes],
        fix=[step for _, steps in told.causes for step in steps],
        verify=f"whosent audit direction {shlex.quote(target.name)}", left=left,
        vectors=[_vector(one, target, knowledge) for one in fates], evidence=list(_evidence(fates, knowledge)),
    )  # fmt: skip


def _vector(one: Fate, target: Target, knowledge: Knowledge) -> Vector:
    unsure: Decision = "accepted_undelivered" if taken(one.answer) else "undecided"
    stopped: Decision = "closed" if one.refused else unsure
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
