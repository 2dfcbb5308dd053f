"""Which message a logged call of mail() became: by recipient where one agrees, else in the order of time."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from whosent.model.rows import Call

_PATIENCE: Final = 120.0  # seconds between call and pickup
_EARLY: Final = 1.0  # seconds by which a stamp without fractions may lie
_WAITING: Final = 5000
_RECIPIENTS: Final = 20_000


class Calls:
    """Calls waiting for their message, and the recipients they named."""

    def __init__(self) -> None:
        self._waiting: deque[Call] = deque(maxlen=_WAITING)
        self._recipients: OrderedDict[bytes, str] = OrderedDict()

    def note(self, call: Call) -> None:
        """A call was logged."""
        self._waiting.append(call)
        for part in call.recipient.split(b","):
            recipient = part.rpartition(b"<")[2].strip(b" \t>").lower()
            self._recipients.pop(recipient, None)
            self._recipients[recipient] = call.script
        while len(self._recipients) > _RECIPIENTS:
            self._recipients.popitem(last=False)

    def take(self, opened: float) -> Call | None:
        """The call behind a message that a local user handed in at ``opened``."""
        while self._waiting and self._waiting[0].time < opened - _PATIENCE:
            self._waiting.popleft()
        if self._waiting and self._waiting[0].time <= opened + _EARLY:
            return self._waiting.popleft()
        return None

    def script_of(self, recipient: bytes) -> str | None:
        """The script that last named this recipient."""
        return self._recipients.get(recipient.lower())
