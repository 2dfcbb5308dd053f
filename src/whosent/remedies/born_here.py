"""Mail born on this machine: a local user who calls sendmail, a script or form behind a web server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Cause
from whosent.model.incident import Remedy
from whosent.remedies.queued import by_queue_file, look_and_hold, place
from whosent.remedies.shell import Unsafe, main_cf, plain, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

_LOGIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_@%=~][A-Za-z0-9_.@%=~+-]{0,200}")


def contain_user(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against mail that one uid gave to sendmail."""
    uid = _uid(suspect)
    stamp = f'stamp="Received: by $(postconf -h myhostname) ($(postconf -h mail_name), from userid {uid})"'
    judge = 'postcat -qh "$id" 2>/dev/null | grep -m1 \'^Received:\' |\n    grep -Fxq -e "$stamp"'
    choice = by_queue_file(
        f"given to sendmail by uid {plain(suspect.name) if suspect.uid is None else suspect.uid}", stamp, judge
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
    on, off = main_cf("authorized_submit_users", "'!'\"$user\"")
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
    path = plain(suspect.name)
    base = path.rpartition("/")[2]
    if not _FILE_NAME.fullmatch(base):
        raise Unsafe("The script's file name holds characters that cannot be put into a header pattern safely.")
    literal = base.replace(".", "[.]").replace("+", "[+]")  # the only operators _FILE_NAME lets through
    pattern = f"^X-PHP-Originating-Script: [0-9]+:{literal}([(]|$)"
    judge = 'postcat -qh "$id" 2>/dev/null | grep -Eq -e "$pattern"'
    choice = by_queue_file(f"whose PHP header names {base}", f"pattern={quoted(pattern)}", judge)
    steps = [*look_and_hold(tag, suspect, choice), _hold_header(tag, suspect, base, pattern)]
    if path.startswith("/"):
        steps.append(switch_off(tag, suspect, path))
    return [*steps, mend(suspect, cause, path)]


def _hold_header(tag: str, suspect: Suspect, base: str, pattern: str) -> Remedy:
    path = f"map=/etc/postfix/whosent-{tag}.headers"
    on, off = main_cf("header_checks", '"regexp:$map"')
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


def switch_off(tag: str, suspect: Suspect, path: str) -> Remedy:
    """Let nobody run the file, whatever mail server is behind it."""
    names = f"mode=~/whosent-{tag}.mode\nscript={quoted(path)}"
    return Remedy(
        step="block",
        title="Switch the script off",
        reach=f"only {path}{place(suspect)}, but everything it does, not mail alone",
        commands=[f'{names}\n[ -e "$mode" ] || stat -c %a -- "$script" > "$mode"\nchmod 000 -- "$script"'],
        undo=[f'{names}\nchmod "$(cat "$mode")" -- "$script" && rm "$mode"'],
        note="Where PHP keeps compiled scripts (opcache), reload PHP-FPM or the web server afterwards.",
    )


def mend(suspect: Suspect, cause: Cause, path: str) -> Remedy:
    """What closes the hole."""
    form = cause is Cause.ABUSED_FORM or suspect.kind == "form"
    advice = (
        "Let the form write to fixed recipients only, refuse line breaks in every field that becomes a header, and"
        " make automatic use expensive (a token that expires, a rate per address)."
        if form
        else "If nobody here wrote this file, keep a copy as evidence and look for others of the same day. Update the"
        " application and change its passwords before the script is switched on again."
    )
    return Remedy(
        step="close",
        title="Mend the form" if form else "Mend or remove the script",
        reach="nothing by itself",
        commands=[f"stat -- {quoted(path)}"] if path.startswith("/") else [],
        undo=[],
        note=advice,
    )
