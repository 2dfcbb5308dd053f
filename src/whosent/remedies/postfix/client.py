"""Mail from another machine: an infected host of ours, a proxy, a stranger we relay for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause
from whosent.model.incident import Remedy
from whosent.remedies.address import address_of, clean, firewall
from whosent.remedies.postfix.incoming import OVERRIDE, access_map
from whosent.remedies.postfix.queued import by_client, look_and_hold
from whosent.remedies.queued import place

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

_INSIDERS: Final = "permit_mynetworks, permit_sasl_authenticated"


def contain(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Steps against mail that one address hands in."""
    address = address_of(suspect)
    choice = by_client(address)
    steps = [*look_and_hold(tag, suspect, choice), _block(tag, suspect, address), firewall(tag, suspect, address)]
    return [*steps, stop_relaying(tag, suspect) if cause is Cause.OPEN_RELAY else clean(suspect, address)]


def _block(tag: str, suspect: Suspect, address: str) -> Remedy:
    stranger = suspect.kind == "relay"
    commands, undo = access_map(tag, "check_client_access", address, "REJECT" if stranger else "HOLD")
    does = "it is refused" if stranger else "it waits in the hold queue, nothing is lost"
    return Remedy(
        step="block",
        title=f"{'Refuse' if stranger else 'Hold'} new mail from {address}",
        reach=f"only mail that {address} hands in{place(suspect)}; {does}",
        commands=commands,
        undo=undo,
        note=f"Behind a shared address (NAT, proxy) this touches everybody there. {OVERRIDE}",
    )


def stop_relaying(tag: str, suspect: Suspect) -> Remedy:
    """Let nobody relay but insiders, whatever else the restrictions said."""
    saved = f"saved=~/whosent-{tag}.relay"
    look = (
        "postconf mynetworks relay_domains \\\n  smtpd_relay_restrictions smtpd_recipient_restrictions\n"
        "postconf -P '*/*/mynetworks' '*/*/smtpd_relay_restrictions' \\\n  '*/*/smtpd_recipient_restrictions'"
    )
    change = (
        f'{saved}\n[ -e "$saved" ] || postconf smtpd_relay_restrictions > "$saved"\n'
        f"insiders='{_INSIDERS}'\n"
        'postconf -e \\\n  "smtpd_relay_restrictions = $insiders, reject_unauth_destination"\npostfix reload'
    )
    return Remedy(
        step="close",
        title="Stop relaying for strangers",
        reach="clients outside mynetworks that did not log in; mail to own domains keeps coming",
        commands=[look, change],
        undo=[f'{saved}\npostconf -e "$(cat "$saved")" && rm "$saved"\npostfix reload'],
        note=f"If {address_of(suspect)} lies in mynetworks, that setting is the hole: it must name own networks only,"
        " and never the address of a proxy or container gateway that hides the real clients.",
    )
