"""A proxy of ours that opens connections to mail servers for strangers: look, shut its way out, mend it."""

from __future__ import annotations

from collections.abc import Callable

from whosent.model.finding import Cause, Suspect
from whosent.model.incident import Remedy
from whosent.remedies.queued import place


def contain_unknown(
    known: Callable[[str, Suspect, Cause], list[Remedy]],
) -> Callable[[str, Suspect, Cause], list[Remedy]]:
    """Steps against a proxy known by the name of its virtual host; one known by address is a client like others."""

    def contain(tag: str, suspect: Suspect, cause: Cause) -> list[Remedy]:
        if suspect.address is not None:
            return known(tag, suspect, cause)
        return [_look(suspect), _shut(tag, suspect), _mend(suspect)]

    return contain


_FIND = """\
grep -rnEi '^[^#]*(ProxyRequests|AllowCONNECT|proxy_connect|http_access)' \\
  /etc/apache2 /etc/httpd /etc/nginx /etc/squid 2>/dev/null"""
_SHUT = """\
nft add table {table}
nft 'add chain {table} out {{ type filter hook output priority 0; }}'
for account in www-data proxy apache nginx squid nobody; do
  id -u "$account" >/dev/null 2>&1 &&
    nft add rule {table} out oifname != lo \\
      meta skuid "$account" tcp dport "{{ 25, 465, 587 }}" counter reject
done"""
_MEND = (
    "Apache: `ProxyRequests Off`. Squid: `http_access deny CONNECT !SSL_ports`, and `http_access deny all` last. Then "
    "try from outside: curl -x http://YOUR-HOST:80 telnet://MAIL-SERVER:25 must be refused."
)


def _look(suspect: Suspect) -> Remedy:
    return Remedy(
        step="inspect",
        title="See which program is the proxy",
        reach=f"nothing; shows who listens and which configuration forwards{place(suspect)}",
        commands=["ss -lntp", _FIND],
        undo=[],
        note="`ProxyRequests On` makes Apache a proxy for everybody who may reach it.",
    )


def _shut(tag: str, suspect: Suspect) -> Remedy:
    table = f"inet whosent_{tag}_out"
    return Remedy(
        step="block",
        title="Let the web server and proxies speak to no mail port of others",
        reach=f"only their own connections to mail ports{place(suspect)}; mail through sendmail keeps flowing",
        commands=[_SHUT.format(table=table)],
        undo=[f"nft delete table {table}"],
        note="Gone after a reboot. `nft list table` shows how many attempts were refused since.",
    )


def _mend(suspect: Suspect) -> Remedy:
    return Remedy(
        step="close",
        title="Close the proxy",
        reach=f"nothing by itself{place(suspect)}",
        commands=["apachectl -M | grep -i proxy", "apachectl configtest"],
        undo=[],
        note=_MEND,
    )
