"""Whether programs of this machine can speak to port 25 of other hosts, past our mail server.

As root, each local user is tried: a process that has become that user greets the sink's port 25 with a token.  Mail
servers' own users may (`audit.smtp_users`); that a web server's user can, or anybody else's, is what malware uses, and
nothing of it stands in the mail log.  *Open* means that the token reached the sink from that user; if another server
answered, the connection was diverted on the way.  `whosent egress rules` writes nftables rules that let only declared
senders out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from whosent.model.check import (
    Arrivals,
    Arrived,
    Await,
    Check,
    Decision,
    Heard,
    Knowledge,
    Opening,
    Passage,
    Question,
    Ran,
    Reach,
    Replies,
    Result,
    Run,
    Target,
    Vector,
)
from whosent.model.incident import Remedy
from whosent.probing import passages
from whosent.servers.firewall import TABLE, counted

WAIT: Final = 2.0
_WITHIN: Final = 5.0
_NAMED: Final = 8
_VERIFY: Final = "whosent audit egress"


def targets(knowledge: Knowledge) -> Iterator[Target]:
    """This machine."""
    yield Target(knowledge.host, here=True)


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """Each user; what arrived; whether our own rules stand."""
    if knowledge.sink is None or not target.here:
        return
    yield Run(key="rules", argv=("nft", "-j", "list", "table", "inet", TABLE))
    asked = [_question(uid, knowledge) for uid, _ in knowledge.users]
    yield from asked
    if all(one.key in heard for one in asked):
        tokens = tuple(one.token for one in asked if _greeted(heard.get(one.key)))
        yield Await(key="arrived", tokens=tokens, within=WAIT)


def _question(uid: int, knowledge: Knowledge) -> Reach:
    assert knowledge.sink is not None
    key = f"uid {uid}"
    return Reach(key=key, uid=uid, host=knowledge.sink.address, port=25, token=knowledge.token(f"egress {key}"),
                 within=_WITHIN)  # fmt: skip


def _greeted(answer: object) -> bool:
    return isinstance(answer, Replies) and bool(answer.replies)


# ------------------------------------------------------------------ judgement


class Tried(NamedTuple):
    """A local user, and what came of it."""

    uid: int
    name: str
    declared: bool  # may speak to port 25
    verdict: Decision
    answer: str
    heard: Replies
    arrived: Arrived | None


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """One result for users who have no business there."""
    if not target.here:
        yield _undecided(target, "Only this machine's own users can be tried.", "Run it on that machine.")
        return
    arrivals = heard.get("arrived")
    if knowledge.sink is None or not isinstance(arrivals, Arrivals) or arrivals.problem is not None:
        told = arrivals.problem.sentence if arrivals is not None and arrivals.problem else "No sink is configured."
        yield _undecided(target, told, "`whosent sink init` says how to run a sink on a host outside.")
        return
    tried = list(_tried(knowledge, heard, arrivals))
    strangers = [one for one in tried if not one.declared]
    yield _result(target, knowledge, heard, tried, strangers)


def _tried(knowledge: Knowledge, heard: Heard, arrivals: Arrivals) -> Iterator[Tried]:
    came = {one.token: one for one in arrivals.arrived}
    for uid, name in knowledge.users:
        answer = heard.get(f"uid {uid}")
        if not isinstance(answer, Replies):
            continue
        arrived = came.get(_question(uid, knowledge).token)
        declared = uid == 0 or name in knowledge.settings.audit.smtp_users
        if arrived is not None:
            yield Tried(uid, name, declared, "open", f"reached the sink as {arrived.client}", answer, arrived)
        elif answer.replies:
            told = f"was answered by some other server: {answer.replies[0].code} {answer.replies[0].text}"[:300]
            yield Tried(uid, name, declared, "accepted_undelivered", told, answer, None)
        else:
            problem = answer.problem
            unsure = problem is not None and problem.obstacle in {"permission", "failed"}
            told = problem.sentence if problem else "It said nothing."
            yield Tried(uid, name, declared, "undecided" if unsure else "closed", told, answer, None)


def _result(target: Target, knowledge: Knowledge, heard: Heard, tried: list[Tried], strangers: list[Tried]) -> Result:
    verdict = _verdict(tried, strangers)
    told = [one for one in strangers if one.verdict == verdict] or tried
    return Result(
        check="egress", target=target.name, about="port 25 of other hosts", verdict=verdict, severity="warning",
        sentence=_sentence(target, verdict, told, len(tried)), why=_why(verdict, told, knowledge),
        causes=list(_causes(heard)) if verdict == "open" else [], fix=[_fix()] if verdict == "open" else [],
        verify=_VERIFY, vectors=[_vector(one) for one in tried], evidence=list(_evidence(told, knowledge)),
    )  # fmt: skip


def _verdict(tried: list[Tried], strangers: list[Tried]) -> Decision:
    """Closed only if every user was tried; a user who could not be is enough for doubt."""
    found = {one.verdict for one in strangers}
    for word in ("open", "accepted_undelivered", "undecided"):
        if word in found:
            return word
    return "closed" if strangers and tried else "undecided"


def _names(users: list[Tried]) -> str:
    names = [f"{one.name} (uid {one.uid})" for one in users]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _sentence(target: Target, verdict: Decision, told: list[Tried], count: int) -> str:
    if verdict == "open":
        who = f"{len(told):,} of {count:,} local users of {target}"
        return f"{who} can send mail straight to the world, past our mail server and its log: {_names(told)}."
    if verdict == "accepted_undelivered":
        return f"Connections of {target} to port 25 are answered by another server than the one that was called."
    if verdict == "closed":
        return f"No local user of {target} but those of its mail server can speak to port 25 of other hosts."
    return f"Whether local users of {target} can speak to port 25 of other hosts is undecided: {_names(told)}."


def _why(verdict: Decision, told: list[Tried], knowledge: Knowledge) -> str:
    one = told[0] if told else None
    if one is None:
        return "Nobody could be tried."
    if verdict == "open":
        return f"Proven: a process of {one.name} {one.answer}; nothing of that stands in a mail log."
    if verdict == "undecided" and not knowledge.root:
        return "Only root can try as others: run it with sudo."
    return f"A process of {one.name}: {one.answer}"


def _causes(heard: Heard) -> Iterator[Opening]:
    rules = heard.get("rules")
    stands = counted(rules.output) if isinstance(rules, Ran) and rules.problem is None else None
    why = "Nothing on this machine, nor on the way, refuses connections to port 25."
    if stands is None:
        yield Opening(file="nftables", line=None, text=f"(no table inet {TABLE})", why=why)
    elif not stands.refuses:
        why = "The rules stand but only count: their trial is over, or they were meant to count."
        yield Opening(file="nftables", line=None, text=f"table inet {TABLE}: set held is empty", why=why)


def _fix() -> Remedy:
    return Remedy(
        step="close", title="Let only the mail server's users speak to port 25",
        reach="connections of this machine to port 25 elsewhere; submission (587, 465) is untouched",
        commands=["whosent egress rules", "whosent egress try --minutes 5", "whosent egress keep"],
        undo=["whosent egress undo"],
        note="The first shows the rules and who would be cut off; the second ends by itself after five minutes.",
    )  # fmt: skip


def _vector(one: Tried) -> Vector:
    name = f"as {one.name} (uid {one.uid}{', declared' if one.declared else ''})"
    return Vector(name=name, verdict=one.verdict, answer=one.answer, token=one.arrived.token if one.arrived else None,
                  seconds=one.heard.took)  # fmt: skip


def _evidence(told: list[Tried], knowledge: Knowledge) -> Iterator[Passage]:
    for one in told[:2]:
        yield passages.said(one.heard, f"SMTP dialogue as {one.name}")
        if one.arrived is not None and knowledge.sink is not None:
            yield passages.arrived(one.arrived, knowledge.sink)


def _undecided(target: Target, why: str, remedy: str) -> Result:
    return Result(
        check="egress", target=target.name, about="port 25 of other hosts", verdict="undecided", severity="note",
        sentence=f"Whether local users of {target} can speak to port 25 of other hosts is undecided.",
        why=f"{why} {remedy}", verify=_VERIFY,
    )  # fmt: skip


check = Check("egress", "Mail past the mail server", targets, questions, judge)
