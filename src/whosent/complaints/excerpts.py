"""Where the lines of a log have their client, and where the host that writes them, as their formats lay down.

Web servers' access and error logs (also Squid, HAProxy), sshd, Postfix, Exim, Dovecot, Asterisk, MySQL, vsftpd, packet
filters and dumps (arrows between two ends), fail2ban.
"""

from __future__ import annotations

import re
from typing import Final

_MONTHS: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_MASKED: Final = r"(?:\d{1,3}\.){2}(?:\d{1,3}|[xX*]{1,3})\.(?:\d{1,3}|[xX*]{1,3})"  # as the attacked often are
_ADDRESS: Final = rf"(?:{_MASKED}|[0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f:]{{2,36}}[0-9A-Fa-f])"
_CLIENT_BEFORE: Final = re.compile(
    r"\w\[\d{1,9}\]: .{0,300}\b(?:from |client=|by )[\w.-]{1,255} ?[\[(]$"  # a program's line: a name, then the address
    r"|\w\[\d{1,9}\]: .{0,300}\bfrom (?:::ffff:)?$"  # or the address alone
    r"|\w\[\d{1,9}\] [\w.:-]{1,255} \([\w.:-]{0,255}\[$"  # ProFTPD
    r"|\bfilterlog(?:\[\d{1,9}\])?: (?:[^,.\n]{0,40},){10,24}$"  # pfSense, OPNsense
    r"|\b(?:tcp|udp|icmp)\(\d{1,3}\) [\w-]{1,2} $"  # honeyd
    r"|\bNew connection: $|\bfor host \"$"  # Cowrie, PostgreSQL
    r"|\bH=(?:[\w.-]{1,255} )?(?:\([^()\n]{0,255}\) )?\[$"  # Exim
    r"|\bauthenticator failed for (?:[\w.-]{1,255} )?(?:\([^()\n]{0,255}\) )?\[$"
    r"|\bfailed for '$|'@'$|\bFAIL LOGIN: Client \"$|\[client $"  # Asterisk, MySQL, vsftpd, Apache
    r"|^\d{9,10}\.\d{3} +\d{1,9} $"  # Squid
    r"|\bhaproxy\[\d{1,9}\]: $|[\s\d]<-{1,2}\s?$|\b(?:Ban|Found) $",
    re.MULTILINE,
)
_CLIENT_BEHIND: Final = re.compile(
    rf" \S{{1,100}} \S{{1,100}} \[\d\d/{_MONTHS}/\d{{4}}:"  # the common log format
    rf"|\]?(?:[:/.]\d{{1,5}})?(?:\s?\([^()\n]{{0,80}}\))?\s{{0,4}}(?:[-=]{{1,2}}>|\u2192|>)\s{{0,4}}[\[(]?(?:\w{{1,20}}:)?{_ADDRESS}"
)
_AFTER_TIME: Final = re.compile(
    rf"^[> \t]{{0,8}}(?:<\d{{1,3}}>)?(?:{_MONTHS} +\d{{1,2}} \d\d:\d\d:\d\d|\d{{4}}-\d\d-\d\dT[\d:.,+Z-]{{8,25}}) $"
)
_HOST_BEFORE: Final = re.compile(
    r"\bI=\[$|\blip=$|\bhost: \"$|\bhostname \"$|\brelay=[\w.-]{0,255}\[$|^[> \t]{0,8}Host: $|\]\s?to (?:port )?$"
    r"|\bserver: $|\bsip:[\w.+-]{1,64}@$"
)
_PROGRAM_BEHIND: Final = re.compile(r" [\w./()-]{1,60}(?:\[\d{1,9}\])?:")
_DUMPED: Final = re.compile(
    rf"(?<![\d.])((?:\d{{1,3}}\.){{3}}\d{{1,3}})\.(\d{{1,5}}) > ({_MASKED})\.(\d{{1,5}})(?![\d.])"
)


def plain_ports(text: str) -> str:
    """The text with the ports of packet dumps (192.0.2.7.4711 > 192.0.2.9.25) behind colons."""
    return _DUMPED.sub(r"\1:\2 > \3:\4", text)


def has_as_client(before: str, behind: str) -> bool:
    """Whether an address between them is the client of a line of a log."""
    return bool(_CLIENT_BEFORE.search(before) or _CLIENT_BEHIND.match(behind))


def has_as_host(before: str, behind: str) -> bool:
    """Whether it is the host that wrote the line, or which the client spoke to."""
    if _AFTER_TIME.search(before):
        return bool(_PROGRAM_BEHIND.match(behind))
    return bool(_HOST_BEFORE.search(before))
