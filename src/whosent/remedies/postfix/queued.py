"""Mail of one suspect in Postfix's queue: how to list it and how to hold it, and nobody else's."""

from __future__ import annotations

from functools import partial
from typing import Final

from whosent.remedies import queued
from whosent.remedies.queued import Choice, Own, Words, by_own_reading, equals
from whosent.remedies.shell import quoted

_SPOOL: Final = '"$(postconf -h queue_directory)"'
_WAITS: Final = '(.folder | IN("hold", "maildrop") | not)'
_HELD: Final = "held=~/whosent-{tag}.held"
_WORDS: Final = Words(
    show="postcat -qe QUEUE_ID | cat -v",
    shown="Needs root and jq. The second command shows the envelope of one of them, -qh instead of -qe its"
    " headers; `cat -v` keeps what strangers wrote from steering your terminal.",
    title="Hold what is queued",
    hold=f'{_HELD}\n{{ids}} |\ntee -a "$held" | postsuper -h -',
    release=f'{_HELD}\npostsuper -H - < "$held" && rm "$held"',
    held="Needs root and jq. With Whosent on that machine some 10,000 messages a second are read, without it some 100;"
    " what is found is held at once. Run it once more after a block below: what was queued in between is caught then."
    " Mail held past its queue lifetime may bounce when released.",
    kept=True,
)
look_and_hold = partial(queued.look_and_hold, _WORDS)


def by_queue_file(whose: str, setup: str, judge: str, own: Own | None = None) -> Choice:
    """Ask each queue file who handed it over: the listing knows only the sender address, anybody's invention.

    ``own``: how our own reading of a file says the same, if it does.
    """
    slowly = (
        "postqueue -j | jq -r 'select(.queue_name != \"hold\") | .queue_id' |\n"
        "while read -r id; do\n"
        f"  {judge} &&\n"
        '    echo "$id"\n'
        "done"
    )
    return Choice(whose, f"{setup}\n{by_own_reading(_SPOOL, _WAITS, own, slowly)}")


def _by_attribute(whose: str, name: str, value: str, own: Own) -> Choice:
    """Compare one whole line of the envelope, as the MTA wrote it."""
    setup = f"line={quoted(f'named_attribute: {name}={value}')}"
    return by_queue_file(whose, setup, 'postcat -qe "$id" 2>/dev/null | grep -Fxq -e "$line"', own)


def by_account(name: str) -> Choice:
    """Mail handed in with a login."""
    return _by_attribute(f"handed in with the login {name}", "sasl_username", name, equals("account", name))


def by_client(address: str) -> Choice:
    """Mail that came from an address."""
    return _by_attribute(f"that came from {address}", "client_address", address, equals("client_address", address))


def by_sender(whose: str, sender: str) -> Choice:
    """Compare the whole sender address, for mail that has nobody else to its name."""
    chosen = "'select(.queue_name != \"hold\" and .sender == $who) | .queue_id'"
    return Choice(whose, f"postqueue -j |\njq -r --arg who {quoted(sender)} \\\n  {chosen}")


def by_bulk_sender(whose: str, sender: str) -> Choice:
    """The same, where each recipient's address may have been put into the sender (VERP)."""
    base = 'if contains("+") then sub("\\\\+[^@]*@"; "@") else sub("-[^@=-]*=[^@]*@"; "@") end'
    chosen = f"'select(.queue_name != \"hold\" and\n    (.sender | {base}) == $who) | .queue_id'"
    return Choice(whose, f"postqueue -j |\njq -r --arg who {quoted(sender)} \\\n  {chosen}")


def by_recipient(whose: str, recipient: str) -> Choice:
    """Compare each recipient's whole address, or its whole domain."""
    chosen = (
        '\'select(.queue_name != "hold" and any(.recipients[].address;\n'
        '    . == $who or endswith("@" + $who))) | .queue_id\''
    )
    return Choice(whose, f"postqueue -j |\njq -r --arg who {quoted(recipient)} \\\n  {chosen}")
