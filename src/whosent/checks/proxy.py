"""Whether strangers can send mail through a proxy of ours.

Every port that listens (on another host: the usual ones, or those given) is asked, without credentials, to connect to
port 25 of the sink: HTTP CONNECT, SOCKS 4, 4a and 5, and POST and PUT with SMTP commands in their body, as spammers do.
*Open* means that the sink took the token: the proxy led through to port 25.  Asked from inside, an open proxy is a
warning: whoever is inside, an infected machine say, can send through it under our address; asked from outside it is
critical.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from whosent.model.check import (
    Answer,
    Arrivals,
    Arrived,
    Await,
    Check,
    Decision,
    Dialogue,
    Exchange,
    Heard,
    Knowledge,
    Passage,
    Question,
    Received,
    Replies,
    Result,
    Target,
    Vector,
    Via,
    worst,
)
from whosent.probing import listeners, passages
from whosent.probing.letters import helo, letter
from whosent.servers import proxies
from whosent.trace.addresses import is_private

PORTS: Final = (80, 808, 1080, 1081, 3128, 3129, 4145, 6588, 8000, 8080, 8081, 8118, 8123, 8888, 9050, 9999)
_NEVER: Final = frozenset(
    {22, 25, 53, 110, 111, 143, 465, 587, 993, 995, 3306, 5432}
)  # speak something else for certain
_PROTOCOLS: Final[tuple[Literal["connect", "socks4", "socks4a", "socks5"], ...]] = (
    "connect", "socks5", "socks4a", "socks4")  # fmt: skip
_METHODS: Final = ("POST", "PUT")
WAIT: Final = 2.0  # seconds: what comes through a proxy comes at once
_WITHIN: Final = 5.0
_NAMES: Final = {"connect": "HTTP CONNECT", "socks4": "SOCKS 4", "socks4a": "SOCKS 4a", "socks5": "SOCKS 5",
                 "POST": "HTTP POST", "PUT": "HTTP PUT"}  # fmt: skip


class Try(NamedTuple):
    """One way through one port, from one side."""

    port: int
    how: str  # a protocol or a method
    outside: bool

    @property
    def key(self) -> str:
        """Of its question."""
        return f"{'outside' if self.outside else 'here'} {self.port} {self.how}"


def targets(knowledge: Knowledge) -> Iterator[Target]:
    """This machine, and the configured hosts."""
    yield Target(knowledge.host, here=True)
    yield from (Target(name) for name in knowledge.settings.audit.hosts if name != knowledge.host)


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """Which ports there are; CONNECT at each; the rest where something answers; what arrived; whose the port is."""
    if target.here:
        yield from proxies.questions()
        if not heard:
            return
    if knowledge.sink is None:
        return
    tries = list(_tries(target, knowledge, heard))
    first = [one for one in tries if one.how == _PROTOCOLS[0]]
    yield from (_question(one, target, knowledge) for one in first)
    if not all(one.key in heard for one in first):
        return
    alive = {(one.port, one.outside) for one in first if not _absent(heard[one.key])}
    more = [one for one in tries if (one.port, one.outside) in alive]
    yield from (_question(one, target, knowledge) for one in more)
    if alive and all(one.key in heard for one in more):
        tokens = tuple(_token(one, target, knowledge) for one in more if _promising(heard, one))
        yield Await(key="arrived", tokens=tokens, within=WAIT)
    for one in proxies.listening(heard):
        if any(port == one.port for port, _ in alive):
            yield from proxies.lookups(one, heard)


def _tries(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Try]:
    _, named = listeners.place(target)
    found = tuple(one.port for one in proxies.listening(heard))
    ports = (named,) if named else found if target.here and found else PORTS
    sides = (True, False) if listeners.from_outside(target, knowledge) else (False,)
    for port in ports:
        if port not in _NEVER:
            yield from (Try(port, how, outside) for outside in sides for how in (*_PROTOCOLS, *_METHODS))


def _token(one: Try, target: Target, knowledge: Knowledge) -> str:
    return knowledge.token(f"proxy {target} {one.key}")


def _question(one: Try, target: Target, knowledge: Knowledge) -> Dialogue | Exchange:
    sink = knowledge.sink
    assert sink is not None
    host, _ = listeners.place(target)
    if target.here and not one.outside:
        host = next((own for own in knowledge.addresses if not own.startswith(("127.", "::1", "fe80"))), "127.0.0.1")
    token = _token(one, target, knowledge)
    sender, recipient = f"<whosent-audit@{sink.mail}>", f"<{token}@{sink.mail}>"
    commands = (f"EHLO {token}.{helo(knowledge)}", f"MAIL FROM:{sender}", f"RCPT TO:{recipient}", "DATA")
    message = letter(knowledge, token, about=f"{target}, {one.key}", sender=sender, recipient=recipient)
    if one.how in _METHODS:
        said = "\r\n".join((*commands, *message.splitlines(), ".", "QUIT", "")).encode("utf-8", "surrogateescape")
        place = f"[{sink.address}]:25" if ":" in sink.address else f"{sink.address}:25"
        head = (f"{one.how} http://{place}/{token} HTTP/1.0\r\nHost: {place}\r\nUser-Agent: Whosent-audit\r\n"
                f"Content-Type: text/plain\r\nContent-Length: {len(said)}\r\n\r\n")  # fmt: skip
        return Exchange(key=one.key, host=host, port=one.port, send=head.encode() + said, outside=one.outside,
                        within=_WITHIN)  # fmt: skip
    named = sink.domain if one.how == "socks4a" and sink.domain else sink.address
    protocol = next(name for name in _PROTOCOLS if name == one.how)
    return Dialogue(key=one.key, host=named, port=25, via=Via(protocol=protocol, host=host, port=one.port),
                    commands=commands, message=message, outside=one.outside, within=_WITHIN)  # fmt: skip


def _absent(answer: Answer) -> bool:
    """Whether nothing is there, or nothing that let us connect, or nobody asked."""
    if answer.problem is None:
        return False
    obstacle = answer.problem.obstacle
    return obstacle in {"refused", "unreachable", "unresolvable", "missing"} or (
        obstacle == "timeout" and not answer.transcript
    )


def _promising(heard: Heard, one: Try) -> bool:
    """Whether it is worth waiting for the token."""
    answer = heard.get(one.key)
    return isinstance(answer, Received) or (isinstance(answer, Replies) and bool(answer.replies))


# ------------------------------------------------------------------ judgement


class Judged(NamedTuple):
    """A try, and what came of it."""

    one: Try
    verdict: Decision
    answer: str
    arrived: Arrived | None
    heard: Answer


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """One result for each proxy that leads through, one for all other ports."""
    if knowledge.sink is None:
        told = "Only a token that arrives proves a proxy open. `whosent sink init` says how to run a sink."
        yield _undecided(target, "all ports", "there is no sink to lead to", told)
        return
    arrivals = heard.get("arrived")
    came = {one.token: one for one in arrivals.arrived} if isinstance(arrivals, Arrivals) else {}
    tried = [(one, heard[one.key]) for one in _tries(target, knowledge, heard) if one.key in heard]
    unasked = [problem for _, answer in tried if (problem := answer.problem) and problem.obstacle == "missing"]
    if unasked:
        yield _undecided(target, "asked from outside", "it could not be asked", unasked[0].sentence)
    judged = [_judged(one, answer, came.get(_token(one, target, knowledge)))
              for one, answer in tried if not _absent(answer)]  # fmt: skip
    by_port: dict[tuple[int, bool], list[Judged]] = {}
    for one in judged:
        by_port.setdefault((one.one.port, one.one.outside), []).append(one)
    dull: list[Judged] = []
    for tries in by_port.values():
        if all(one.verdict == "closed" for one in tries):
            dull += tries
        else:
            yield _result(target, knowledge, heard, tries)
    if dull or not (by_port or unasked):
        yield _closed(target, dull)


def _judged(one: Try, answer: Answer, arrived: Arrived | None) -> Judged:
    if arrived is not None:
        return Judged(one, "open", f"the sink took the token from {arrived.client} ({arrived.by})", arrived, answer)
    if isinstance(answer, Replies) and answer.replies:
        last = answer.replies[-1]
        return Judged(
            one, "accepted_undelivered", f"led to an SMTP server: {last.code} {last.text}"[:300], None, answer
        )
    if isinstance(answer, Received) and answer.raw:
        first = answer.raw.split(b"\r\n", 1)[0].decode("utf-8", "backslashreplace")[:200]
        return Judged(one, "closed", first, None, answer)
    problem = answer.problem
    told = problem.sentence if problem else "It said nothing."
    unsure = problem is not None and problem.obstacle == "timeout" and one.how == _PROTOCOLS[0]
    return Judged(one, "undecided" if unsure else "closed", told, None, answer)


def _result(target: Target, knowledge: Knowledge, heard: Heard, tries: list[Judged]) -> Result:
    port, outside = tries[0].one.port, tries[0].one.outside
    verdict = worst(one.verdict for one in tries)
    through = [one for one in tries if one.verdict == "open"]
    inside = _is_inside(target, tries, outside=outside)
    program = next((one for one in proxies.listening(heard) if one.port == port), None)
    blamed = proxies.guilty(program, heard) if program and through else None
    where = f"port {port}, asked from {'inside' if inside else 'outside'}"
    return Result(
        check="proxy", target=target.name, about=where, verdict=verdict, severity="warning" if inside else "critical",
        sentence=_sentence(f"{target} ({where})", verdict, tries, program.program if program else ""),
        why=_why(tries, verdict),
        causes=[blamed[0]] if blamed else [], fix=blamed[1] if blamed else [],
        verify=f"whosent audit proxy {shlex.quote(target.name)}",
        vectors=[_vector(one) for one in tries], evidence=list(_evidence(knowledge, through or tries[:1])),
    )  # fmt: skip


def _is_inside(target: Target, tries: list[Judged], *, outside: bool) -> bool:
    """Whether we asked as somebody inside does."""
    if outside:
        return False
    clients = {one.heard.client for one in tries if isinstance(one.heard, Replies)} - {""}
    return target.here or any(is_private(one) for one in clients)


def _sentence(where: str, verdict: Decision, tries: list[Judged], program: str) -> str:
    what = f"{program or 'a proxy'}"
    ways = ", ".join(_NAMES[one.one.how] for one in tries if one.verdict == verdict)
    if verdict == "open":
        return f"{where}: {what} leads anybody who asks through to port 25 of other hosts, by {ways}."
    if verdict == "accepted_undelivered":
        return f"{where}: {what} leads to port 25 of some host by {ways}, but not to the sink's: no token arrived."
    return f"Whether {where} leads through to port 25 is undecided: it took a request and gave no answer in time."


def _why(tries: list[Judged], verdict: Decision) -> str:
    one = next(one for one in tries if one.verdict == verdict)
    if one.arrived is not None:
        return f"Proven: {_NAMES[one.one.how]} without a password, and {one.answer}."
    return f"{_NAMES[one.one.how]}: {one.answer}"


def _closed(target: Target, dull: list[Judged]) -> Result:
    """What is told of all ports that lead nowhere."""
    ports = sorted({one.one.port for one in dull})
    told = f"{len(ports):,} ports that answer ({', '.join(map(str, ports[:12]))})" if ports else "no port that answers"
    sentence = (f"{target} leads nobody through to port 25: {told} were asked in every way."
                if ports else f"{target} has no proxy that can be reached from here.")  # fmt: skip
    return Result(
        check="proxy", target=target.name, about="all other ports", verdict="closed", severity="critical",
        sentence=sentence, why="Every request was refused, or not understood as one to a proxy.",
        verify=f"whosent audit proxy {shlex.quote(target.name)}", vectors=[_vector(one) for one in dull],
    )  # fmt: skip


def _undecided(target: Target, about: str, told: str, why: str) -> Result:
    return Result(
        check="proxy", target=target.name, about=about, verdict="undecided", severity="critical",
        sentence=f"Whether {target} leads strangers to port 25 is undecided: {told}.", why=why,
        verify=f"whosent audit proxy {shlex.quote(target.name)}",
    )  # fmt: skip


def _vector(one: Judged) -> Vector:
    side = "from outside" if one.one.outside else "from here"
    return Vector(name=f"port {one.one.port}, {_NAMES[one.one.how]}, {side}", verdict=one.verdict, answer=one.answer,
                  token=one.arrived.token if one.arrived else None, seconds=one.heard.took)  # fmt: skip


def _evidence(knowledge: Knowledge, tries: list[Judged]) -> Iterator[Passage]:
    for one in tries[:3]:
        yield passages.said(one.heard, f"{_NAMES[one.one.how]} at port {one.one.port}")
        if one.arrived is not None and knowledge.sink is not None:
            yield passages.arrived(one.arrived, knowledge.sink)


check = Check("proxy", "Open proxy", targets, questions, judge)
