"""A list with many dead addresses: hold the issue, take the refused addresses out, keep it clean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.postfix.incoming import OVERRIDE, access_map
from whosent.remedies.postfix.queued import by_account, by_bulk_sender, look_and_hold
from whosent.remedies.queued import place
from whosent.remedies.shell import plain, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect

# Strangers write addresses and replies: each field is read where Postfix put it, and an address has no blank, <, > or ,
_EXTRACT: Final = r"""zcat -f $(ls -tr /var/log/mail.log* /var/log/maillog* 2>/dev/null) |
who={name} awk '
!match($0, /: [0-9A-Za-z]+: /) {{ next }}
{{ id = substr($0, RSTART + 2, RLENGTH - 4); said = substr($0, RSTART + RLENGTH) }}
{mine}
said ~ /^to=<[^<> ,]+>, / && said ~ /, dsn=5\.1\.[0-9]+, status=bounced \(/ && (id in mine) {{
  split(said, parts, /[<>]/); print parts[2]
}}
said == "removed" {{ delete mine[id] }}' |
sort -u | tee ~/whosent-{tag}.suppress"""
_BY_LOGIN: Final = r"""said ~ /^client=/ {
  delete mine[id]
  if (sub(/.*, sasl_username=/, "", said) && said == ENVIRON["who"]) mine[id]
}"""
_BY_SENDER: Final = r"""said ~ /^from=<[^<> ,]+>, size=/ {
  split(said, parts, /[<>]/); sender = parts[2]; delete mine[id]
  if (sender ~ /\+/) sub(/\+[^@]*@/, "@", sender); else sub(/-[^@=-]*=[^@]*@/, "@", sender)
  if (sender == ENVIRON["who"]) mine[id]
}"""


def contain(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps for a list, known by the login that sends it or by the address its bounces go to."""
    name = plain(suspect.name)
    by_login = suspect.account == name
    if by_login:
        choice = by_account(name)
    else:
        choice = by_bulk_sender(f"with the sender {name}, a recipient's address in it or not", name)
    steps = [*look_and_hold(tag, suspect, choice), _block(tag, suspect, name, by_login=by_login)]
    return [*steps, _suppress(tag, name, by_login=by_login), _keep_clean()]


def _block(tag: str, suspect: Suspect, name: str, *, by_login: bool) -> Remedy:
    reach = f"only mail {'handed in with the login' if by_login else 'with the sender'} {name}{place(suspect)}"
    if re.search(r'[\s"#]', name) or not name.isascii():
        note = "A lookup table cannot hold such a name: stop the next issue in the program that sends it."
        return Remedy(step="block", title="Hold the next issue", reach=reach, commands=[], undo=[], note=note)
    table = "check_sasl_access" if by_login else "check_sender_access"
    commands, undo = access_map(tag, table, name.lower(), "HOLD")
    return Remedy(
        step="block",
        title="Hold the next issue",
        reach=f"{reach}; it waits in the hold queue, nothing is lost",
        commands=commands,
        undo=undo,
        note=f"Only if it goes on before the list is clean. {OVERRIDE}",
    )


def _suppress(tag: str, name: str, *, by_login: bool) -> Remedy:
    mine = _BY_LOGIN if by_login else _BY_SENDER
    return Remedy(
        step="close",
        title="Write down the addresses that were refused, and take them off the list",
        reach=f"nothing by itself; writes ~/whosent-{tag}.suppress",
        commands=[_EXTRACT.format(name=quoted(name), tag=tag, mine=mine)],
        undo=[f"rm ~/whosent-{tag}.suppress"],
        note="Give that file to whoever keeps the list: these addresses do not exist (5.1.x) and must not be written to"
        " again. Full mailboxes and refusals of another kind are not in it.",
    )


def _keep_clean() -> Remedy:
    return Remedy(
        step="close",
        title="Keep the list clean",
        reach="nothing by itself",
        commands=[],
        undo=[],
        note="Let the list program read its bounces and drop who bounces for good (Mailman: bounce processing). Add"
        " only people who confirmed by mail that they asked (double opt-in). Put List-Unsubscribe and"
        " List-Unsubscribe-Post (RFC 8058) into every issue. Never write to a bought list.",
    )
