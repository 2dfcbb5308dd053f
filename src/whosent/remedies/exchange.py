"""Exchange Server, in its Management Shell: suspend what is queued, block, close; each step with its undo.

Cmdlets and parameters after learn.microsoft.com/powershell/module/exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.powershell import address, identity, quoted
from whosent.remedies.shell import Unsafe, plain

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect

_FILTER: Final = (
    """$from = $mailbox.PrimarySmtpAddress.ToString().Replace("'", "''")""",
    """$filter = "FromAddress -eq '$from'\"""",
)
_WAYS: Final = ("OWAEnabled", "ActiveSyncEnabled", "MAPIEnabled", "EwsEnabled", "PopEnabled", "ImapEnabled")
_SUSPENDED: Final = (
    "A message that is being delivered at this moment is not stopped: run it again after a minute. Remove-Message with"
    " the same filter, and -WithNDR $false, deletes for good."
)


_PORTS: Final = "-Direction Inbound -Action Block -Protocol TCP -LocalPort 25,465,587,2525 -RemoteAddress"
_ANYBODY: Final = (
    "Get-ReceiveConnector | Get-ADPermission | Where-Object { $_.User -like '*ANONYMOUS*' -and"
    " $_.ExtendedRights -like '*Accept-Any-Recipient*' } | Format-Table Identity, User"
)


def _each(cmdlet: str, more: str) -> str:
    """A cmdlet on the chosen messages of every server."""
    return f"Get-TransportService | ForEach-Object {{ {cmdlet} -Server $_.Name -Filter $filter {more} }}"


def contain(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against an account or a client of Exchange Server."""
    if suspect.kind == "account":
        return _account(tag, plain(suspect.name))
    if suspect.kind in {"host", "relay"}:
        return _client(tag, plain(suspect.address or suspect.name))
    raise Unsafe(f"For a {suspect.kind.replace('_', ' ')} on Exchange Server no command is known that stops only it.")


def _on(name: str, *lines: str) -> str:
    """Commands on the one mailbox of that name; on none if there is no such mailbox, or more than one."""
    body = "\n".join(f"  {line}" for line in lines)
    return (
        f"$mailbox = @()\n$mailbox = @(Get-Mailbox -Identity {identity(name)})\n"
        f"if ($mailbox.Count -eq 1) {{\n{body}\n}} else {{ 'No single mailbox of this name: nothing was done' }}"
    )


def _account(tag: str, name: str) -> list[Remedy]:
    return [_look(name), _suspend(name), _moderate(tag, name), _protocols(tag, name), _close(name)]


def _suspend(name: str) -> Remedy:
    return Remedy(
        step="hold",
        title=f"Suspend the queued mail of {name}",
        reach=f"only queued mail whose sender is the address of {name}, on every Mailbox server",
        commands=[_on(name, *_FILTER, _each("Suspend-Message", "-Confirm:$false"))],
        undo=[_on(name, *_FILTER, _each("Resume-Message", "-Confirm:$false"))],
        note=_SUSPENDED,
    )


def _look(name: str) -> Remedy:
    return Remedy(
        step="inspect",
        title=f"See what {name} has in the queues, and its rules and forwards",
        reach="nothing: it only looks",
        commands=[
            _on(name, *_FILTER, f"{_each('Get-Message', '-ResultSize Unlimited')} | Group-Object Queue, Status"),
            _on(
                name,
                "Get-InboxRule -Mailbox $mailbox.Identity | Format-List Name, Enabled, Description",
                "$mailbox | Format-List ForwardingAddress, ForwardingSmtpAddress, DeliverToMailboxAndForward",
            ),
        ],
        undo=[],
        note="A thief often leaves a rule that deletes or forwards the answers.",
    )


def _moderate(tag: str, name: str) -> Remedy:
    rule = identity(f"whosent {tag}")
    return Remedy(
        step="block",
        title=f"Hold new mail of {name} to the outside for approval",
        reach=f"only mail of {name} that leaves the organisation; it waits for your approval, nothing is lost",
        commands=[
            _on(
                name,
                "$moderator = Read-Host 'Mailbox that approves or rejects'",
                f"New-TransportRule -Name {rule} -From $mailbox.PrimarySmtpAddress -SentToScope NotInOrganization"
                " -ModerateMessageByUser $moderator",
            )
        ],
        undo=[f"Remove-TransportRule -Identity {rule} -Confirm:$false"],
        note="Servers take up a new rule within minutes. What the moderator does not answer expires after five days.",
    )


def _protocols(tag: str, name: str) -> Remedy:
    kept = identity(f"whosent-{tag}.xml")
    off = " ".join(f"-{one} $false" for one in _WAYS)
    back = " ".join(f"-{one} $was.{one}" for one in _WAYS)
    return Remedy(
        step="block",
        title=f"Shut every way into the mailbox of {name}",
        reach=f"the owner of {name} as well, in every client",
        commands=[
            _on(
                name,
                f"if (-not (Test-Path {kept})) {{ Get-CASMailbox -Identity $mailbox.Identity | Export-Clixml {kept} }}",
                f"Set-CASMailbox -Identity $mailbox.Identity {off}",
            )
        ],
        undo=[_on(name, f"$was = Import-Clixml {kept}", f"Set-CASMailbox -Identity $mailbox.Identity {back}")],
        note="This does not stop SMTP submission with the stolen password: change it first. Servers keep what they know"
        " of a mailbox for some minutes.",
    )


def _close(name: str) -> Remedy:
    return Remedy(
        step="close",
        title=f"Give {name} a new password",
        reach=f"all sessions of {name}: its owner has to log in again everywhere",
        commands=[
            _on(
                name,
                "Set-ADAccountPassword -Identity $mailbox.SamAccountName -Reset"
                " -NewPassword (Read-Host 'New password' -AsSecureString)",
            )
        ],
        undo=[],
        note="There is nothing to undo. Afterwards remove the rules and forwards that the thief left, and look for the"
        " device that leaked the password.",
    )


def _client(tag: str, name: str) -> list[Remedy]:
    where = address(name)
    chosen = f"$filter = {quoted(f'SourceIP -eq {where}')}\n"
    rule = identity(f"whosent {tag}")
    return [
        Remedy(
            step="inspect",
            title=f"See what {name} has in the queues, and which connectors let it in",
            reach="nothing: it only looks",
            commands=[
                f"{chosen}{_each('Get-Message', '-ResultSize Unlimited')} | Group-Object Queue, Status",
                "Get-ReceiveConnector | Format-Table Identity, PermissionGroups, AuthMechanism, RemoteIPRanges -Wrap",
            ],
            undo=[],
        ),
        Remedy(
            step="hold",
            title=f"Suspend the queued mail of {name}",
            reach=f"only queued mail that came from {name}",
            commands=[f"{chosen}{_each('Suspend-Message', '-Confirm:$false')}"],
            undo=[f"{chosen}{_each('Resume-Message', '-Confirm:$false')}"],
            note=_SUSPENDED,
        ),
        Remedy(
            step="block",
            title=f"Close the mail ports to {name}",
            reach=f"only connections from {name} to this server's ports 25, 465, 587 and 2525",
            commands=[f"New-NetFirewallRule -DisplayName {rule} {_PORTS} {where}"],
            undo=[f"Remove-NetFirewallRule -DisplayName {rule}"],
            note="Run it on every server that takes mail. The client keeps its mail and tries again; nothing is lost.",
        ),
        Remedy(
            step="close",
            title="Let only those relay who must",
            reach="every client of a connector that is changed",
            commands=[_ANYBODY],
            undo=[],
            note="A connector with that right relays for whoever it lets in: narrow its RemoteIPRanges, or take the"
            " right away.",
        ),
    ]
