"""Sendmail's steps against an account, a local user, a script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies.queued import Choice, Own, equals
from whosent.remedies.script import mend, php_header, switch_off
from whosent.remedies.sendmail.queued import QUEUE, by_file, look_and_hold
from whosent.remedies.shell import Unsafe, plain, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Cause, Suspect

_BY_LOGIN: Final = r"""log=/var/log/mail.log
who={who} awk '
  match($0, /\[[0-9]+\]: /) {{
    pid = substr($0, RSTART, RLENGTH); body = substr($0, RSTART + RLENGTH)
    if (body ~ /^AUTH=server, relay=/) {{
      sub(/^.*, authid=/, "", body); sub(/, mech=[^,]*, bits=[0-9]*$/, "", body); user[pid] = body
    }} else if (body ~ /^[0-9A-Za-z]+: from=.*, proto=ESMTPS?A, daemon=[^,]*, relay=[^,]*$/) {{
      if (user[pid] == ENVIRON["who"]) {{ sub(/:.*/, "", body); print body }}
    }}
  }}' "$log" |
while read -r id; do
  [ -e "{queue}/qf$id" ] && echo "$id"
done"""


def contain_account(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Quarantine what came with the login, and say how it is locked."""
    name = plain(suspect.name)
    choice = Choice(f"handed in with the login {name}", _BY_LOGIN.format(who=quoted(name), queue=QUEUE))
    lock = Remedy(
        step="close",
        title=f"Lock {name}, give it a new password and end its sessions",
        reach=f"all sessions of {name}: its owner has to log in again everywhere",
        commands=["ps -o pid,lstart,args -C sendmail"],
        undo=[],
        note="Sendmail's access map knows senders and clients, not logins: lock the login where it lives (system"
        " account, sasldb, directory), before anything else. A session that is open stays logged in until it ends: the"
        " command shows the processes, `kill` ends one. Look for forwards (~/.forward) the thief left, for the device"
        " that leaked the password.",
    )
    return [*look_and_hold(tag, suspect, choice), lock]


def contain_user(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Quarantine what the user gave to sendmail, and find the program."""
    name = plain(suspect.account or suspect.name)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", name):
        raise Unsafe("The user's name holds characters that no login name has.")
    judge = (
        'awk \'/^H\\?\\?Received: / && ++n == 2 { found = $0 == "H??Received: (from " ENVIRON["who"] "@localhost)" }\n'
        '    END { exit !found }\' "$file"'
    )
    choice = by_file(f"given to sendmail by {name}", f"export who={name}", judge)
    find = Remedy(
        step="close",
        title="Find the program that sends",
        reach="nothing by itself",
        commands=[f"ps -u {name} -o pid,lstart,args\ncrontab -l -u {name}"],
        undo=[],
        note="Sendmail has no list of users who must not send: stop the program, or take the web application off line."
        f" What waits in {QUEUE.replace('mqueue', 'mqueue-client')} has not reached the mail server yet: see"
        " `mailq -Ac`.",
    )
    return [*look_and_hold(tag, suspect, choice), find]


def contain_script(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Quarantine what PHP says the script sent, and switch the script off."""
    path, base, header = php_header(suspect)
    pattern = f"^H[?][^?]*[?]{header}"
    setup = f"pattern={quoted(pattern)}"
    choice = by_file(f"whose PHP header names {base}", setup, 'grep -Eq -e "$pattern" "$file"', _by_script(base))
    steps = look_and_hold(tag, suspect, choice)
    if path.startswith("/"):
        steps.append(switch_off(tag, suspect, path))
    return [*steps, mend(suspect, cause, path)]


def _by_script(base: str) -> Own:
    """Only of what a program on this machine handed in: everybody else can write any header."""
    value, condition = equals("script", base)
    here = '(.actor == "local_user" or\n      (.client_address | IN("127.0.0.1", "::1")))'
    return value, f"{here} and\n    {condition}"
