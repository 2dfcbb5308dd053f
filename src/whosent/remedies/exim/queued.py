"""Mail of one suspect in Exim's queue: how to list it, freeze it, and take it out for good."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, Final

from whosent.model.incident import Remedy
from whosent.remedies import queued
from whosent.remedies.queued import Choice, Own, Words, by_own_reading, equals, place
from whosent.remedies.shell import quoted

if TYPE_CHECKING:
    from whosent.model.finding import Suspect

# Each queued message that is not frozen, by its id: "25m  2.9K 1xWtvi-00001M-2U <sender>" begins a message.
_QUEUED: Final = (
    "exim -bpr | grep -v '[*] frozen [*]' |\n"
    "sed -nE 's/^ *[0-9]+[mhd] +[^ ]+ ([0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) <.*/\\1/p'"
)
_SPOOL: Final = "\"$(exim -bP spool_directory | sed 's/.* = //')\""
_HELD: Final = "held=~/whosent-{tag}.held"
_WORDS: Final = Words(
    show="exim -Mvh MESSAGE_ID | cat -v",
    shown="Needs root. The second command shows the envelope and headers of one of them, -Mvb its body, -Mvl what"
    " became of it; `cat -v` keeps what strangers wrote from steering your terminal.",
    title="Freeze what is queued",
    hold=f'{_HELD}\n{{ids}} |\ntee -a "$held" | xargs -r exim -Mf',
    release=f'{_HELD}\nxargs -r exim -Mt < "$held" && rm "$held"',
    held="Needs root. Run it once more after a block below: what was queued in between is caught then. Frozen mail is"
    " taken out after timeout_frozen_after (`exim -bP timeout_frozen_after auto_thaw`).",
    kept=True,
)
look_and_hold = partial(queued.look_and_hold, _WORDS)


def by_envelope(whose: str, want: str, judge: str, own: Own) -> Choice:
    """Ask the envelope of each message, as Exim wrote it: ``want`` is a shell word, ``judge`` an awk program.

    The envelope ends at the first empty line; its lines are ``-name value`` or ``--name value``.  ``own``: how our
    own reading of a file says the same.
    """
    slowly = (
        f"export want={want}\n{_QUEUED} |\n"
        "while read -r id; do\n"
        "  exim -Mvh \"$id\" 2>/dev/null | sed '/^$/,$d; s/^--*//' |\n"
        f"    awk '{judge}' && echo \"$id\"\n"
        "done"
    )
    return Choice(whose, by_own_reading(_SPOOL, "(.frozen | not)", own, slowly))


def by_account(name: str) -> Choice:
    """Mail handed in with a login; local mail carries its user's name in the same place."""
    return by_envelope(
        f"handed in with the login {name}",
        quoted(f"auth_id {name}"),
        '$0 == ENVIRON["want"] { a = 1 } $0 == "local" { l = 1 } END { exit !(a && !l) }',
        equals("account", name),
    )


def by_user(name: str) -> Choice:
    """Mail that a local user gave to sendmail."""
    return by_envelope(
        f"given to sendmail by {name}",
        quoted(f"ident {name}"),
        '$0 == ENVIRON["want"] { a = 1 } $0 == "local" { l = 1 } END { exit !(a && l) }',
        equals("local_user", name),
    )


def by_client(address: str) -> Choice:
    """Mail that came from an address; its port follows."""
    return by_envelope(
        f"that came from {address}",
        quoted(f"host_address [{address}]:"),
        'index($0, ENVIRON["want"]) == 1 { a = 1 } END { exit !a }',
        equals("client_address", address),
    )


def by_sender(whose: str, sender: str) -> Choice:
    """Mail with a sender address, for what has nobody else to its name; the third line of an envelope."""
    judge = 'NR == 3 && $0 == ENVIRON["want"] { a = 1 } END { exit !a }'
    return by_envelope(whose, quoted(f"<{sender}>"), judge, (shlex.quote(sender), ".sender == $who"))


def remove(tag: str, suspect: Suspect) -> Remedy:
    """Take the frozen mail out, when it is certain that nobody wants it; a copy is kept."""
    held, saved = f"~/whosent-{tag}.held", f"~/whosent-{tag}.removed.tar"
    spool = "spool=$(exim -bP spool_directory | sed 's/.* = //')"
    take_out = (
        f"held={held} saved={saved}\n{spool}\n"
        'sed "s/.*/-name &-[HD]/; 1!s/^/-o /" "$held" |\n'
        '(cd "$spool" && xargs find input -type f) |\n'
        'tar -C "$spool" -cpf "$saved" -T - && xargs -r exim -Mrm < "$held"'
    )
    return Remedy(
        step="close",
        title="Take the frozen mail out",
        reach=f"only what the step before froze{place(suspect)}; senders are not told",
        commands=[take_out],
        undo=[f'saved={saved}\n{spool}\ntar -C "$spool" -xpf "$saved" && rm "$saved"'],
        note="Later, after reading some of it. The copy puts the messages back, frozen, until the list of what was"
        " frozen"
        " is gone; remove the copy when nobody asked for them.",
    )
