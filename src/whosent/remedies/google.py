"""Google Workspace: what an administrator does by hand in the Admin console; it has no command line of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whosent.model.incident import Remedy
from whosent.remedies.shell import Unsafe, plain

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect


def contain(_tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against an account."""
    if suspect.kind != "account":
        raise Unsafe(f"For a {suspect.kind.replace('_', ' ')} in Google Workspace no step is known that stops only it.")
    name = plain(suspect.name)
    return [
        Remedy(
            step="inspect",
            title=f"See what {name} sent, and its filters and forwards",
            reach="nothing: it only looks",
            commands=[],
            undo=[],
            note="Admin console > Reporting > Email log search, with the account as sender; Reporting > Audit and"
            " investigation > User log events, for filters and forwards that were made lately.",
        ),
        Remedy(
            step="block",
            title=f"Suspend {name}",
            reach=f"the owner of {name} as well, in every service; mail that comes for it is kept",
            commands=[],
            undo=[],
            note="Admin console > Directory > Users > the account > Suspend user. The undo is Reactivate in the same"
            " place.",
        ),
        Remedy(
            step="close",
            title=f"Give {name} a new password and end its sessions",
            reach=f"all sessions of {name}: its owner has to sign in again everywhere",
            commands=[],
            undo=[],
            note="On the account's page: Reset password; Security > Sign-in cookies > Reset; Connected applications >"
            " remove what the owner does not know; Application-specific passwords > revoke. Then ask for 2-step"
            " verification, and remove the filters and forwards the thief left.",
        ),
    ]
