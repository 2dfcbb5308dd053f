"""The same steps on Sendmail: quarantine what is queued, let the access map stop what comes, undo both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.remedies import proxying
from whosent.remedies.sendmail import insiders, passing, strangers

if TYPE_CHECKING:
    from collections.abc import Callable

    from whosent.model.finding import Cause, Suspect
    from whosent.model.incident import Remedy

BY_KIND: Final[dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]] = {
    "account": insiders.contain_account,
    "local_user": insiders.contain_user,
    "script": insiders.contain_script,
    "form": insiders.contain_script,
    "host": strangers.contain,
    "relay": strangers.contain,
    "proxy": proxying.contain_unknown(strangers.contain),
    "forwarder": passing.contain_forwarder,
    "backscatter": passing.by_sender(
        "Refuse instead of bouncing",
        "Refuse unknown recipients while the sender is still connected: LDAP routing or a virtusertable that is"
        " complete, and for domains of others `To:` lines in the access map. Never answer spam.",
        "MAILER-DAEMON",
    ),
    "list": passing.by_sender(
        "Clean the list",
        "Remove the addresses that bounced, and those that never asked, before the list is used again.",
    ),
}
