"""A script or form, whatever mail server is behind it: its PHP header, switched off, mended."""

from __future__ import annotations

import re
from typing import Final

from whosent.model.finding import Cause, Suspect
from whosent.model.incident import Remedy
from whosent.remedies.queued import place
from whosent.remedies.shell import Unsafe, plain, quoted

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_@%=~][A-Za-z0-9_.@%=~+-]{0,200}")


def php_header(suspect: Suspect) -> tuple[str, str, str]:
    """The script's path, its file name, and a pattern of the header that PHP writes with that name."""
    path = plain(suspect.name)
    base = path.rpartition("/")[2]
    if not _FILE_NAME.fullmatch(base):
        raise Unsafe("The script's file name holds characters that cannot be put into a header pattern safely.")
    literal = base.replace(".", "[.]").replace("+", "[+]")  # the only operators _FILE_NAME lets through
    return path, base, f"X-PHP-Originating-Script: [0-9]+:{literal}([(]|$)"


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
