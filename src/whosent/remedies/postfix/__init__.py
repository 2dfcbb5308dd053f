"""The steps on a Postfix: look, hold, hold what would come, close; and those of each cause that is no break-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause
from whosent.remedies import proxying
from whosent.remedies.postfix import (
    account,
    born_here,
    bouncing,
    client,
    flooding,
    forwarding,
    impersonating,
    looping,
    mailing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from whosent.model.finding import Suspect
    from whosent.model.incident import Remedy

BY_KIND: Final[dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]] = {
    "account": account.contain,
    "local_user": born_here.contain_user,
    "script": born_here.contain_script,
    "form": born_here.contain_script,
    "host": client.contain,
    "relay": client.contain,
    "proxy": proxying.contain_unknown(client.contain),
    "forwarder": forwarding.contain,
    "backscatter": bouncing.contain,
    "list": mailing.contain,
}
BY_CAUSE: Final[dict[Cause, Callable[[str, Suspect, Cause], list[Remedy]]]] = {
    Cause.DIRECTION_CONFUSION: impersonating.contain,
    Cause.MAIL_LOOP: looping.contain,
}
BY_VOLUME: Final = flooding.look
