"""Takes probes of this audit back out of the queue of this machine's mail server.

By id, and only messages in whose every recipient a token of this audit stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Final

from whosent.model.check import Heard, Question, Ran, Run

_MOST: Final = 500
_EXIM: Final = re.compile(r"^\s*\S+\s+\S+\s+([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) <", re.MULTILINE)


def questions(heard: Heard, tokens: Collection[str], *, postfix: bool) -> Iterator[Question]:
    """What is queued; then the commands that remove what is ours."""
    yield Run(key="queue", argv=("postqueue", "-j") if postfix else ("exim", "-bp"))
    ids = queued(heard, tokens, postfix=postfix)[:_MOST]
    if ids and postfix:
        yield Run(key="withdrawn", argv=("postsuper", *(part for one in ids for part in ("-d", one))))
    elif ids:
        yield Run(key="withdrawn", argv=("exim", "-Mrm", *ids))


def queued(heard: Heard, tokens: Collection[str], *, postfix: bool) -> list[str]:
    """Ids of queued messages all of whose recipients hold one of these tokens."""
    told = heard.get("queue")
    if not isinstance(told, Ran) or told.problem is not None:
        return []
    return list(_of_postfix(told.output, tokens) if postfix else _of_exim(told.output, tokens))


def withdrawn(heard: Heard) -> bool:
    """Whether removing them worked."""
    told = heard.get("withdrawn")
    return isinstance(told, Ran) and told.problem is None


def _ours(recipients: Collection[str], tokens: Collection[str]) -> bool:
    return bool(recipients) and all(any(token in one.lower() for token in tokens) for one in recipients)


def _of_postfix(output: str, tokens: Collection[str]) -> Iterator[str]:
    for line in output.splitlines():
        try:
            message = json.loads(line)
            recipients = [str(one["address"]) for one in message["recipients"]]
            name = str(message["queue_id"])
        except (ValueError, KeyError, TypeError):
            continue
        if re.fullmatch(r"[0-9A-Za-z]{6,20}", name) and _ours(recipients, tokens):
            yield name


def _of_exim(output: str, tokens: Collection[str]) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", output):
        found = _EXIM.search(block)
        recipients = [line.strip().removeprefix("D ").strip() for line in block.splitlines()[1:] if line.strip()]
        if found and _ours(recipients, tokens):
            yield found[1]
