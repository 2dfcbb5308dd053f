"""Which tokens arrived: bounded, in memory, each token's best proof; who waits for some is woken."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from whosent.model.check import Arrived
from whosent.model.token import FORM, is_issued

_MOST: Final = 50_000  # tokens; a run has a few hundred, and they expire after a day
_WORTH: Final = ("mail", "smtp_text", "greeting", "http", "tcp")  # best proof first


class Record:
    """All that arrived since this sink was started."""

    def __init__(self, key: bytes, tell: Callable[[Arrived], None] = lambda _one: None) -> None:
        self._key = key
        self._tell = tell
        self._arrived: OrderedDict[str, Arrived] = OrderedDict()
        self._changed = asyncio.Condition()

    def tokens_in(self, raw: bytes) -> list[str]:
        """The tokens among these bytes that our key issued."""
        now = int(time.time())
        found = dict.fromkeys(match[0].decode().lower() for match in FORM.finditer(raw))
        return [token for token in found if is_issued(self._key, token, now)]

    async def note(self, one: Arrived) -> None:
        """Keep an arrival; a message is better proof than a greeting."""
        known = self._arrived.get(one.token)
        if known is not None and _WORTH.index(known.by) <= _WORTH.index(one.by):
            return
        self._arrived[one.token] = one
        while len(self._arrived) > _MOST:
            self._arrived.popitem(last=False)
        self._tell(one)
        async with self._changed:
            self._changed.notify_all()

    async def arrived(self, tokens: Iterable[str], within: float) -> list[Arrived]:
        """Those of these tokens that are here, as soon as all of them are or time is over."""
        wanted = [token.lower() for token in tokens]
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: all(token in self._arrived for token in wanted))
        except TimeoutError:
            pass  # what came so far is the answer
        return [self._arrived[token] for token in wanted if token in self._arrived]
