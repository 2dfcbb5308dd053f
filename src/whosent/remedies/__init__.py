"""From an incident to the steps that contain it: exact Postfix commands, narrowest first, each with its undo.

Pure: nothing is run here.  Every name comes from mail a stranger may have written, so it reaches a command only as
one quoted word that is compared as a whole, never as an option, a pattern or a path of ours; a name that cannot be
quoted safely gets a sentence instead of a command.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.incident import Remedy
from whosent.remedies import account, born_here, client, passing, proxying, servers
from whosent.remedies.shell import Unsafe

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["propose"]

_SAFE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NAMED: Final = frozenset({Strength.PROVEN, Strength.SHOWN, Strength.LIKELY})
_BY_KIND: Final[dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]] = {
    "account": account.contain,
    "local_user": born_here.contain_user,
    "script": born_here.contain_script,
    "form": born_here.contain_script,
    "host": client.contain,
    "relay": client.contain,
    "proxy": proxying.contain,
    "forwarder": passing.filter_forwards,
    "backscatter": passing.refuse_early,
    "list": passing.clean_list,
}


def propose(
    *, incident: str, suspect: Suspect, cause: Cause, strength: Strength, server: str = "postfix"
) -> list[Remedy]:
    """The steps against one suspect: look, hold what is queued, block what would come, close the hole.

    Where nobody is named with confidence, or volume alone is unusual, only looking is proposed.  ``server``: whose log
    it was, if not that of Postfix.
    """
    tag = (
        incident if _SAFE_ID.fullmatch(incident) else hashlib.sha256(incident.encode(errors="replace")).hexdigest()[:12]
    )
    try:
        steps = servers.STEPS.get(server, _BY_KIND[suspect.kind])(tag, suspect, cause)
    except Unsafe as refusal:
        return [_refused(suspect, str(refusal))]
    named = strength in _NAMED and cause is not Cause.UNUSUAL_VOLUME
    return steps if named else [step for step in steps if step.step == "inspect"]


def _refused(suspect: Suspect, why: str) -> Remedy:
    return Remedy(
        step="inspect",
        title=f"No command is printed for this {suspect.kind.replace('_', ' ')}",
        reach="nothing",
        commands=[],
        undo=[],
        note=f"{why} Read the evidence with `cat -v` and write the command by hand.",
    )
