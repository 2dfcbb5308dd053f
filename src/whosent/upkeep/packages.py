"""Pending security updates of packages that touch mail, as apt and dnf tell them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_MOST: Final = 5_000  # lines
# Names begin so: what speaks to strangers, judges their mail, or encrypts and parses for those.
_MAIL: Final = re.compile(
    r"(?:postfix|exim4?|sendmail|opensmtpd|qmail|courier|dovecot|cyrus|sasl2|libsasl2|amavis|spamassassin|spamd|clamav|"
    r"libclamav|rspamd|opendkim|opendmarc|postgrey|mailman|sympa|roundcube|squirrelmail|rainloop|procmail|fetchmail|"
    r"apache2|httpd|nginx|lighttpd|php|squid|tinyproxy|dante|haproxy|openssl|libssl|gnutls|libgnutls|libmilter|"
    r"libspf2|bind9|unbound|dnsmasq|perl$|perl-base|libc6$|glibc$|openssh-server|libxml2|zlib1g)"
)
# Inst postfix [3.7.10-0+deb12u1] (3.7.11-0+deb12u1 Debian-Security:12/stable-security [amd64])
_APT: Final = re.compile(r"Inst ([a-z0-9][a-z0-9+.-]*) \[([^\]\s]+)\] \((\S+) ([^)\[]*)")
# RHSA-2024:1234 Important/Sec. postfix-2:3.5.8-7.el8.x86_64
_DNF: Final = re.compile(
    r"(\S+)\s+(\S*Sec\.|security)\s+(?:\S+\s+)?([A-Za-z0-9][\w+.-]*?)-((?:\d+:)?[^-\s]+-[^-\s]+)\s*$"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_VERSION: Final = re.compile(r"[A-Za-z0-9.+:~^_-]+")


class Update(NamedTuple):
    """One package that waits for a security update."""

    package: str
    here: str  # version installed; empty: not told
    there: str
    line: str


def of_apt(output: str) -> list[Update]:
    """From ``apt-get -s upgrade``: those that come from a security archive."""
    return list(_apt(output))


def _apt(output: str) -> Iterator[Update]:
    for line in output.splitlines()[:_MOST]:
        match = _APT.match(line)
        if match is not None and "security" in match[4].lower() and _MAIL.match(match[1]):
            yield Update(match[1], match[2], match[3], line[:300])


def of_dnf(output: str) -> list[Update]:
    """From ``dnf updateinfo list --security``."""
    found: dict[str, Update] = {}
    for line in output.splitlines()[:_MOST]:
        match = _DNF.match(line.strip())
        if match is not None and _MAIL.match(match[3]):
            found[match[3]] = Update(match[3], "", match[4], line.strip()[:300])
    return list(found.values())


def plain(update: Update) -> bool:
    """Whether its words can stand in a command."""
    return bool(_NAME.fullmatch(update.package)) and all(
        not word or _VERSION.fullmatch(word) for word in (update.here, update.there)
    )
