"""What a mail program is told, and what a port really offers."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from whosent.model.check import Answer, Dialogue, Exchange, Question, Received, Replies

Protocol = Literal["smtp", "imap", "pop3"]
Security = Literal["tls", "starttls", "plain"]
Promise = Literal["kept", "broken", "unknown"]
USUAL: Final[dict[tuple[Protocol, Security], int]] = {
    ("smtp", "tls"): 465, ("smtp", "starttls"): 587, ("imap", "tls"): 993, ("imap", "starttls"): 143,
    ("pop3", "tls"): 995, ("pop3", "starttls"): 110,
}  # fmt: skip
_GREETINGS: Final = {"imap": b"* OK", "pop3": b"+OK"}
_SAY: Final = {"imap": b"a1 CAPABILITY\r\na2 LOGOUT\r\n", "pop3": b"CAPA\r\nQUIT\r\n"}
_UPGRADE: Final = {"imap": b"STARTTLS", "pop3": b"STLS"}


class Offer(NamedTuple):
    """One server for one purpose."""

    protocol: Protocol
    host: str
    port: int
    security: Security


class Fact(NamedTuple):
    """What a port said to an offer."""

    promise: Promise
    words: str  # of a sentence that begins with the port
    grave: bool = False


def question(offer: Offer, key: str, helo: str) -> Question:
    """Asks a port whether it is what the offer says; no password is tried."""
    if offer.protocol == "smtp":
        commands = (f"EHLO {helo}",) if offer.security != "starttls" else (f"EHLO {helo}", "STARTTLS", f"EHLO {helo}")
        return Dialogue(key=key, host=offer.host, port=offer.port, commands=commands, tls=offer.security == "tls")
    return Exchange(key=key, host=offer.host, port=offer.port, send=_SAY[offer.protocol], tls=offer.security == "tls")


def fact(offer: Offer, answer: Answer | None) -> Fact:
    """Whether the port keeps the promise."""
    if answer is None:
        return Fact("unknown", "was not asked")
    nothing = answer.problem is not None and answer.problem.obstacle in {"refused", "unresolvable", "unreachable"}
    if answer.problem is not None and nothing:
        return Fact("broken", f"does not answer: {answer.problem.sentence}")
    if isinstance(answer, Replies):
        return _smtp(offer, answer)
    if isinstance(answer, Received):
        return _mailbox(offer, answer)
    return Fact("unknown", "was not asked")


def _smtp(offer: Offer, answer: Replies) -> Fact:
    hello = [one for one in answer.replies if one.command.upper().startswith("EHLO")]
    if answer.problem is not None and answer.problem.obstacle == "tls":
        return Fact("broken", f"does not speak TLS: {answer.problem.sentence}", grave=True)
    if not hello:
        told = answer.problem.sentence if answer.problem is not None else "it says no EHLO"
        return Fact("unknown", f"did not say what it offers: {told}")
    if offer.security == "starttls" and not answer.encrypted:
        return Fact("broken", "offers no STARTTLS, so passwords would pass in clear", grave=True)
    words = [line.upper().split() for line in hello[-1].lines]
    if not any(line[:1] == ["AUTH"] for line in words):
        return Fact("broken", "offers no AUTH, so nobody can log in there")
    return Fact("kept", "offers AUTH" + (f" under {answer.encrypted}" if answer.encrypted else ""))


def _mailbox(offer: Offer, answer: Received) -> Fact:
    greeting = _GREETINGS[offer.protocol]
    if answer.problem is not None and answer.problem.obstacle == "tls":
        return Fact("broken", f"does not speak TLS: {answer.problem.sentence}", grave=True)
    if greeting not in answer.raw:
        told = answer.problem.sentence if answer.problem is not None else "it speaks something else"
        return Fact(
            "unknown" if answer.problem is not None else "broken", f"did not greet as {offer.protocol.upper()}: {told}"
        )
    if offer.security == "starttls" and _UPGRADE[offer.protocol] not in answer.raw.upper():
        upgrade = _UPGRADE[offer.protocol].decode()
        return Fact("broken", f"offers no {upgrade}, so passwords would pass in clear", grave=True)
    return Fact("kept", f"greets as {offer.protocol.upper()}")
