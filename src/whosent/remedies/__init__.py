"""From an incident to the steps that contain it: exact commands, narrowest first, each with its undo.

Which commands depends on the mail server that the incident's log shows: those of Postfix stand in this folder, those
of any other in a folder of their own (``remedies/exim/``) named after its dialect; discovery finds it.

Pure: nothing is run here.  Every name comes from mail a stranger may have written, so it reaches a command only as
one quoted word that is compared as a whole, never as an option, a pattern or a path of ours; a name that cannot be
quoted safely gets a sentence instead of a command.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.incident import Remedy
from whosent.remedies import account, born_here, client, exchange, exchange_online, google, passing, proxying
from whosent.remedies.shell import Unsafe

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    ByKind: TypeAlias = dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]

__all__ = ["ELSEWHERE", "propose", "servers"]

_SAFE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NAMED: Final = frozenset({Strength.PROVEN, Strength.SHOWN, Strength.LIKELY})
POSTFIX: Final[ByKind] = {
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


ELSEWHERE: Final[dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]] = {  # their steps are no shell's
    "exchange": exchange.contain,
    "exchange_online": exchange_online.contain,
    "google": google.contain,
}


@cache
def servers() -> dict[str, ByKind]:
    """The steps of each mail server, by the name of its dialect and the kind of suspect."""
    found = {"postfix": POSTFIX}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            found[module.name] = importlib.import_module(f"{__name__}.{module.name}").BY_KIND
    return found


def propose(
    *, incident: str, suspect: Suspect, cause: Cause, strength: Strength, server: str = "postfix"
) -> list[Remedy]:
    """The steps against one suspect: look, hold what is queued, block what would come, close the hole.

    ``server`` is the dialect of the mail server that took the mail, or the system whose log is a table; no step is
    proposed for one that is not known.
    Where nobody is named with confidence, or volume alone is unusual, only looking is proposed.
    """
    tag = (
        incident if _SAFE_ID.fullmatch(incident) else hashlib.sha256(incident.encode(errors="replace")).hexdigest()[:12]
    )
    try:
        contain = ELSEWHERE.get(server) or servers().get(server, {}).get(suspect.kind, _by_hand)
        steps = contain(tag, suspect, cause)
    except Unsafe as refusal:
        return [_refused(suspect, str(refusal))]
    named = strength in _NAMED and cause is not Cause.UNUSUAL_VOLUME
    return steps if named else [step for step in steps if step.step == "inspect"]


def _by_hand(_tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    raise Unsafe(f"The mail server behind this {suspect.kind.replace('_', ' ')} is none that commands are known for.")


def _refused(suspect: Suspect, why: str) -> Remedy:
    return Remedy(
        step="inspect",
        title=f"No command is printed for this {suspect.kind.replace('_', ' ')}",
        reach="nothing",
        commands=[],
        undo=[],
        note=f"{why} Read the evidence with `cat -v` and write the command by hand.",
    )
