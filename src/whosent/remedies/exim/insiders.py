"""Mail of our own: a login in somebody else's hands, a local user, a script or form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from whosent.model.finding import Suspect
from whosent.model.incident import Remedy
from whosent.remedies import panels
from whosent.remedies.exim.incoming import NOTE, statement
from whosent.remedies.exim.queued import by_account, by_user, look_and_hold, remove
from whosent.remedies.login import lock
from whosent.remedies.queued import place
from whosent.remedies.script import mend, switch_off
from whosent.remedies.shell import Unsafe, plain, quoted

if TYPE_CHECKING:
    from whosent.model.finding import Cause

_LOGIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_NO_KEY: Final = re.compile(r'[\s":#\\]')


def contain_account(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against mail submitted with one login."""
    name = plain(suspect.name)
    steps = [*look_and_hold(tag, suspect, by_account(name)), _block_account(tag, suspect, name)]
    if "@" in name and not name.endswith("@"):
        steps.append(panels.cpanel_mailbox(suspect, name))
        steps += [] if _NO_KEY.search(name) else [panels.directadmin_mailbox(suspect, name)]
    return [*steps, lock(name), remove(tag, suspect)]


def _block_account(tag: str, suspect: Suspect, name: str) -> Remedy:
    reach = f"only mail handed in with the login {name}{place(suspect)}"
    if _NO_KEY.search(name) or not name.isascii():
        return Remedy(
            step="block", title=f"Stop new mail of {name}", reach=reach, commands=[], undo=[],
            note="A lookup table cannot hold a name with spaces, quotes, colons or letters beyond ASCII: lock the"
            " account"
            " where it lives instead.",
        )  # fmt: skip
    condition = "condition = ${lookup{$authenticated_id}lsearch{TABLE}{yes}{no}}"
    commands, undo = statement(tag, "acl_smtp_rcpt", f"{name}: whosent", condition, "freeze")
    return Remedy(
        step="block", title=f"Freeze new mail of {name}", reach=f"{reach}; it waits in the queue, nothing is lost",
        commands=commands, undo=undo, note=NOTE,
    )  # fmt: skip


def contain_user(tag: str, suspect: Suspect, _cause: Cause) -> list[Remedy]:
    """Steps against mail that one local user gave to sendmail."""
    name = _login_name(suspect.name)
    find = Remedy(
        step="close", title="Find the program behind the user", reach="nothing by itself",
        commands=[f"ps -o pid,lstart,args -u {name} | cat -v", f"crontab -l -u {name} | cat -v"], undo=[],
        note="With `log_selector = +arguments +pid` in Exim's configuration the next report names the folder of the"
        " script. Then close what let the stranger in: update the application, change its passwords.",
    )  # fmt: skip
    return [*look_and_hold(tag, suspect, by_user(name)), *_block_user(tag, suspect, name), find, remove(tag, suspect)]


def _login_name(name: str) -> str:
    if not _LOGIN_NAME.fullmatch(plain(name)):
        raise Unsafe("The user's name holds characters that no login name has.")
    return name


def _block_user(tag: str, suspect: Suspect, name: str) -> list[Remedy]:
    condition = "condition = ${lookup{$sender_ident}lsearch{TABLE}{yes}{no}}"
    commands, undo = statement(tag, "acl_not_smtp", f"{name}: whosent", condition, "freeze")
    return [
        Remedy(
            step="block", title="Freeze new mail of this user",
            reach=f"every program that runs under {name}{place(suspect)}, guilty or not; its mail waits, nothing is"
            f" lost",
            commands=commands, undo=undo,
            note=f"Needs an ACL for local mail (`exim -bP acl_not_smtp`): where none is set, nothing is changed."
            f" {NOTE}",
        ),
        panels.cpanel_user(suspect, name),
        panels.directadmin_scripts(suspect, name),
    ]  # fmt: skip


def contain_script(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
    """Steps against mail of one script: in the queue it is its user's, so the narrow steps are on the file."""
    path = plain(suspect.name)
    mail = contain_user(tag, Suspect(kind="local_user", name=suspect.account or "", host=suspect.host), cause)
    queue, block = [step for step in mail if step.step in {"inspect", "hold"}], _steps(mail, "block")
    if path.startswith("/"):
        queue.insert(0, _look_into(path))
        if "." in path.rpartition("/")[2]:  # a file; without its folder a site is gone
            block.insert(0, switch_off(tag, suspect, path))
    return [*queue, *block, mend(suspect, cause, path), remove(tag, suspect)]


def _steps(told: list[Remedy], step: str) -> list[Remedy]:
    return [one for one in told if one.step == step]


def _look_into(path: str) -> Remedy:
    return Remedy(
        step="inspect", title="See what lies there", reach="nothing",
        commands=[f"ls -lat -- {quoted(path)} | head -n 20 | cat -v"], undo=[],
        note="The newest files first. Where the log names a folder only, look for the file that calls mail() or"
        " sendmail"
        " and that nobody here wrote.",
    )  # fmt: skip
