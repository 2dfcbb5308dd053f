"""An address of ours that carries spam on: see where it leads, hold what waits, filter before forwarding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.postfix.incoming import recipient_map
from whosent.remedies.postfix.queued import by_queue_file, by_recipient, look_and_hold
from whosent.remedies.queued import place
from whosent.remedies.shell import plain, quoted
from whosent.remedies.sieve import switch_off

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect

_FIND: Final = """\
who={name}
for maps in virtual_alias_maps alias_maps recipient_canonical_maps; do
  for map in $(postconf -hx "$maps" | tr ',' ' '); do
    for key in "$who" "${{who%@*}}" "@${{who#*@}}"; do
      found=$(postmap -q "$key" "$map" 2>/dev/null) && printf '%s: %s -> %s\\n' "$map" "$key" "$found"
    done
  done
done
home=$(getent passwd -- "${{who%@*}}" | cut -d: -f6)
[ -n "$home" ] && cat "$home/.forward" 2>/dev/null
doveadm sieve list -u "$who" 2>/dev/null
true"""
_FILTER: Final = (
    "Refuse spam while its sender is still connected (a filter in smtpd_milters that rejects, not one that only marks),"
    " and forward nothing it marked. If nothing is set up for that, let the other side collect the mail (IMAP or POP)"
    " instead. Keep what receivers check: rewrite the envelope sender (SRS, postsrsd in sender_canonical_maps), leave"
    " signed mail unchanged (DKIM), and seal it (ARC)."
)


def contain(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against what one address forwards."""
    name = plain(suspect.name)
    if suspect.address is None:
        setup = f"line={quoted(f'original_recipient: {name}')}"
        judge = 'postcat -qe "$id" 2>/dev/null | grep -Fxq -e "$line"'
        choice, block = by_queue_file(f"that came for {name}", setup, judge), _block(tag, suspect, name)
    else:  # handed in anew: nothing in it says whom it came for
        choice = by_recipient(f"to {suspect.address}, whoever wrote it", suspect.address)
        block = switch_off(tag, suspect, name, "the redirect")
    find = Remedy(
        step="inspect",
        title=f"See where {name} leads",
        reach="nothing; asks the tables, the .forward file and Sieve",
        commands=[_FIND.format(name=quoted(name))],
        undo=[],
        note="An answer of Sieve may be a redirect: read the script it names.",
    )
    return [find, *look_and_hold(tag, suspect, choice), block, _filter()]


def _block(tag: str, suspect: Suspect, name: str) -> Remedy:
    commands, undo, note = recipient_map(tag, name, "HOLD")
    return Remedy(
        step="block",
        title=f"Hold new mail to {name}",
        reach=f"only messages that come by SMTP with {name} among their recipients{place(suspect)}; they wait in the"
        " hold queue, nothing is lost",
        commands=commands,
        undo=undo,
        note=note or "Until there is a filter: look through what is held, and release what is no spam.",
    )


def _filter() -> Remedy:
    return Remedy(
        step="close",
        title="Filter before forwarding",
        reach="nothing by itself; shows what filters and rewrites now",
        commands=["postconf smtpd_milters content_filter smtpd_proxy_filter \\\n  sender_canonical_maps"],
        undo=[],
        note=_FILTER,
    )
