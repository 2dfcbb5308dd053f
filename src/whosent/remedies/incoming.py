"""New mail of one suspect: an access map of its own that holds or refuses it."""

from __future__ import annotations

from typing import Final

from whosent.remedies.shell import main_cf, quoted

OVERRIDE: Final = (
    "If `postconf -P '*/*/smtpd_data_restrictions'` prints a line, that service overrides main.cf: add the entry there"
    " too. A session already open keeps the old rules until it ends."
)


def access_map(tag: str, table: str, key: str, action: str) -> tuple[list[str], list[str]]:
    """Commands that give mail with this key the action when its content comes, and the way back.

    The restriction is asked at DATA because master.cf commonly overrides the earlier ones for submission.
    """
    by_login = table == "check_sasl_access"
    path = f"map=/etc/postfix/whosent-{tag}.{'sasl' if by_login else 'cidr'}"
    kind = "$(postconf -h default_database_type)" if by_login else "cidr"
    on, off = main_cf("smtpd_data_restrictions", f'"{table} {kind}:$map"')
    write = f"printf '%s\\n' {quoted(f'{key} {action} whosent {tag}')} > \"$map\""
    compiled, every = ('\npostmap "$map"', ' "$map".*') if by_login else ("", "")
    return (
        [f"{path}\n{write}{compiled}\n{on}\npostfix reload"],
        [f'{path}\n{off}\npostfix reload\nrm "$map"{every}'],
    )
