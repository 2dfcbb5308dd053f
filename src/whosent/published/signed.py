"""DKIM signatures and ARC chains of a message (RFC 6376, 8301, 8463, 8617), verified with the keys of their domains.

A valid one attests what its domain signed, and nothing more; one that does not fit is a claim that anybody can have
written, and never speaks against the domain it names.  What strangers wrote is bounded before any arithmetic begins.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Final, Literal, NamedTuple

import dkim

from whosent.model.inquiry import Signature
from whosent.published import dkim as keys
from whosent.published.lookups import tags
from whosent.trace.heads import Field, fields

HEADER_LIMIT: Final = 1 << 18  # bytes of a header that are verified
_FIELDS: Final = 500  # of such a header
_LINES: Final = 5_000  # the same
_BLANKS: Final = re.compile(rb"[ \t]{64,}+\n?")
_EFFORT: Final = 10**8  # steps that blanks within a line may cost, each run the square of its length
_RUN: Final = re.compile(rb"\s{200}")  # no signature is written so
_MOST: Final = 5  # signatures verified of one message, and sets of an ARC chain
_LONGEST: Final = 4_096  # bytes of one signature
_BITS: Final = 8_192  # of a key: more is no signature but a way to keep receivers busy
_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,60}")
_BLANK: Final = re.compile(r"\s+")
_DIGITS: Final = 15  # of a length
_SHOWN: Final = 40  # signed fields told
_SEALS: Final = ("arc-seal", "arc-message-signature")
NEEDS_DNS: Final = "it needs the key from the DNS: --reach dns"
_FAULTS: Final = (  # what the library raises on input that is none
    dkim.DKIMException, ValueError, IndexError, KeyError, TypeError, AttributeError, AssertionError, OverflowError,
)  # fmt: skip


class Named(NamedTuple):
    """What a signature field says of itself."""

    domain: str  # d=
    selector: str  # s=
    said: dict[str, str]  # all its tags

    @property
    def key(self) -> str:
        """Where its key is published."""
        return f"{self.selector}._domainkey.{self.domain}"


class Key(NamedTuple):
    """What the DNS said of a key's name."""

    record: str | None  # None: there is none
    problem: str | None = None  # why nobody knows


class Found(NamedTuple):
    """What came of verifying."""

    result: Literal["valid", "invalid", "not verified"]
    why: str  # it is not valid; "" if it is


class About(NamedTuple):
    """What a sentence about a signature is about."""

    kind: Literal["dkim", "arc"]
    domain: str | None
    names: list[str]  # of the header fields it covers
    length: int | None  # bytes of the body it covers; None: all
    added: list[str]  # those of which the message has more than are covered


class Signed:
    """The signatures of one message, in their order; ``body`` is None where it is not there as a whole."""

    def __init__(self, raw: bytes, body: bytes | None) -> None:
        found = fields(raw)
        small = len(raw) <= HEADER_LIMIT and len(found) <= _FIELDS and raw.count(b"\n") <= _LINES
        named = [(one.name, _named(one)) for one in found if one.name == "dkim-signature" or one.name in _SEALS]
        self._signatures = [one for name, one in named if name == "dkim-signature"]
        self._seals = [one for name, one in named if name in _SEALS]
        self._newest, self._newest_signature = (
            max((one for name, one in named if name == seal and one is not None), key=_instance, default=None)
            for seal in _SEALS
        )
        self._counts = Counter(one.name for one in found)
        self._problem = (
            "its header is too large"
            if not small
            else "not the whole body was read, and it is signed"
            if body is None
            else "its lines hold more blanks than are worth reading"
            if _effort(raw) + _effort(body) > _EFFORT
            else None
        )
        ends = b"" if not body or body.endswith(b"\n") else b"\n"  # an mbox does not keep the end of the last line
        self._message = raw.rstrip(b"\n") + b"\n\n" + (body or b"") + ends

    def keys(self) -> list[str]:
        """The names at which keys must be looked up; nobody may be asked about others."""
        wanted = [*self._signatures[:_MOST], *(self._seals if len(self._seals) <= 2 * _MOST else ())]
        return [] if self._problem else list(dict.fromkeys(one.key for one in wanted if one is not None))

    def told(self, published: Mapping[str, Key] | None) -> Iterator[Signature]:
        """Each signature and the ARC chain, judged; without keys none is verified."""
        for number, one in enumerate(self._signatures[:_MOST]):
            yield self._judged("dkim", one, one, self._outcome(one, published, number))
        if self._seals:
            yield self._judged("arc", self._newest, self._newest_signature, self._chain(published))

    def _outcome(self, one: Named | None, published: Mapping[str, Key] | None, number: int) -> Found:
        """Whether a DKIM signature fits."""
        problem = self._problem or _unusable(one, published)
        if problem or published is None:
            return Found("not verified", problem)
        try:
            fits = dkim.DKIM(self._message).verify(idx=number, dnsfunc=_lookup(published))
        except dkim.ValidationError as error:
            return _refused(str(error))
        except _FAULTS:
            return Found("not verified", "it cannot be read")
        changed = "the signed header fields are not as they were, or another key signed them"
        return Found("valid", "") if fits else Found("invalid", changed)

    def _chain(self, published: Mapping[str, Key] | None) -> Found:
        problem = self._problem or (
            f"it has more than {_MOST} sets" if len(self._seals) > 2 * _MOST else ""
        ) or next(filter(None, (_unusable(one, published) for one in self._seals)), "")  # fmt: skip
        if problem or published is None:
            return Found("not verified", problem)
        try:
            result, sets, _ = dkim.ARC(self._message).verify(dnsfunc=_lookup(published))
        except _FAULTS:
            return Found("not verified", "it cannot be read")
        if result == dkim.CV_Pass:
            return Found("valid", "")
        if not sets:
            return Found("not verified", "it is not complete")
        broken = "a forwarder says itself that the chain was broken"
        return Found(
            "invalid", broken if result is None else "what it seals is not as it was, or another key sealed it"
        )

    def _judged(
        self, kind: Literal["dkim", "arc"], one: Named | None, covering: Named | None, found: Found
    ) -> Signature:
        names, length = _covered(covering), _length(covering)
        listed = Counter(covering.said.get("h", "").lower().split(":")) if covering else Counter()
        added = [
            name for name in names if self._counts[name] > listed[name] and name != "from"
        ]  # one more From: invalid
        about = About(kind, one.domain if one else None, names, length, added)
        return Signature(
            kind=kind,
            domain=about.domain,
            selector=one.selector if one else None,
            fields=names,
            body_length=length,
            result=found.result,
            problem=found.why or None,
            sentence=_sentence(about, found),
        )


def _effort(text: bytes) -> int:
    return sum(len(run) ** 2 for run in _BLANKS.findall(text) if not run.endswith(b"\n"))


def _named(field: Field) -> Named | None:
    if len(field.value) > _LONGEST or _RUN.search(field.value):
        return None
    said = tags(_BLANK.sub("", field.value.decode("ascii", "replace")))
    domain, selector = said.get("d", "").lower(), said.get("s", "").lower()
    if not _NAME.fullmatch(domain) or not _NAME.fullmatch(selector) or "." not in domain:
        return None
    return Named(domain, selector, said)


def _unusable(one: Named | None, published: Mapping[str, Key] | None) -> str:
    """Why a signature cannot be verified at all; "" if it can."""
    if one is None:
        return "it cannot be read"
    if one.said.get("a") == "rsa-sha1":
        return "it is made with SHA-1, which proves nothing any more (RFC 8301)"
    if "h" in one.said and "from" not in _covered(one):
        return "it does not sign From, as RFC 6376 demands"
    return NEEDS_DNS if published is None else _useless(one.key, published)


def _useless(name: str, published: Mapping[str, Key]) -> str:
    """Why the key at a name verifies nothing."""
    key = published.get(name, Key(None, "nobody asked for its key"))
    if key.problem or key.record is None:
        return key.problem or f"no key is published at {name} now, and keys are withdrawn after a while"
    judged = keys.key(key.record)
    if judged.revoked:
        return f"the key at {name} is revoked"
    if judged.faults or judged.bits is None or (judged.kind == "rsa" and not keys.WEAK <= judged.bits <= _BITS):
        return f"the key at {name} is none that a receiver may use"
    if judged.kind == "ed25519" and find_spec("nacl") is None:
        return "it is an Ed25519 signature, and these need PyNaCl (pip install pynacl)"
    return ""


def _lookup(published: Mapping[str, Key]) -> Callable[..., str | None]:
    """As the library asks."""

    def record(name: bytes | str, timeout: int = 5) -> str | None:
        del timeout
        wanted = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        found = published.get(wanted.rstrip(".").lower())
        return found.record if found is not None else None

    return record


def _refused(said: str) -> Found:
    """The library's reason in our words; it quotes the message, which we do not."""
    if said.startswith("body hash mismatch"):
        return Found("invalid", "the body is not what was signed")
    if said.startswith("x= value is past"):
        return Found("not verified", "it has expired")
    return Found("not verified", "it breaks the rules for signatures")


def _covered(one: Named | None) -> list[str]:
    names = one.said.get("h", "").lower().split(":") if one else []
    return list(dict.fromkeys(name for name in names if _FIELD_NAME.fullmatch(name)))[:_SHOWN]


def _instance(one: Named) -> int:
    """Which set of an ARC chain it belongs to."""
    said = one.said.get("i", "")
    return int(said) if said.isdecimal() and len(said) <= 3 else 0  # noqa: PLR2004  # RFC 8617: at most 50


def _length(one: Named | None) -> int | None:
    said = one.said.get("l", "") if one else ""
    return int(said) if said.isdecimal() and len(said) <= _DIGITS else None


def _sentence(about: About, found: Found) -> str:
    what = "The ARC seal" if about.kind == "arc" else "The DKIM signature"
    claimed = f"{what} that names {about.domain}" if about.domain else what
    if found.result == "not verified":
        return f"{claimed} is not verified: {found.why}."
    if found.result == "invalid":
        return (
            f"{claimed} does not fit this copy: {found.why}. Anybody can write such a field, and mail is changed on "
            f"its way: this says nothing about {about.domain or 'anybody'}."
        )
    covered = ", ".join(about.names)
    body = "the body" if about.length is None else f"the first {about.length} bytes of the body"
    more = f" Of {', '.join(about.added)} the lowest fields alone are covered." if about.added else ""
    if about.kind == "arc":
        return (
            f"{what} of {about.domain} is valid: this domain passed on {body} and these header fields ({covered}) as "
            f"they are.{more} What it says about the hops before is its word."
        )
    return (
        f"{what} of {about.domain} is valid: this domain signed {body} and these header fields ({covered}), and they "
        f"are unchanged.{more} It signed nothing else, and whoever may send through it can have written them."
    )
