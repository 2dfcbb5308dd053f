"""Outsiders who use our own name: refuse that client, and senders of ours from anybody who did not log in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.postfix import client
from whosent.remedies.postfix.main_cf import last

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect

_INSIDERS: Final = "permit_mynetworks, permit_sasl_authenticated, "
_LOOK: Final = """\
postconf smtpd_client_restrictions smtpd_helo_restrictions \\
  smtpd_sender_restrictions smtpd_recipient_restrictions \\
  smtpd_relay_restrictions mynetworks
postconf -P | grep _restrictions"""
_MAP: Final = """\
map=/etc/postfix/whosent-{tag}.own
postconf -hx mydestination virtual_mailbox_domains virtual_alias_domains |
tr ', ' '\\n\\n' | grep -E '^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$' | sort -u |
sed 's/$/ REJECT log in to write in our name/' > "$map"
[ -s "$map" ] || echo 'No domain found: they stand in a table. Write them into the file, one "DOMAIN REJECT" a line.'
postmap "$map"
"""


def contain(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Steps against one client, and against the hole it came through."""
    return [
        *client.contain(tag, suspect, cause)[:-1],
        _let_in_by_name(),
        client.stop_relaying(tag, suspect),
        _close(tag),
    ]


def _let_in_by_name() -> Remedy:
    return Remedy(
        step="close",
        title="Find what takes a sender for proof",
        reach="nothing; shows the restrictions that let somebody in",
        commands=[_LOOK],
        undo=[],
        note="An OK for our own domains in a check_sender_access table, or permit_... by sender, lets anybody relay who"
        " writes our name into MAIL FROM: take it out.",
    )


def _close(tag: str) -> Remedy:
    entry = f'"{_INSIDERS}check_sender_access $(postconf -h default_database_type):$map"'
    on, off = last("smtpd_sender_restrictions", entry)
    path = f"map=/etc/postfix/whosent-{tag}.own\n"
    return Remedy(
        step="close",
        title="Refuse senders of our own domains from outside without a login",
        reach="clients outside mynetworks that did not log in and whose envelope sender is of our domains; everybody"
        " else's mail keeps coming",
        commands=[f"{_MAP.format(tag=tag)}{on}\npostfix reload"],
        undo=[f'{path}{off}\npostfix reload\nrm "$map" "$map".*'],
        note="If smtpd_sender_restrictions permits earlier what should be refused, this is not reached: see the step"
        " above. Before you run it, put cloud services and hosts that honestly send in our name into mynetworks, or"
        " give them a login; forwarders that keep the envelope sender are refused too. For people who are logged in,"
        " reject_sender_login_mismatch keeps each to its own addresses. SPF and DMARC with p=reject say the same to"
        " the rest of the world, and a check of both on what comes in catches what has our name in From only.",
    )
