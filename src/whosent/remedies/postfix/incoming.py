"""New mail of one suspect: an access map of its own that holds or refuses it."""

from __future__ import annotations

import re
from typing import Final

from whosent.remedies.postfix.main_cf import first
from whosent.remedies.shell import quoted

_INDEXED: Final = "$(postconf -h default_database_type)"
OVERRIDE: Final = (
    "If `postconf -P '*/*/smtpd_data_restrictions'` prints a line, that service overrides main.cf: add the entry there"
    " too. A session already open keeps the old rules until it ends."
)


def access_map(tag: str, table: str, key: str, action: str) -> tuple[list[str], list[str]]:
    """Commands that give mail with this key the action when its content comes, and the way back.

    The restriction is asked at DATA because master.cf commonly overrides the earlier ones for submission.
    """
    indexed = table != "check_client_access"
    path = (
        f"map=/etc/postfix/whosent-{tag}.{table.removeprefix('check_').removesuffix('_access') if indexed else 'cidr'}"
    )
    kind = _INDEXED if indexed else "cidr"
    on, off = first("smtpd_data_restrictions", f'"{table} {kind}:$map"')
    write = f"printf '%s\\n' {quoted(f'{key} {action} whosent {tag}')} > \"$map\""
    compiled, every = ('\npostmap "$map"', ' "$map".*') if indexed else ("", "")
    return (
        [f"{path}\n{write}{compiled}\n{on}\npostfix reload"],
        [f'{path}\n{off}\npostfix reload\nrm "$map"{every}'],
    )


def recipient_map(tag: str, key: str, action: str) -> tuple[list[str], list[str], str]:
    """Commands that give mail to this address or domain the action, the way back, and why there are none if so.

    At RCPT, since a message may have several recipients; what master.cf overrides for submission is not reached, so
    that people who log in keep writing there.
    """
    if re.search(r'[\s"#]', key) or not key.isascii():
        return [], [], "A lookup table cannot hold a name with spaces, quotes, # or letters beyond ASCII."
    path = f"map=/etc/postfix/whosent-{tag}.recipient"
    on, off = first("smtpd_recipient_restrictions", f'"check_recipient_access {_INDEXED}:$map"')
    write = f"printf '%s\\n' {quoted(f'{key.lower()} {action}')} > \"$map\""
    return (
        [f'{path}\n{write}\npostmap "$map"\n{on}\npostfix reload'],
        [f'{path}\n{off}\npostfix reload\nrm "$map" "$map".*'],
        "",
    )
