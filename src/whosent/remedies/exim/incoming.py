"""New mail of one suspect: a statement at the top of Exim's ACL that freezes or refuses it, and a table of whom."""

from __future__ import annotations

from typing import Final

from whosent.remedies.shell import quoted

NOTE: Final = (
    "Written into the file that `exim -bP configure_file` names: where that one is generated (Debian's split"
    " configuration, a panel), the next generation drops it. A session already open keeps the old rules until it ends."
)

# Puts a statement behind the line that begins the ACL, between two marks; nothing if the marks are there.
_INSERT: Final = """\
conf=$(exim -bP configure_file) acl=$(exim -bP {option} | sed 's/.* = *//')
grep -q "^# whosent {tag} begins" "$conf" || {{
  grep -Eq "^$acl:" "$conf" &&
  sed -i.whosent-{tag} -E "/^$acl:/r /dev/stdin" "$conf" <<'END' &&
# whosent {tag} begins
{statement}
# whosent {tag} ends
END
  exim -bV >/dev/null || cp "$conf.whosent-{tag}" "$conf"
  rm -f "$conf.whosent-{tag}"
}}
pkill -HUP -xo 'exim4?' || true"""
_REMOVE: Final = """\
conf=$(exim -bP configure_file)
sed -i '/^# whosent {tag} begins$/,/^# whosent {tag} ends$/d' "$conf"
pkill -HUP -xo 'exim4?' || true
rm -f {table}"""


def statement(tag: str, option: str, key: str, condition: str, action: str) -> tuple[list[str], list[str]]:
    """Commands that write ``key`` into a table of its own and ask for it first in the ACL, and the way back.

    ``condition`` holds ``TABLE`` for the table's path; ``action`` is freeze or deny.
    """
    table = f"/etc/whosent-{tag}.exim"
    verb, control = (
        ("warn", "\n  control = freeze/no_tell") if action == "freeze" else ("deny", "\n  message = refused")
    )
    said = f"{verb}\n  {condition.replace('TABLE', table)}{control}"
    write = f"printf '%s\\n' {quoted(key)} > {table}\nchmod 644 {table}"
    return (
        [f"{write}\n{_INSERT.format(tag=tag, option=option, statement=said)}"],
        [_REMOVE.format(tag=tag, table=table)],
    )
