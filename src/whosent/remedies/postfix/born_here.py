"""Mail born on this machine: a local user who calls sendmail, a script or form behind a web server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause
from whosent.model.incident import Remedy
from whosent.remedies.postfix.main_cf import first
from whosent.remedies.postfix.queued import by_queue_file, look_and_hold
from whosent.remedies.queued import Own, equals, place
from whosent.remedies.script import mend, php_header, switch_off
from whosent.remedies.shell import Unsafe, plain, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

_LOGIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


def contain_user(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against mail that one uid gave to sendmail."""
    uid = _uid(suspect)
    stamp = f'stamp="Received: by $(postconf -h myhostname) ($(postconf -h mail_name), from userid {uid})"'
    judge = 'postcat -qh "$id" 2>/dev/null | grep -m1 \'^Received:\' |\n    grep -Fxq -e "$stamp"'
    choice = by_queue_file(
        f"given to sendmail by uid {plain(suspect.name) if suspect.uid is None else suspect.uid}",
        stamp,
        judge,
        (f'"{uid}"', ".uid == ($who | tonumber)"),
    )
    return [*look_and_hold(tag, suspect, choice), _refuse_user(suspect, uid), _find_program(uid)]


def _uid(suspect: Suspect) -> str:
    """The uid, or the shell's way to learn it."""
    if suspect.uid is not None:
        return str(int(suspect.uid))
    name = plain(suspect.name)
    if name.isascii() and name.isdigit():
        return name
    if not _LOGIN_NAME.fullmatch(name):
        raise Unsafe("The user's name holds characters that no login name has.")
    return f"$(id -u -- {name})"


def _refuse_user(suspect: Suspect, uid: str) -> Remedy:
    on, off = first("authorized_submit_users", "'!'\"$user\"")
    user = f"user=$(id -nu -- {uid})"
    return Remedy(
        step="block",
        title="Refuse new mail of this user",
        reach=f"every program that runs under this user{place(suspect)}, guilty or not",
        commands=[f"{user}\n{on}"],
        undo=[f"{user}\n{off}"],
        note="This refuses (sendmail exits 75), it does not hold: a program that does not try again loses its mail. It"
        " takes effect at once. Do not replace the list by a file that users cannot read: that stops every local"
        " sender.",
    )


def _find_program(uid: str) -> Remedy:
    return Remedy(
        step="close",
        title="Find the program behind the user",
        reach="nothing by itself",
        commands=[f'ps -o pid,lstart,args -u "{uid}" | cat -v', f'crontab -l -u "$(id -nu -- {uid})" | cat -v'],
        undo=[],
        note="With `mail.add_x_header = On` and `mail.log = /var/log/php-mail.log` in php.ini the next report names the"
        " script. Then close what let the stranger in: update the application, change its passwords.",
    )


def contain_script(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Steps against mail that one script sent."""
    path, base, header = php_header(suspect)
    pattern = f"^{header}"
    judge = 'postcat -qh "$id" 2>/dev/null | grep -Eq -e "$pattern"'
    choice = by_queue_file(f"whose PHP header names {base}", f"pattern={quoted(pattern)}", judge, _by_script(base))
    steps = [*look_and_hold(tag, suspect, choice), _hold_header(tag, suspect, base, pattern)]
    if path.startswith("/"):
        steps.append(switch_off(tag, suspect, path))
    return [*steps, mend(suspect, cause, path)]


def _hold_header(tag: str, suspect: Suspect, base: str, pattern: str) -> Remedy:
    path = f"map=/etc/postfix/whosent-{tag}.headers"
    on, off = first("header_checks", '"regexp:$map"')
    rule = quoted(f"/{pattern}/i HOLD whosent {tag}")
    return Remedy(
        step="block",
        title=f"Hold new mail of {base}",
        reach=f"only mail whose PHP header names {base}{place(suspect)}; it waits in the hold queue, the site stays up",
        commands=[f"{path}\nprintf '%s\\n' \\\n  {rule} > \"$map\"\n{on}\npostfix reload"],
        undo=[f'{path}\n{off}\npostfix reload\nrm "$map"'],
        note="Works where PHP writes the header (`mail.add_x_header = On`). A second script of the same file name is"
        " held with it. In these tables the flag i makes upper and lower case differ.",
    )


def _by_script(base: str) -> Own:
    """Only of a local user: everybody else can write any header."""
    value, condition = equals("script", base)
    return value, f'.actor == "local_user" and {condition}'
