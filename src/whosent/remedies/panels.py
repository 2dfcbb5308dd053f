"""What hosting panels keep themselves: a mailbox or a hosting account that must not send, in the panel's own words.

From the panels' documentation; none of them could be run here, and each step says so.
"""

from __future__ import annotations

from typing import Final

from whosent.model.finding import Suspect
from whosent.model.incident import Remedy
from whosent.remedies.queued import place
from whosent.remedies.shell import quoted

_UNTRIED: Final = "only, from its documentation and not tried here."
_LISTED: Final = (
    'awk -F: \'$1 == ENVIRON["who"] { found = 1 } END { exit !found }\' "$list" 2>/dev/null ||\n'
    '  printf \'%s:%s\\n\' "$who" "$(date +%s)" >> "$list"'
)
_STRUCK: Final = (
    'rest=$list.whosent\nawk -F: \'$1 != ENVIRON["who"]\' "$list" > "$rest" &&\n  cat "$rest" > "$list" && rm "$rest"'
)


def cpanel_mailbox(suspect: Suspect, name: str) -> Remedy:
    """Hold what one mailbox sends."""
    owner = f"user=$(/usr/local/cpanel/scripts/whoowns {quoted(name.rpartition('@')[2])})"
    word = quoted(f"email={name}")
    return Remedy(
        step="block",
        title=f"On a cPanel host: hold what {name} sends",
        reach=f"only mail of the mailbox {name}{place(suspect)}; it waits in the queue, nothing is lost",
        commands=[f'{owner}\nuapi --user="$user" Email hold_outgoing {word}'],
        undo=[f'{owner}\nuapi --user="$user" Email release_outgoing {word}'],
        note=f"cPanel {_UNTRIED} suspend_outgoing refuses instead of holding, unsuspend_outgoing takes that back.",
    )


def cpanel_user(suspect: Suspect, name: str) -> Remedy:
    """Hold what one hosting account sends."""
    return Remedy(
        step="block",
        title=f"On a cPanel host: hold what the account {name} sends",
        reach=f"all mail of the hosting account {name}{place(suspect)}, its mailboxes too; it waits in the queue",
        commands=[f"whmapi1 hold_outgoing_email user={name}"],
        undo=[f"whmapi1 release_outgoing_email user={name}"],
        note=f"cPanel {_UNTRIED} suspend_outgoing_email refuses instead of holding, unsuspend_outgoing_email takes"
        " that back.",
    )


def directadmin_mailbox(suspect: Suspect, name: str) -> Remedy:
    """Refuse what one mailbox sends."""
    setup = f"export who={quoted(name)}\nlist=/etc/virtual/blacklist_smtp_usernames"
    return Remedy(
        step="block",
        title=f"On a DirectAdmin host: refuse what {name} sends",
        reach=f"only mail handed in with the login {name}{place(suspect)}; it is refused, its sender is told",
        commands=[f"{setup}\n{_LISTED}"],
        undo=[f"{setup}\n{_STRUCK}"],
        note=f"DirectAdmin {_UNTRIED} Its Exim asks the list for each message; nothing has to be restarted.",
    )


def directadmin_scripts(suspect: Suspect, name: str) -> Remedy:
    """Refuse what the programs of one hosting account send; its mailboxes go on."""
    setup = f"export who={quoted(name)}\nlist=/etc/virtual/blacklist_script_usernames"
    return Remedy(
        step="block",
        title=f"On a DirectAdmin host: refuse what programs of {name} send",
        reach=f"every program that runs under {name}{place(suspect)}; its mailboxes go on, refused mail is lost",
        commands=[f"{setup}\n{_LISTED}"],
        undo=[f"{setup}\n{_STRUCK}"],
        note=f"DirectAdmin {_UNTRIED} /etc/virtual/blacklist_usernames stops the mailboxes as well.",
    )


def plesk_mailbox(suspect: Suspect, name: str) -> Remedy:
    """Refuse what one mailbox sends."""
    word = quoted(name)
    return Remedy(
        step="block",
        title=f"On a Plesk host: refuse what {name} sends",
        reach=f"only mail of the mailbox {name}{place(suspect)}; it is refused, its sender is told",
        commands=[f"plesk bin mail --update {word} \\\n  -outgoing-messages-mbox-limit 0"],
        undo=[f"plesk bin mail --update {word} \\\n  -outgoing-messages-mbox-limit default"],
        note=f"Plesk {_UNTRIED} Works where its limits on outgoing mail are switched on. The undo gives the mailbox the"
        " limit of its domain back: if it had one of its own (`plesk bin mail --info`), write that.",
    )
