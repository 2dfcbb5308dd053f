"""From an incident to the steps that contain it: exact commands, narrowest first, each with its undo.

Which commands depends on the mail server that the incident's log shows: those of each stand in a folder of their own
(``remedies/exim/``) named after its dialect; discovery finds it.  What does not depend on the mail server stands here.

Pure: nothing is run here.  Every name comes from mail a stranger may have written, so it reaches a command only as
one quoted word that is compared as a whole, never as an option, a pattern or a path of ours; a name that cannot be
quoted safely gets a sentence instead of a command.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.incident import Remedy
from whosent.remedies import exchange, exchange_online, google
from whosent.remedies.shell import Unsafe

__all__ = ["ELSEWHERE", "propose", "servers"]

_SAFE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NAMED: Final = frozenset({Strength.PROVEN, Strength.SHOWN, Strength.LIKELY})
Contain: TypeAlias = Callable[[str, Suspect, Cause], list[Remedy]]


class Steps(NamedTuple):
    """What can be done on one mail server."""

    by_kind: dict[str, Contain]
    by_cause: Mapping[Cause, Contain] = MappingProxyType(
        {}
    )  # where the cause says what to do, and who it is matters less
    by_volume: Callable[[Suspect], Remedy] | None = None  # one more look where much is sent and nothing else is wrong


ELSEWHERE: Final[dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]] = {  # their steps are no shell's
    "exchange": exchange.contain,
    "exchange_online": exchange_online.contain,
    "google": google.contain,
}


@cache
def servers() -> dict[str, Steps]:
    """The steps of each mail server, by the name of its dialect."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            its = importlib.import_module(f"{__name__}.{module.name}")
            found[module.name] = Steps(its.BY_KIND, getattr(its, "BY_CAUSE", {}), getattr(its, "BY_VOLUME", None))
    return found


def propose(  # noqa: PLR0913  # what a case is, and where
    *,
    incident: str,
    suspect: Suspect,
    cause: Cause,
    strength: Strength,
    server: str = "postfix",
    queued: bool = False,
) -> list[Remedy]:
    """The steps against one suspect: look, hold what is queued, block what would come, close the hole.

    ``server`` is the dialect of the mail server that took the mail, or the system whose log is a table; no step is
    proposed for one that is not known.
    Where nobody is named with confidence, or volume alone is unusual, only looking is proposed; and holding, which
    loses nothing and is undone at once, where the mail in question was ``queued`` when it was looked at.
    """
    tag = (
        incident if _SAFE_ID.fullmatch(incident) else hashlib.sha256(incident.encode(errors="replace")).hexdigest()[:12]
    )
    try:
        steps = (ELSEWHERE.get(server) or _steps(servers().get(server), suspect, cause))(tag, suspect, cause)
    except Unsafe as refusal:
        return [_refused(suspect, str(refusal))]
    looking = [step for step in steps if step.step == "inspect"]
    if cause is Cause.UNUSUAL_VOLUME:
        more = servers()[server].by_volume
        looking = [*looking, more(suspect)] if more else looking
        return [*looking, *(step for step in steps if step.step == "hold" and queued and strength in _NAMED)]
    return steps if strength in _NAMED else looking


def _steps(server: Steps | None, suspect: Suspect, cause: Cause) -> Contain:
    if server is None:
        return _by_hand
    return server.by_cause.get(cause) or server.by_kind.get(suspect.kind, _by_hand)


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
