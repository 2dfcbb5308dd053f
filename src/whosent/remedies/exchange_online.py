"""Microsoft 365, in Exchange Online and Microsoft Graph PowerShell: block, moderate, close; each step with its undo.

Cmdlets and parameters after learn.microsoft.com/powershell/module/exchange and
learn.microsoft.com/powershell/microsoftgraph; the order after "Responding to a compromised email account"
(learn.microsoft.com/defender-office-365/responding-to-a-compromised-email-account).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whosent.model.incident import Remedy
from whosent.remedies.powershell import address, identity
from whosent.remedies.shell import Unsafe, plain

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect


def contain(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against an account of the tenant, or a client that relays through it."""
    if suspect.kind == "account":
        return _account(tag, plain(suspect.name))
    if suspect.kind in {"host", "relay"}:
        return _client(plain(suspect.address or suspect.name))
    raise Unsafe(f"For a {suspect.kind.replace('_', ' ')} in Microsoft 365 no command is known that stops only it.")


def _account(tag: str, name: str) -> list[Remedy]:
    user = identity(name)
    return [*_look_and_moderate(tag, name, user), *_block(name, user), _close(name, user)]


def _look_and_moderate(tag: str, name: str, user: str) -> list[Remedy]:
    rule = identity(f"whosent {tag}")
    return [
        Remedy(
            step="inspect",
            title=f"See the rules, forwards and mail of {name}",
            reach="nothing: it only looks",
            commands=[
                (
                    f"Get-InboxRule -Mailbox {user} -IncludeHidden | Format-List Name, Enabled, Description\n"
                    f"Get-Mailbox -Identity {user} | Format-List ForwardingAddress, ForwardingSmtpAddress,"
                    " DeliverToMailboxAndForward"
                ),
                (
                    f"Get-MessageTraceV2 -SenderAddress {user} -StartDate (Get-Date).AddDays(-2) -EndDate (Get-Date)"
                    " -ResultSize 5000 | Group-Object Status"
                ),
            ],
            undo=[],
            note="Connect-ExchangeOnline first. A thief often leaves a rule that deletes or forwards the answers.",
        ),
        Remedy(
            step="hold",
            title=f"Hold new mail of {name} to the outside for approval",
            reach=f"only mail of {name} that leaves the organisation; it waits for your approval, nothing is lost",
            commands=[
                (
                    "$moderator = Read-Host 'Mailbox that approves or rejects'\n"
                    f"New-TransportRule -Name {rule} -From {user}"
                    " -SentToScope NotInOrganization -ModerateMessageByUser $moderator"
                )
            ],
            undo=[f"Remove-TransportRule -Identity {rule} -Confirm:$false"],
            note="The queues of Microsoft 365 cannot be held: what was accepted before is on its way.",
        ),
    ]


def _block(name: str, user: str) -> list[Remedy]:
    return [
        Remedy(
            step="block",
            title=f"Block the sign-in of {name} and end its sessions",
            reach=f"the owner of {name} as well, everywhere",
            commands=[
                (
                    "Connect-MgGraph -Scopes 'User.EnableDisableAccount.All', 'User.RevokeSessions.All'\n"
                    f"Update-MgUser -UserId {user} -AccountEnabled:$false\nRevoke-MgUserSignInSession -UserId {user}"
                )
            ],
            undo=[f"Update-MgUser -UserId {user} -AccountEnabled:$true"],
            note="Tokens that were handed out may live for an hour. Unblock only after the password was changed.",
        ),
        Remedy(
            step="block",
            title=f"Take SMTP submission from {name}",
            reach=f"only programs that send as {name} by SMTP with a password",
            commands=[f"Set-CASMailbox -Identity {user} -SmtpClientAuthenticationDisabled $true"],
            undo=[f"Set-CASMailbox -Identity {user} -SmtpClientAuthenticationDisabled $null"],
            note="The undo goes back to what the organisation says (Get-TransportConfig); if it was allowed for this"
            " mailbox alone, write $false.",
        ),
    ]


def _close(name: str, user: str) -> Remedy:
    return Remedy(
        step="close",
        title=f"Give {name} a new password and a second factor",
        reach=f"all sessions of {name}: its owner has to sign in again everywhere",
        commands=[f"Get-MgUserAuthenticationMethod -UserId {user} | Format-List Id, AdditionalProperties"],
        undo=[],
        note="Reset the password in the Microsoft 365 admin center, remove authentication methods and app consents"
        " that the owner does not know, and the rules the thief left. If Microsoft itself stopped the account,"
        " Get-BlockedSenderAddress shows it and Remove-BlockedSenderAddress lets it send again.",
    )


def _client(name: str) -> list[Remedy]:
    where = address(name)
    policy = "Set-HostedConnectionFilterPolicy -Identity Default -IPBlockList"
    return [
        Remedy(
            step="inspect",
            title=f"See which connector lets {name} in",
            reach="nothing: it only looks",
            commands=["Get-InboundConnector | Format-List Name, Enabled, SenderIPAddresses, TlsSenderCertificateName"],
            undo=[],
        ),
        Remedy(
            step="block",
            title=f"Refuse connections from {name}",
            reach=f"all mail that {name} hands to Microsoft 365",
            commands=[f"{policy} @{{Add={where}}}"],
            undo=[f"{policy} @{{Remove={where}}}"],
            note="If a connector names this address, take it out there as well: what it trusts is not filtered.",
        ),
    ]
