"""Mail that goes round: stop the wheel by holding it, then mend the routing or the answering machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.postfix import account, born_here, client
from whosent.remedies.postfix.incoming import recipient_map
from whosent.remedies.postfix.queued import by_recipient, look_and_hold
from whosent.remedies.queued import place
from whosent.remedies.shell import plain, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from whosent.model.finding import Cause, Suspect

_BY_KIND: Final[dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]] = {
    "account": account.contain,
    "local_user": born_here.contain_user,
    "host": client.contain,
}
_ROUTING: Final = """\
who={name}
postconf myhostname mydestination relay_domains virtual_mailbox_domains \\
  inet_interfaces proxy_interfaces transport_maps relayhost
for map in $(postconf -hx transport_maps virtual_alias_maps alias_maps | tr ',' ' '); do
  for key in "$who" "${{who#*@}}" "${{who%@*}}"; do
    found=$(postmap -q "$key" "$map" 2>/dev/null) && printf '%s: %s -> %s\\n' "$map" "$key" "$found"
  done
done
getent hosts -- "${{who#*@}}"
true"""
_TWO_MACHINES: Final = (
    "An automatic answer must have no envelope sender (MAIL FROM:<>), say Auto-Submitted: auto-replied, answer each"
    " sender once, and never answer what has no envelope sender, says Auto-Submitted or Precedence: bulk (RFC 3834)."
    " Switch it off until it does, and tell the other side."
)


def contain(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Steps against a circle, known by an address or domain; one of ours that answers is known by who hands it in."""
    if suspect.kind in _BY_KIND:
        steps = _BY_KIND[suspect.kind](tag, suspect, cause)
        return [*(step for step in steps if step.step in {"inspect", "hold"}), _teach()]
    name = plain(suspect.name)
    choice = by_recipient(f"for {name}", name)
    return [*look_and_hold(tag, suspect, choice), _block(tag, suspect, name), _mend(name), _teach()]


def _block(tag: str, suspect: Suspect, name: str) -> Remedy:
    commands, undo, note = recipient_map(tag, name, "HOLD")
    return Remedy(
        step="block",
        title=f"Hold what comes for {name}",
        reach=f"only messages that come by SMTP for {name}{place(suspect)}; they wait in the hold queue, nothing is"
        " lost",
        commands=commands,
        undo=undo,
        note=note or "This ends the circle where the other server hands it back to us.",
    )


def _mend(name: str) -> Remedy:
    return Remedy(
        step="close",
        title="Find the step that leads back",
        reach="nothing; shows where this server sends it",
        commands=[_ROUTING.format(name=quoted(name))],
        undo=[],
        note="Whose mail is it? If it is kept here, name its domain in mydestination or virtual_mailbox_domains; if"
        " another host keeps it, that host must do so, and must not send it back (its relayhost, its alias or forward)."
        " If this server stands behind address translation, proxy_interfaces must name its outer address.",
    )


def _teach() -> Remedy:
    return Remedy(
        step="close", title="Keep answering machines from answering machines", reach="nothing by itself", commands=[],
        undo=[], note=_TWO_MACHINES,
    )  # fmt: skip
