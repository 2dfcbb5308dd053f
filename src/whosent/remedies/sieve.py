"""The Sieve script of a mailbox: switched off, and back on."""

from __future__ import annotations

from whosent.model.finding import Suspect
from whosent.model.incident import Remedy
from whosent.remedies.queued import place
from whosent.remedies.shell import quoted


def switch_off(tag: str, suspect: Suspect, name: str, what: str) -> Remedy:
    """End what a mailbox does by itself; ``what`` is that in words."""
    kept = f"who={quoted(name)}\nkept=~/whosent-{tag}.sieve"
    off = (
        f"{kept}\n"
        'script=$(doveadm sieve list -u "$who" | sed -n "s/ ACTIVE$//p")\n'
        '[ -n "$script" ] && printf \'%s\\n\' "$script" > "$kept" &&\n  doveadm sieve deactivate -u "$who"'
    )
    return Remedy(
        step="block",
        title=f"Switch off {what} of {name}",
        reach=f"the Sieve script of {name}{place(suspect)}, with whatever else it does; its mail keeps arriving",
        commands=[off],
        undo=[f'{kept}\ndoveadm sieve activate -u "$who" "$(cat "$kept")" && rm "$kept"'],
        note="For Dovecot with Sieve. Elsewhere look at ~/.forward, ~/.procmailrc and the mail program's rules.",
    )
