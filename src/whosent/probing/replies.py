"""What the end of a probe means: passed on, refused for being a stranger's, or refused for something else."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from whosent.model.check import Answer, Decision, Replies, Reply

# Postfix: "454 4.7.1 <u@d>: Relay access denied" while a new installation is lenient; it is a refusal all the same.
_RELAYING: Final = re.compile(r"(?i)relay|authenti[cf]|unauth|not (?:a )?local|must issue a STARTTLS|must use TLS")
_CLIENT: Final = re.compile(
    r"(?i)blocked using|block ?list|black ?list|\brbl\b|client host rejected|reverse (?:dns|hostname|address)|"
    r"\bptr\b|reputation|your (?:ip|address|host)|\bbanned\b"
)
_SENDER: Final = re.compile(r"(?i)sender address|sender (?:verify|domain|rejected)|return path|mail from")
_GREETING: Final = re.compile(r"(?i)\bhelo\b|\behlo\b")
_WAIT: Final = re.compile(r"(?i)gr[ae]y ?list|try again|too (?:many|much)|rate|later")


class Meaning(NamedTuple):
    """A verdict and what decided it."""

    verdict: Decision
    answer: str


def accepts_recipient(answer: Replies) -> bool:
    """Whether a recipient was accepted."""
    return any(one.command.startswith("RCPT") and one.code < 300 for one in answer.replies)  # noqa: PLR2004


def meaning(answer: Answer, kind: str, *, known: bool, strangers: bool) -> Meaning:
    """What the end of a probe means; ``kind`` is that of the way that was tried.

    ``known``: this server accepts mail to its postmaster from us, so a refusal is about the recipient.
    ``strangers``: it is a port for people with passwords, where everybody else is refused.
    A message that was taken is ``accepted_undelivered`` until the sink has its token.
    """
    if not isinstance(answer, Replies) or not answer.replies:
        return Meaning("undecided", answer.problem.sentence if answer.problem else "There was no answer.")
    last = answer.replies[-1]
    shown = f"{last.code} {last.text}"[:300]
    if last.code >= 400:  # noqa: PLR2004  # RFC 5321
        other = "" if strangers or _RELAYING.search(last.text) else _other_reason(last, kind, known=known)
        return Meaning("undecided", f"{shown} ({other})") if other else Meaning("closed", shown)
    if last.command == ".":
        return Meaning("accepted_undelivered", shown)
    if answer.problem is not None:
        return Meaning("undecided", f"After {last.code}: {answer.problem.sentence}")
    return Meaning("undecided", f"{shown} (without a sink no message was sent: a reply is no proof)")


def _other_reason(last: Reply, kind: str, *, known: bool) -> str:
    """Why a refusal says nothing of relaying; empty if it does."""
    if last.code < 500:  # noqa: PLR2004
        told = "it asks for patience" if _WAIT.search(last.text) else "it refuses for now"
        return f"{told}: run it again later"
    if _CLIENT.search(last.text):
        return "it refuses this host, whatever it asks: run it from another address"
    if kind not in {"sender", "both"} and (_SENDER.search(last.text) or last.command.startswith("MAIL")):
        return "it refuses the sender before it looks at the recipient"
    if kind not in {"helo", "both"} and (_GREETING.search(last.text) or last.command[:4] in {"EHLO", "HELO"}):
        return "it refuses the greeting before it looks at the recipient"
    if kind == "plain" and not known:
        return "it refuses its own postmaster as well: this host is not let in at all"
    return ""
