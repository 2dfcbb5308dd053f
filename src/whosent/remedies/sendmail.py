"""The same steps on Sendmail: quarantine what is queued, let the access map stop what comes, undo both.

A quarantined message stays in the queue with its reason, and the reason names the incident: so the undo needs no list.
Queue files say who handed a message in (client, submission stamp, headers), except for the login: that the log knows
alone, by the process number that the login's line and the queue ids share.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause
from whosent.model.incident import Remedy
from whosent.remedies import born_here, client, proxying
from whosent.remedies.queued import Choice, place
from whosent.remedies.shell import Unsafe, plain, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from whosent.model.finding import Suspect

_QUEUE: Final = "/var/spool/mqueue"
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

_LOOK_FOR_HOLES: Final = r"""grep -n RELAY /etc/mail/access
cat /etc/mail/relay-domains
grep -nE 'promiscuous_relay|relay_(entire_domain|local_from|mail_from|based_on_MX)|loose_relay' \
  /etc/mail/sendmail.mc"""


def _by_file(whose: str, setup: str, judge: str) -> Choice:
    """Ask each queue file; ``judge`` is a command on ``"$file"`` that succeeds if it is the suspect's."""
    command = f'{setup}\nfor file in {_QUEUE}/qf*; do\n  {judge} 2>/dev/null &&\n    echo "${{file##*/qf}}"\ndone'
    return Choice(whose, command)


def _look_and_hold(tag: str, suspect: Suspect, choice: Choice) -> list[Remedy]:
    return [
        Remedy(
            step="inspect",
            title="See what is queued",
            reach=f"nothing; names queued mail {choice.whose}{place(suspect)}",
            commands=[f"{choice.command} | head -n 20", f"cat -v {_QUEUE}/qfQUEUE_ID"],
            undo=[],
            note="Needs root. `mailq -Am` lists the whole queue, `mailq -Am -qQ` what is quarantined. If QueueDirectory"
            " in sendmail.cf names another folder or several, put them in its place.",
        ),
        Remedy(
            step="hold",
            title="Quarantine what is queued",
            reach=f"only queued mail {choice.whose}{place(suspect)}; everybody else's keeps flowing, nothing is lost",
            commands=[f"{choice.command} |\nsed 's/^/-qI/' | xargs -r sendmail -Am -Q'whosent {tag}'"],
            undo=[f"sendmail -Am -Q '-qQwhosent {tag}'\nsendmail -Am -q"],
            note="Run it once more after a block below: what was queued in between is caught then. The undo"
            " also tries to deliver it. Quarantined mail does not expire, and a queue run does not touch it.",
        ),
    ]


def _entry(key: str, action: str) -> tuple[list[str], list[str]]:
    """Commands that put one line into the access map, and that take it out again."""
    setup = (
        f"entry={quoted(f'{key} {action}')}\nmap=/etc/mail/access\n"
        "type=$(sed -n 's/^Kaccess \\([a-z]*\\) .*/\\1/p' /etc/mail/sendmail.cf)\n"
    )
    build = 'makemap "${type:?sendmail.cf has no access_db}" "$map" < "$map"'
    return (
        [f'{setup}grep -Fxq -e "$entry" "$map" || printf \'%s\\n\' "$entry" >> "$map"\n{build}'],
        [f'{setup}rest=$(grep -Fxv -e "$entry" "$map")\nprintf \'%s\\n\' "$rest" > "$map"\n{build}'],
    )


def _account(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    name = plain(suspect.name)
    choice = Choice(f"handed in with the login {name}", _BY_LOGIN.format(who=quoted(name), queue=_QUEUE))
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
    return [*_look_and_hold(tag, suspect, choice), lock]


def _user(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    name = plain(suspect.account or suspect.name)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", name):
        raise Unsafe("The user's name holds characters that no login name has.")
    judge = (
        'awk \'/^H\\?\\?Received: / && ++n == 2 { found = $0 == "H??Received: (from " ENVIRON["who"] "@localhost)" }\n'
        '    END { exit !found }\' "$file"'
    )
    choice = _by_file(f"given to sendmail by {name}", f"export who={name}", judge)
    find = Remedy(
        step="close",
        title="Find the program that sends",
        reach="nothing by itself",
        commands=[f"ps -u {name} -o pid,lstart,args\ncrontab -l -u {name}"],
        undo=[],
        note="Sendmail has no list of users who must not send: stop the program, or take the web application off line."
        f" What waits in {_QUEUE.replace('mqueue', 'mqueue-client')} has not reached the mail server yet: see"
        " `mailq -Ac`.",
    )
    return [*_look_and_hold(tag, suspect, choice), find]


def _script(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    path, base, header = born_here.php_header(suspect)
    pattern = f"^H[?][^?]*[?]{header}"
    setup = f"pattern={quoted(pattern)}"
    choice = _by_file(f"whose PHP header names {base}", setup, 'grep -Eq -e "$pattern" "$file"')
    steps = _look_and_hold(tag, suspect, choice)
    if path.startswith("/"):
        steps.append(born_here.switch_off(tag, suspect, path))
    return [*steps, born_here.mend(suspect, cause, path)]


def _client(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    if suspect.kind == "proxy" and suspect.address is None:
        return proxying.contain(tag, suspect, cause)
    address = client.address_of(suspect)
    literal = address.replace(".", "[.]")
    pattern = rf"^\$_(.* )?\[(IPv6:)?{literal}\]( \(may be forged\))?$"
    setup = f"pattern={quoted(pattern)}"
    choice = _by_file(f"that came from {address}", setup, 'grep -Eq -e "$pattern" "$file"')
    stranger = suspect.kind == "relay"
    key = f"Connect:{f'IPv6:{address}' if ':' in address else address}"
    commands, undo = _entry(key, "REJECT" if stranger else f"ERROR:4.7.1:450 Come back later, whosent {tag}")
    block = Remedy(
        step="block",
        title=f"{'Refuse' if stranger else 'Defer'} new mail from {address}",
        reach=f"only mail that {address} hands in{place(suspect)}; "
        f"{'it is refused' if stranger else 'it is asked to come back later'}",
        commands=commands,
        undo=undo,
        note="A mail server keeps what is deferred and tries again; a program that does not loses it. Behind a shared"
        " address (NAT, proxy) this touches everybody there. Sendmail asks the map anew for each connection. If the map"
        f" has a line for {key} already, change that one instead.",
    )
    close = _stop_relaying() if cause is Cause.OPEN_RELAY else client.clean(suspect, address)
    return [*_look_and_hold(tag, suspect, choice), block, client.firewall(tag, suspect, address), close]


def _stop_relaying() -> Remedy:
    return Remedy(
        step="close",
        title="Stop relaying for strangers",
        reach="nothing by itself",
        commands=[_LOOK_FOR_HOLES],
        undo=[],
        note="What lets strangers through stands in one of these: the access map and relay-domains must name own"
        " networks only, and the features above believe an address that anybody can write. After a change of"
        " sendmail.mc build sendmail.cf and restart.",
    )


def _sender(title: str, advice: str, name: str = "") -> Callable[[str, Suspect, Cause], list[Remedy]]:
    def steps(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
        sender = "" if name else plain(suspect.name)
        line = quoted("S<>" if name else f"S<{sender}>")
        whose = f"with the sender {name or sender}, whoever wrote it"
        choice = _by_file(whose, f"line={line}", 'grep -Fxq -e "$line" "$file"')
        close = Remedy(step="close", title=title, reach="nothing by itself", commands=[], undo=[], note=advice)
        return [*_look_and_hold(tag, suspect, choice), close]

    return steps


BY_KIND: Final[dict[str, Callable[[str, Suspect, Cause], list[Remedy]]]] = {
    "account": _account,
    "local_user": _user,
    "script": _script,
    "form": _script,
    "host": _client,
    "relay": _client,
    "proxy": _client,
    "forwarder": _sender(
        "Filter before forwarding",
        "Filter spam before it is forwarded, or stop forwarding and let the other side collect the mail. Forwards are"
        " written in /etc/mail/aliases, virtusertable and ~/.forward.",
    ),
    "backscatter": _sender(
        "Refuse instead of bouncing",
        "Refuse unknown recipients while the sender is still connected: LDAP routing or a virtusertable that is"
        " complete, and for domains of others `To:` lines in the access map. Never answer spam.",
        "MAILER-DAEMON",
    ),
    "list": _sender(
        "Clean the list",
        "Remove the addresses that bounced, and those that never asked, before the list is used again.",
    ),
}
