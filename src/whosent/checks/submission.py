"""Whether our people can hand in mail safely, and nobody else at all.

Ports 587 and 465 must be offered, so that travellers need no port 25; a password must not be asked for before the
connection is encrypted; port 25 must not offer passwords to the world, which invites guessing; and without a password
nothing may be handed in, not even to our own addresses.  Nothing is sent: dialogues end before a message, and no
password is tried.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from whosent.model.check import (
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
)
from whosent.probing import listeners, passages
from whosent.probing.letters import helo
from whosent.probing.listeners import IMPLICIT, Listener
from whosent.probing.replies import accepts_recipient
from whosent.servers import handing_in, here
from whosent.servers.attempt import Attempt
from whosent.trace.addresses import is_private

_PORTS: Final = (25, 465, 587)
_MAIL, _SUBMISSION = 25, 587


class Fault(NamedTuple):
    """What was found on one listener."""

    about: str
    verdict: Decision
    sentence: str
    why: str
    answers: tuple[Replies, ...]
    kind: handing_in.Fault | None = None  # of those that a line of the configuration decides
    port: int = 0


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """What is offered in the clear, what after STARTTLS, and whether mail is taken without a password."""
    yield from listeners.greetings(target, knowledge, _PORTS)
    if target.here:
        yield from here.questions()
        yield from handing_in.reads(heard)
    host, _ = listeners.place(target)
    hello = f"EHLO {helo(knowledge)}"
    for listener, answer in listeners.listening(heard):
        encrypts = any(one.startswith("STARTTLS") for one in listeners.offered(answer))
        start = (hello, "STARTTLS", hello) if encrypts and listener.port != IMPLICIT else (hello,)
        domain = _domain(knowledge, heard, answer)
        envelope = ("MAIL FROM:<>", f"RCPT TO:<postmaster@{domain}>" if domain else "RCPT TO:<postmaster>", "RSET")
        for name, commands in (("tls", start), ("mail", (*start, *envelope))):
            yield Dialogue(key=f"{name} {listener}", host=host, port=listener.port, family=listener.family,
                           tls=listener.port == IMPLICIT, commands=commands,
                           outside=listeners.from_outside(target, knowledge))  # fmt: skip
        mail = heard.get(f"mail {listener}")
        if target.here and listener.port != _MAIL and isinstance(mail, Replies) and accepts_recipient(mail):
            recipient = envelope[1].partition("<")[2].rstrip(">")
            yield from handing_in.lookups(heard, listener.port, Attempt(mail.client, helo(knowledge), "", recipient))


def _domain(knowledge: Knowledge, heard: Heard, answer: Replies) -> str:
    own = (*here.domains(heard), *knowledge.settings.ours.domains, listeners.called(answer).partition(".")[2])
    return own[0]


def _offers_auth(answer: Replies) -> bool:
    """Whether the last EHLO offered AUTH."""
    greetings = [one for one in answer.replies if one.command.startswith("EHLO") and one.code < 300]  # noqa: PLR2004
    return bool(greetings) and any(line.upper().startswith("AUTH") for line in greetings[-1].lines)


# ------------------------------------------------------------------ judgement


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """One result for what is offered, one for each fault or its absence on each listener."""
    listening = dict(listeners.listening(heard))
    if not listening:
        return
    _, named = listeners.place(target)
    if not named:  # of one port nothing can be said of the others
        yield _result(target, heard, _offered(target, listening, heard))
    for listener, greeting in listening.items():
        for fault in _of(target, knowledge, heard, listener, greeting):
            yield _result(target, heard, fault)


def _offered(target: Target, listening: dict[Listener, Replies], heard: Heard) -> Fault:
    ports = sorted({one.port for one in listening} & set(listeners.SUBMISSION))
    answers = tuple(listening.values())[:1]
    if ports:
        told = " and ".join(map(str, ports))
        return Fault("offered", "closed", f"{target} offers submission at port {told}.", "It greets there.", answers)
    silent = [answer for one, answer in listeners.silent(heard) if one.port in listeners.SUBMISSION]
    asked = [answer for answer in silent if not listeners.unasked(answer)]
    unsure = [answer for answer in asked or silent if not listeners.absent(answer)]
    if unsure:
        told = unsure[0].problem.sentence if unsure[0].problem else f"It said {unsure[0].replies[-1].text}."
        return Fault("offered", "undecided", f"Whether {target} offers submission is undecided.", told, answers)
    told = "people on the road have no way to hand in mail with a password (ports 587 and 465)"
    why = "Nothing listens at 587 and 465."
    return Fault("offered", "open", f"{target} takes mail at port 25 only: {told}.", why, answers)


def _of(target: Target, knowledge: Knowledge, heard: Heard, listener: Listener, greeting: Replies) -> Iterator[Fault]:
    tls = heard.get(f"tls {listener}")
    mail = heard.get(f"mail {listener}")
    who = f"{target} ({listener})"
    if listener.port == _MAIL:
        yield _public(target, knowledge, who, greeting, tls)
        return
    if isinstance(tls, Replies) and listener.port == _SUBMISSION:
        yield _clear(who, greeting, tls)
    if isinstance(mail, Replies):
        yield _without_password(who, listener.port, mail)


def _public(target: Target, knowledge: Knowledge, who: str, greeting: Replies, tls: object) -> Fault:
    """Port 25 from outside."""
    answers = (greeting, *((tls,) if isinstance(tls, Replies) else ()))
    offered = any(_offers_auth(one) for one in answers)
    inside = not listeners.from_outside(target, knowledge) and (target.here or is_private(greeting.client))
    if offered and inside:
        told = f"{who} offers passwords to us, who are inside; whether it does to the world is undecided."
        return Fault("AUTH on port 25", "undecided", told, "Ask from outside: a sink there can do so.", answers)
    if offered:
        return Fault("AUTH on port 25", "open", f"{who} offers passwords at port 25 to the whole world, which invites "
                     "guessing: people hand in mail at 587 and 465.", "EHLO is answered with AUTH.", answers,
                     "auth_on_25", _MAIL)  # fmt: skip
    return Fault("AUTH on port 25", "closed", f"{who} offers no passwords at port 25.", "EHLO names no AUTH.", answers)


def _clear(who: str, greeting: Replies, tls: Replies) -> Fault:
    """Passwords before encryption, at 587."""
    about = "TLS before AUTH"
    if _offers_auth(greeting):
        told = f"{who} asks for passwords before the connection is encrypted: whoever is on the way can read them."
        return Fault(about, "open", told, "The first EHLO, in the clear, is answered with AUTH.", (greeting,),
                     "auth_in_clear", _SUBMISSION)  # fmt: skip
    if tls.problem is not None and tls.problem.obstacle == "tls":
        told = f"{who} offers encryption that does not come about: nobody can hand in mail safely."
        return Fault(about, "open", told, tls.problem.sentence, (tls,))
    if not tls.encrypted:
        return Fault(about, "open", f"{who} offers neither encryption nor passwords: nobody can hand in mail there.",
                     "EHLO names neither STARTTLS nor AUTH.", (greeting,))  # fmt: skip
    return Fault(about, "closed", f"{who} asks for passwords only after STARTTLS ({tls.encrypted}).",
                 "EHLO names AUTH only once the connection is encrypted.", (tls,))  # fmt: skip


def _without_password(who: str, port: int, mail: Replies) -> Fault:
    about = f"mail without AUTH, port {port}"
    if accepts_recipient(mail):
        told = f"{who} takes mail to our own addresses without a password, past what guards port 25."
        why = "RCPT TO our postmaster was accepted before any AUTH."
        return Fault(about, "open", told, why, (mail,), "no_password", port)
    last = mail.replies[-1] if mail.replies else None
    if last is None or last.code < 400:  # noqa: PLR2004  # RFC 5321
        told = mail.problem.sentence if mail.problem else "The dialogue ended early."
        return Fault(about, "undecided", f"Whether {who} takes mail without a password is undecided.", told, (mail,))
    return Fault(
        about, "closed", f"{who} takes no mail without a password.", f"It said {last.code} {last.text}.", (mail,)
    )


def _result(target: Target, heard: Heard, fault: Fault) -> Result:
    named = fault.kind if fault.verdict == "open" and target.here else None
    blamed = handing_in.guilty(heard, named, fault.port) if named else None
    return Result(
        check="submission", target=target.name, about=fault.about, verdict=fault.verdict, severity="warning",
        sentence=fault.sentence, why=fault.why,
        causes=[blamed[0]] if blamed else [], fix=[blamed[1]] if blamed else [],
        verify=f"whosent audit submission {shlex.quote(target.name)}", evidence=list(_evidence(fault)),
    )  # fmt: skip


def _evidence(fault: Fault) -> Iterator[Passage]:
    for answer in fault.answers:
        yield passages.said(answer, f"SMTP dialogue with {answer.address}")


check = Check("submission", "Submission of mail by our own people", listeners.hosts, questions, judge)
