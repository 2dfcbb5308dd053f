"""Whether a mail server of ours is an open relay.

Every listener (ports 25, 465, 587, 2525 and what the server's configuration names; IPv4 and IPv6; before and after
STARTTLS) is asked in every way the known testers know, and more: senders (none, ours, foreign, forged, literal),
recipients (plain, percent hack, bang path, quoted, source route, double at, literal, internationalised), greetings.
Each way has a connection of its own, so that no limit on errors hides an answer, and a token of its own.  *Open* means
that the token arrived at the sink.  A refusal counts as one only if it is about the recipient: a server that does not
let the prober in at all is *undecided*.  Probed from inside, a server may relay: then run it from another host, or let
the sink ask (`whosent sink run` does so for who holds its key).  Postfix's 454 "Relay access denied" is a refusal.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from whosent.model.check import (
    WORST_FIRST,
    Arrivals,
    Arrived,
    Await,
    Check,
    Decision,
    Dialogue,
    Heard,
    Knowledge,
    Opening,
    Passage,
    Question,
    Replies,
    Result,
    Target,
    Vector,
    worst,
)
from whosent.model.incident import Remedy
from whosent.probing import listeners, passages
from whosent.probing.letters import helo
from whosent.probing.listeners import Listener
from whosent.probing.replies import Meaning, accepts_recipient, meaning
from whosent.probing.trials import Trial, dialogue, site_of, trials
from whosent.servers import here, postfix, withdrawal
from whosent.servers.attempt import Attempt
from whosent.trace.addresses import is_private

WAIT: Final = 6.0  # seconds for tokens to arrive
_LOOKED_UP: Final = 8  # open ways whose configuration is read
_SHOWN: Final = 3  # ways that are named in the sentence
_DIALOGUES: Final = 4  # transcripts kept as evidence


# ------------------------------------------------------------------ questions


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """Who is there; all ways; what arrived; what the configuration says; what is still queued."""
    if target.here:
        yield from here.questions()
        if not heard:
            return  # which ports there are stands in what was just asked
    yield from listeners.greetings(target, knowledge, tuple(dict.fromkeys((*listeners.PORTS, *here.ports(heard)))))
    for listener, answer in listeners.listening(heard):
        yield _control(target, knowledge, heard, listener, answer)
        yield from (dialogue(one, target, knowledge) for one in _trials(target, knowledge, heard, listener, answer))
    every = list(_all(target, knowledge, heard))
    taken = tuple(trial.token for trial in every if trial.taken)
    if taken:
        yield Await(key="arrived", tokens=taken, within=WAIT)
    if target.here and every and every[0].answer is not None:
        for trial in _telling(every):
            yield from here.lookups(heard, trial.key, trial.listener.port, _attempt(trial))
        if "arrived" in heard:
            yield from withdrawal.questions(heard, taken, postfix=postfix.configuration(heard) is not None)


def _trials(target: Target, knowledge: Knowledge, heard: Heard, listener: Listener, answer: Replies) -> Iterator[Trial]:
    site = site_of(target, knowledge, answer, here.domains(heard), here.relayed(heard))
    return trials(site, listener, knowledge, heard)


def _all(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Trial]:
    for listener, answer in listeners.listening(heard):
        yield from _trials(target, knowledge, heard, listener, answer)


def _control(target: Target, knowledge: Knowledge, heard: Heard, listener: Listener, answer: Replies) -> Dialogue:
    """Whether the server lets us in at all: mail to its postmaster, which is not sent."""
    site = site_of(target, knowledge, answer, here.domains(heard), ())
    host, _ = listeners.place(target)
    postmaster = f"postmaster@{site.domains[0]}" if site.domains else "postmaster"
    return Dialogue(
        key=f"control {listener}", host=host, port=listener.port, family=listener.family,
        tls=listener.port == listeners.IMPLICIT, outside=listeners.from_outside(target, knowledge),
        commands=(f"EHLO {helo(knowledge)}", "MAIL FROM:<>", f"RCPT TO:<{postmaster}>", "RSET"),
    )  # fmt: skip


def _telling(every: Iterable[Trial]) -> list[Trial]:
    """One trial for each thing that was special in those that got through, the plainest first."""
    found = {(one.listener, one.way.kind, one.way.believed): one for one in every if one.taken or one.accepted}
    return sorted(found.values(), key=lambda one: one.way.kind != "plain")[:_LOOKED_UP]


def _attempt(trial: Trial) -> Attempt:
    greeting = trial.way.greeting.partition(" ")[2]
    client = trial.answer.client if trial.answer else ""
    return Attempt(client, greeting, trial.sender.strip("<>"), trial.recipient.strip("<>"))


# ------------------------------------------------------------------ judgement


class Judged(NamedTuple):
    """A trial, and what it means."""

    trial: Trial
    verdict: Decision
    answer: str
    arrived: Arrived | None


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """One result a listener."""
    for listener, greeting in listeners.listening(heard):
        judged = list(_judged(target, knowledge, heard, listener, greeting))
        yield _result(target, knowledge, heard, listener, judged)
    silent = list(listeners.silent(heard))
    unasked = {one.family: answer for one, answer in silent if listeners.unasked(answer)}
    for family, answer in unasked.items():
        one = _unknown(target, f"IPv{family}", "it could not be asked from outside.", answer)
        yield one if len(unasked) > 1 else msgspec.structs.replace(one, severity="warning")
    mute = [(one, answer) for one, answer in silent if not listeners.absent(answer) and not listeners.unasked(answer)]
    for listener, answer in mute:
        yield _unknown(target, str(listener), "it does not let us speak.", answer)
    if silent and not unasked and not mute and not any(True for _ in listeners.listening(heard)):
        yield _nobody(target, silent[0][1])


def _judged(
    target: Target, knowledge: Knowledge, heard: Heard, listener: Listener, greeting: Replies
) -> Iterator[Judged]:
    arrivals = heard.get("arrived")
    arrived = {one.token: one for one in arrivals.arrived} if isinstance(arrivals, Arrivals) else {}
    control = heard.get(f"control {listener}")
    known = isinstance(control, Replies) and accepts_recipient(control)
    for trial in _trials(target, knowledge, heard, listener, greeting):
        if trial.answer is None:
            continue
        came = arrived.get(trial.token)
        means = meaning(trial.answer, trial.way.kind, known=known, strangers=listener.port in listeners.SUBMISSION)
        if came is not None and came.by == "mail":
            means = Meaning("open", means.answer)
        elif means.verdict == "accepted_undelivered" and isinstance(arrivals, Arrivals) and arrivals.problem:
            means = Meaning("undecided", f"{means.answer} ({arrivals.problem.sentence})")
        yield Judged(trial, means.verdict, means.answer, came)


def _result(target: Target, knowledge: Knowledge, heard: Heard, listener: Listener, judged: list[Judged]) -> Result:
    verdict = worst(one.verdict for one in judged)
    inside = _inside(target, knowledge, heard, listener, judged)
    if inside and verdict in {"open", "accepted_undelivered"}:
        verdict = "undecided"
    causes = _causes(heard, listener, [one.trial for one in judged])
    return Result(
        check="relay", target=target.name, about=str(listener), verdict=verdict, severity="critical",
        sentence=_sentence(target, listener, verdict, judged, inside), why=_why(knowledge, verdict, judged, inside),
        causes=[cause for cause, _ in causes],
        fix=list({step.title + step.commands[0]: step for _, steps in causes for step in steps}.values()),
        verify=f"whosent audit relay {shlex.quote(target.name)}",
        vectors=[_vector(one) for one in judged],
        evidence=list(_evidence(knowledge, judged)),
        left=_left(target, heard, judged),
    )  # fmt: skip


def _inside(target: Target, knowledge: Knowledge, heard: Heard, listener: Listener, judged: list[Judged]) -> str:
    """The address we asked from, where a server may relay for it; empty: we asked as strangers do."""
    answer = next((one.trial.answer for one in judged if one.trial.answer and one.trial.answer.client), None)
    if answer is None or listeners.from_outside(target, knowledge):
        return ""
    same = answer.client in {answer.address, *knowledge.addresses} and answer.address in knowledge.addresses
    near = is_private(answer.client) and is_private(answer.address)
    if target.here and not (same or near):
        return answer.client if here.trusts(heard, listener.port, answer.client) else ""
    return answer.client if same or near else ""


def _believed(judged: list[Judged]) -> str:
    """Who got through, in words."""
    ways = [one.trial.way for one in judged if one.verdict in {"open", "accepted_undelivered"}]
    if any(way.kind == "plain" for way in ways):
        return "asks"
    alone = [way for way in ways if way.kind != "both"]
    named = list(dict.fromkeys(way.believed for way in alone or ways))
    more = f", and in {len(named) - _SHOWN:,} more ways" if len(named) > _SHOWN else ""
    return ", or ".join(named[:_SHOWN]) + more


def _sentence(target: Target, listener: Listener, verdict: Decision, judged: list[Judged], inside: str) -> str:
    who = f"{target} ({listener})"
    count = f"{len(judged):,} ways"
    if verdict == "open":
        came = [one.arrived for one in judged if one.arrived is not None]
        return (f"{who} is an open relay for anybody who {_believed(judged)}: asked in {count}, it brought "
                f"{len(came):,} messages of a stranger to another stranger, the sink.")  # fmt: skip
    if verdict == "accepted_undelivered":
        return (f"{who} takes mail for a stranger from anybody who {_believed(judged)}, but none of it has arrived: it "
                "may be a local mailbox's, thrown away, or still on its way.")  # fmt: skip
    if verdict == "closed":
        return f"{who} relays for no stranger: all of {count} were refused."
    if inside:
        return (f"{who} was asked from {inside}, which is inside: what it passes on from there says nothing of what it "
                "does for strangers.")  # fmt: skip
    unsure = [one for one in judged if one.verdict == "undecided"]
    return f"Whether {who} is an open relay is undecided: {len(unsure):,} of {count} have no clear answer."


def _why(knowledge: Knowledge, verdict: Decision, judged: list[Judged], inside: str) -> str:
    if verdict == "open":
        one = next(one for one in judged if one.verdict == "open")
        assert one.arrived is not None
        took = one.arrived.at - (one.trial.answer.at if one.trial.answer else one.arrived.at)
        return (f"Proven by delivery: the token of {one.trial.way.name} reached the sink {max(took, 0):.1f} s later, "
                f"brought by {one.arrived.client} to {one.arrived.recipient}.")  # fmt: skip
    if inside:
        return ("Ask from outside: run this command on a host elsewhere, or run `whosent sink run` there and name it "
                "in audit.sink; then the sink does the asking.")  # fmt: skip
    if verdict == "accepted_undelivered":
        one = next(one for one in judged if one.verdict == "accepted_undelivered")
        return f"{one.trial.way.name}: {one.answer}; the sink waited {WAIT:.0f} s and its token did not arrive."
    if verdict == "closed":
        one = judged[0]
        return f"The plainest way was answered: {one.answer}"
    if not judged:
        return "Nothing could be asked."
    one = next((one for one in judged if one.verdict == "undecided"), judged[0])
    sink = "" if knowledge.sink else " Name a sink (audit.sink): only delivery proves anything."
    return f"{one.trial.way.name}: {one.answer}.{sink}"


def _causes(heard: Heard, listener: Listener, tried: list[Trial]) -> list[tuple[Opening, list[Remedy]]]:
    found: dict[tuple[str, int | None, str], tuple[Opening, list[Remedy]]] = {}
    for trial in _telling(tried):
        blamed = here.guilty(heard, trial.key, listener.port, _attempt(trial))
        if blamed:
            found.setdefault((blamed[0].file, blamed[0].line, blamed[0].text), blamed)
    return list(found.values())


def _vector(one: Judged) -> Vector:
    answer = one.trial.answer
    return Vector(name=one.trial.key.partition(": ")[2] + (" (after STARTTLS)" if one.trial.encrypted else ""),
                  verdict=one.verdict, answer=one.answer, token=one.trial.token,
                  seconds=answer.took if answer else 0.0)  # fmt: skip


def _evidence(knowledge: Knowledge, judged: list[Judged]) -> Iterator[Passage]:
    ordered = sorted(judged, key=lambda one: WORST_FIRST.index(one.verdict))
    for one in ordered[: _DIALOGUES if ordered and ordered[0].verdict != "closed" else 1]:
        answer = one.trial.answer
        if answer is not None:
            yield passages.said(answer, f"SMTP dialogue with {answer.address} port {one.trial.listener.port}")
        if one.arrived is not None and knowledge.sink is not None:
            yield passages.arrived(one.arrived, knowledge.sink)


def _left(target: Target, heard: Heard, judged: list[Judged]) -> list[str]:
    """Messages that were taken and did not come: removed from the queue here, or still somewhere there."""
    kept = [one for one in judged if one.trial.taken and one.arrived is None]
    if not kept:
        return []
    ids = withdrawal.queued(heard, [one.trial.token for one in kept], postfix=postfix.configuration(heard) is not None)
    removed = len(ids) if withdrawal.withdrawn(heard) else 0
    told = f"{len(kept):,} probe messages that {target} took did not arrive at the sink"
    done = f"; {removed:,} were taken out of its queue" if removed else ""
    names = ", ".join(sorted({one.trial.recipient for one in kept})[:_SHOWN])
    where = f"The others may lie in its queue or in a mailbox behind {names}"
    return [f'{told}{done}. {where}; the subject begins "Whosent audit".']


def _unknown(target: Target, about: str, told: str, answer: Replies) -> Result:
    last = answer.replies[-1] if answer.replies else None
    said = f"It said {last.code} {last.text}." if last else (answer.problem.sentence if answer.problem else "")
    way = ("Mend that, or run this command on a host elsewhere." if listeners.unasked(answer)
           else "Ask from another address if this one is blocked.")  # fmt: skip
    return Result(check="relay", target=target.name, about=about, verdict="undecided", severity="critical",
                  sentence=f"Whether {target} ({about}) is an open relay is undecided: {told}",
                  why=f"{said} {way}", verify=f"whosent audit relay {shlex.quote(target.name)}")  # fmt: skip


def _nobody(target: Target, answer: Replies) -> Result:
    told = answer.problem.sentence if answer.problem else ""
    unresolvable = answer.problem is not None and answer.problem.obstacle == "unresolvable"
    return Result(check="relay", target=target.name, about="all ports",
                  verdict="undecided" if unresolvable else "closed", severity="critical",
                  sentence=f"{target} has no mail server that can be reached from here.", why=told,
                  verify=f"whosent audit relay {shlex.quote(target.name)}")  # fmt: skip


check = Check("relay", "Open relay", listeners.hosts, questions, judge)
