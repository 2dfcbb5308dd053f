"""Probes of a form at a URL: does mail get to a recipient that only a probe can have put there.

Each probe is an ordinary submission.  Its only foreign recipient is the sink's, and its text says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from whosent.forms.pages import Form, forms
from whosent.model.check import (
    Arrivals,
    Arrived,
    Await,
    Decision,
    Fetch,
    Fetched,
    Heard,
    Knowledge,
    Passage,
    Question,
    Result,
    Vector,
)
from whosent.model.incident import Remedy
from whosent.reading.stamps import rfc3339
from whosent.remedies.shell import Unsafe, quoted

_RECIPIENTS: Final = ("recipient", "to", "email_to", "mailto", "sendto", "send_to", "rcpt", "cc", "bcc")
_ADDRESSEE: Final = re.compile(
    r"recipient|friend|send_?to|mail_?to|to_?(?:e?mail|address)|^(?:to|cc|bcc|rcpt)$", re.IGNORECASE
)
_NOT_SENT: Final = frozenset({"file", "image", "button", "reset"})
_SENDER: Final = ("email", "mail", "from", "e-mail", "sender", "replyto", "reply-to")
_TEXT: Final = (
    "This is a harmless test of this form, made by its operator's Whosent to see whether strangers can abuse it."
)
_ACCEPTED: Final = range(200, 400)
_WAIT: Final = 8.0
_PLACEHOLDER: Final = "probe@example.invalid"
_AGENT: Final = ("User-Agent", "Whosent audit of forms (ordered by the operator of this site)")


class Probe(NamedTuple):
    """One submission."""

    key: str
    name: str  # what is tried
    deed: str  # what it means if it works


_PROBES: Final = (
    Probe("recipient", "the recipient named in a field", "sends what a visitor writes to whomever the visitor names"),
    Probe(
        "recipient-bare",
        "the recipient named in a field, without a Referer",
        "sends what a visitor writes to whomever the visitor names",
    ),
    Probe("sender-lf", "a line feed and Bcc in the sender's address", "lets a visitor add recipients"),
    Probe("sender-crlf", "CR LF and Bcc in the sender's address", "lets a visitor add recipients"),
    Probe("name-lf", "a line feed and Bcc in the other short fields", "lets a visitor add recipients"),
    Probe("subject-lf", "a line feed and Bcc in the subject", "lets a visitor add recipients"),
)


def is_url(name: str) -> bool:
    """Whether a target is a form on the web."""
    return name.startswith(("http://", "https://"))


def questions(url: str, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """The page; then its form with each probe; then what arrived."""
    yield Fetch(key="page", url=url, headers=(_AGENT,))
    page = heard.get("page")
    if not isinstance(page, Fetched) or page.problem or knowledge.sink is None or not knowledge.sink.domain:
        return
    form = _form(url, page)
    if form.guarded:
        return
    for probe in _PROBES:
        yield _submission(url, probe, form, page, knowledge)
    if all(probe.key in heard for probe in _PROBES):
        yield Await(key="arrivals", tokens=tuple(_token(url, probe, knowledge) for probe in _PROBES), within=_WAIT)


def _token(url: str, probe: Probe, knowledge: Knowledge) -> str:
    """Another one for each probe of each form: what one form sent on is no proof against the next."""
    return knowledge.token(f"forms {url} {probe.key}")


def _form(url: str, page: Fetched) -> Form:
    """The page's form that looks most like mail; a script alone is sent the fields that such scripts know."""
    found = [one for one in forms(url, page.body.decode("utf-8", "replace")) if one.fields]
    usual = (("email", "text", ""), ("name", "text", ""), ("subject", "text", ""), ("message", "textarea", ""))
    return found[0] if found else Form(url, "POST", usual, guarded=False)


def _submission(url: str, probe: Probe, form: Form, page: Fetched, knowledge: Knowledge) -> Fetch:
    assert knowledge.sink is not None
    address = f"{_token(url, probe, knowledge)}@{knowledge.sink.domain}"
    fields = {name: value or _usual(name, kind) for name, kind, value in form.fields if kind not in _NOT_SENT}
    lower = {name.lower(): name for name in fields}
    if probe.key.startswith("recipient"):
        named = [name for name in fields if _ADDRESSEE.search(name)]
        fields |= dict.fromkeys([*named, *(lower.get(name, name) for name in _RECIPIENTS)], address)
    else:
        ending = "\r\n" if probe.key.endswith("crlf") else "\n"
        for name in _places(probe, form):
            fields[name] = f"{fields.get(name) or 'probe'}{ending}Bcc: {address}"
    cookies = "; ".join(value.partition(";")[0] for name, value in page.headers if name.lower() == "set-cookie")
    headers = [_AGENT, *([("Cookie", cookies)] if cookies else [])]
    if not probe.key.endswith("bare"):
        headers.append(("Referer", form.action))
    encoded = urlencode(fields)
    if form.method == "GET":
        return Fetch(key=probe.key, url=f"{form.action.partition('?')[0]}?{encoded}", headers=tuple(headers))
    headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return Fetch(key=probe.key, url=form.action, method="POST", headers=tuple(headers), body=encoded.encode())


def _usual(name: str, kind: str) -> str:
    low = name.lower()
    if kind == "textarea" or low in {"message", "body", "comments", "text"}:
        return _TEXT
    if any(word in low for word in _SENDER):
        return _PLACEHOLDER
    return "Whosent probe" if kind in {"text", "search"} else "1"


def _places(probe: Probe, form: Form) -> list[str]:
    """The fields that a probe's line break goes into."""
    short = [name for name, kind, _ in form.fields if kind not in {"textarea", "submit", "file", "checkbox", "radio"}]
    senders = [name for name in short if any(word in name.lower() for word in _SENDER)] or ["email"]
    subjects = [name for name in short if "subject" in name.lower()] or ["subject"]
    if probe.key.startswith("sender"):
        return senders
    if probe.key.startswith("subject"):
        return subjects
    return [name for name in short if name not in {*senders, *subjects}] or ["name"]


def judge(check: str, url: str, knowledge: Knowledge, heard: Heard) -> Iterator[Result]:
    """Open where a token reached the sink."""
    page = heard.get("page")
    reason = _unprobed(url, knowledge, page if isinstance(page, Fetched) else None)
    if reason:
        yield Result(
            check=check, target=url, about="form", verdict="undecided", severity="warning",
            sentence=f"The form at {url} was not probed.", why=reason,
        )  # fmt: skip
        return
    arrivals = heard.get("arrivals")
    came = {one.token: one for one in arrivals.arrived} if isinstance(arrivals, Arrivals) else {}
    vectors = [_vector(_token(url, probe, knowledge), probe, heard, came) for probe in _PROBES]
    open_ones = [probe for probe in _PROBES if _token(url, probe, knowledge) in came]
    left = [f"Up to {len(_PROBES)} test messages in the mailbox that the form at {url} writes to."]
    common = {"check": check, "target": url, "about": "form", "vectors": vectors, "left": left, "verify": _verify(url)}
    if open_ones:
        said = " and ".join(dict.fromkeys(probe.deed for probe in open_ones))
        yield Result(
            **common, verdict="open", severity="critical", sentence=f"The form at {url} {said}.",  # type: ignore[arg-type]  # as listed
            why=f"Proven by delivery: {'; '.join(probe.name for probe in open_ones)} reached the sink.",
            fix=[_fix()], evidence=[_arrived(came[_token(url, probe, knowledge)]) for probe in open_ones],
        )  # fmt: skip
        return
    accepted = [one for one in vectors if one.verdict != "undecided"]
    yield Result(
        **common, verdict="closed" if accepted else "undecided", severity="critical",  # type: ignore[arg-type]  # as listed
        sentence=f"The form at {url} sent nothing to the sink: {len(accepted)} of {len(vectors)} probes were taken."
        if accepted else f"The form at {url} took none of the probes.",
        why=f"Nothing arrived within {_WAIT:.0f} seconds. Mail that waits in a queue would arrive later."
        if accepted else "It answers each with an error: submit it once by hand and name the page it stands on.",
    )  # fmt: skip


def _unprobed(url: str, knowledge: Knowledge, page: Fetched | None) -> str:
    if page is None or page.problem is not None:
        return page.problem.sentence if page is not None and page.problem else "The page was not fetched."
    if knowledge.sink is None or not knowledge.sink.domain:
        return "A form is proven open or closed by mail that arrives: start whosent sink and give its domain."
    if _form(url, page).guarded:
        return "A captcha stands before it. Read the script instead: whosent audit forms FOLDER."
    return ""


def _vector(token: str, probe: Probe, heard: Heard, came: dict[str, Arrived]) -> Vector:
    answer = heard.get(probe.key)
    if not isinstance(answer, Fetched):
        return Vector(name=probe.name, verdict="undecided", answer="not tried")
    if answer.problem is not None:
        return Vector(name=probe.name, verdict="undecided", answer=answer.problem.sentence, seconds=answer.took)
    taken: Decision = "closed" if answer.status in _ACCEPTED else "undecided"
    turned_away = answer.status in range(400, 500) and answer.status != 404  # noqa: PLR2004  # no such page
    verdict: Decision = "open" if token in came else "closed" if turned_away else taken
    return Vector(
        name=probe.name, verdict=verdict, answer=f"HTTP {answer.status}", token=token, seconds=round(answer.took, 2)
    )


def _arrived(one: Arrived) -> Passage:
    lines = [f"token {one.token} from {one.client}, MAIL FROM {one.sender}, RCPT TO {one.recipient}"]
    return Passage(source="sink", at=rfc3339(int(one.at)), lines=[*lines, *one.headers.splitlines()[:20]])


def _fix() -> Remedy:
    return Remedy(
        step="close", title="Mend the script", reach="only this form", commands=[], undo=[],
        note="Run whosent audit forms on the folder of the site: it names the line and how to mend it.",
    )  # fmt: skip


def _verify(url: str) -> str:
    try:
        return f"whosent audit forms {quoted(url)}" if urlsplit(url).hostname else ""
    except (Unsafe, ValueError):
        return ""
