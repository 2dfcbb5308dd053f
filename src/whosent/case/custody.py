"""The chain of custody: one line for each change of a case folder, each with the digest of the one before it.

A line is one JSON object in one spelling only, so that every byte of it is checked: its ``digest`` is the SHA-256 of
the object without it (as ""), its ``previous`` the digest of the line before (64 zeros in the first).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from whosent.model.case import Link
from whosent.report.evidence import MANIFEST, manifest

NAME: Final = "CUSTODY.jsonl"
NOTHING: Final = "0" * 64  # the digest before the first
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """A chain as it was read: its whole links, and what is wrong with the rest."""

    links: list[Link]
    problems: list[str]

    @property
    def head(self) -> str:
        """The digest of the last link: whoever keeps it elsewhere can tell a chain that was made anew."""
        return self.links[-1].digest if self.links else NOTHING

    @property
    def files(self) -> dict[str, str]:
        """Every file the folder should hold, with its digest."""
        return {name: digest for link in self.links for name, digest in link.files.items()}


def link(chain: Chain, *, at: str, by: str, what: str, files: Mapping[str, str]) -> Link:
    """The next link of a chain."""
    bare = Link(
        number=len(chain.links) + 1, at=at, by=by, what=what, files=dict(sorted(files.items())), previous=chain.head
    )
    return msgspec.structs.replace(bare, digest=_digest(bare))


def _digest(one: Link) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(one, digest=""))).hexdigest()


def written(links: list[Link]) -> bytes:
    """The chain as its file."""
    return b"".join(msgspec.json.encode(one) + b"\n" for one in links)


def read(text: bytes) -> Chain:
    """The chain of this file, as far as it holds; the first line that does not ends it."""
    links: list[Link] = []
    problems: list[str] = []
    if text and not text.endswith(b"\n"):
        problems.append(f"{NAME}: its last line is cut off")
    for number, line in enumerate(text.split(b"\n")[:-1], 1):
        wrong = ""
        try:
            one = msgspec.json.decode(line, type=Link)
        except (msgspec.DecodeError, UnicodeDecodeError):
            wrong = "cannot be read"
        else:
            wrong = _wrong(one, line, Chain(links=links, problems=[]))
        if wrong:
            problems.append(f"{NAME}, line {number}: {wrong}")
            break
        links.append(one)
    if not links and not problems:
        problems.append(f"{NAME} is empty")
    return Chain(links=links, problems=problems)


def _wrong(one: Link, line: bytes, before: Chain) -> str:
    """Why this line cannot follow those before it; "" if it can."""
    if one.previous != before.head or one.number != len(before.links) + 1:
        return "does not follow the line before it: lines were taken out, added or put in another order"
    if _digest(one) != one.digest or msgspec.json.encode(one) != line:
        return "was altered"
    odd = [name for name in one.files if not _FILE.fullmatch(name) or name in {NAME, MANIFEST}]
    twice = one.files.keys() & before.files.keys()
    if odd or twice:
        return "names files that no case holds, or files that were there before"
    return ""


def compared(chain: Chain, present: Mapping[str, str], own: Mapping[str, bytes]) -> Iterator[str]:
    """What is wrong with a folder: ``present`` has the digests of its files, ``own`` its chain and its manifest."""
    yield from chain.problems
    named = chain.files
    for name in sorted(named.keys() - present.keys()):
        yield f"{name} is missing"
    for name in sorted(present.keys() - named.keys() - {NAME, MANIFEST}):
        yield f"{name} was not there when the case was made, and nobody added it by whosent"
    for name in sorted(named.keys() & present.keys()):
        if named[name] != present[name]:
            yield f"{name} was altered: its SHA-256 is {present[name]}, not {named[name]}"
    for name in (NAME, MANIFEST):
        if name not in own:
            yield f"{name} is missing"
    if own.keys() >= {NAME, MANIFEST} and own[MANIFEST] != sums(chain, own[NAME]):
        yield f"{MANIFEST} was altered, or does not belong to this chain"


def sums(chain: Chain, text: bytes) -> bytes:
    """The manifest of a folder with this chain, whose file is ``text``."""
    return manifest({**chain.files, NAME: hashlib.sha256(text).hexdigest()})
