"""How servers write down who connected: one entry a form, the part of the line between ``from`` and ``by``.

The first form that matches the whole part decides.  A new one is an entry here and a sample in
``tests/trace/received``.  ``helo`` is what the client said, ``rdns`` what the server looked up; where a server writes
one name only if both are the same, ``name`` is both; where it writes one whose origin it does not tell, it is ``helo``.
Whatever the client said stands before the address the server saw, so an address of the server's own form wins
over one the client gave as its name.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from whosent.trace.addresses import PATTERN

_IP: Final = rf"(?P<address>{PATTERN})"
_PORT: Final = r"(?:[:.](?P<port>\d{1,5}))?"
_NAME: Final = r"[^\s()\[\]]+"
_HELO: Final = r"(?P<helo>[^\s()]+)"
_RDNS: Final = r"(?!(?:HELO|EHLO|LHLO) )(?P<rdns>[^\s()\[\]@]+)"
_IDENT: Final = r"(?:[^\s()\[\]@]*@)?"
_LOGIN_IDENT: Final = r"(?:(?P<login>[^\s()\[\]@]+@[^\s()\[\]@]+)@|[^\s()\[\]@]*@)?+"


class Form(NamedTuple):
    """One way of writing down a client."""

    name: str
    pattern: re.Pattern[str]
    same: bool = False  # the one name is both, what the client said and what the server looked up
    onward: re.Pattern[str] | None = None  # what must follow: some forms mean different things in different programs


def _form(name: str, pattern: str, *, same: bool = False, onward: str = "") -> Form:
    whole = re.compile(pattern + r"(?P<rest>(?: .*)?)", re.DOTALL)
    return Form(name, whole, same, re.compile(onward) if onward else None)


FORMS: Final = (
    # mail.example.net (host.example.net [192.0.2.1]): Postfix, Sendmail, Gmail, MDaemon, hMailServer, Haraka, OpenSMTPD
    _form("name (name [address])", rf"{_HELO} ?\( ?{_IDENT}{_RDNS} \[{_IP}\]{_PORT}(?:[ ,][^()]*(?:\([^()]*\))?)?\)"),
    # mail (host.example.net[192.0.2.1 port:4123]): GFI MailEssentials; never helo=[192.0.2.1], which the client says
    _form("name (name[address])",
          rf"{_HELO} \((?P<rdns>[^\s()\[\]@=]+)\[{_IP}(?: port:(?P<port>\d+))?\](?: \(may be forged\))?\)"),
    # host.example.net(192.0.2.1), claiming to be "mail": smtpd of Obtuse
    _form('name(address), claiming to be "name"',
          rf'{_RDNS} ?\({_IP}\)(?: ?, claiming to be "(?P<helo>[^"]*)")?', onward=r"^via SMTP by"),
    # host.example.net (192.0.2.1) with SMTP and nothing more: qmail where HELO is the name it looked up
    _form("name (address) of qmail", rf"(?P<helo>{_NAME}) ?\({_LOGIN_IDENT}{_IP}\)", same=True,
          onward=r"^by \S+ with (?:\([^()]*\) )?E?SMTPS?A?$"),
    # mail (192.0.2.1): Exchange, PowerMTA
    _form("name (address)", rf"{_HELO} ?\( ?{_LOGIN_IDENT}{_IP}{_PORT}\)"),
    # host.example.net ([192.0.2.1]:587 helo=me): Exim where it knows the name, and it differs from HELO
    _form("name ([address] helo=name)",
          rf"{_RDNS} \({_IDENT}\[{_IP}\]{_PORT}(?: port=(?P<behind>\d+))? helo=(?P<helo>[^\s()]+)(?: [^()]*)?\)",
          onward=r"^(?!.*\(ecelerity)"),
    # host.example.net ([192.0.2.1]:587 ident=x): Exim where name and HELO are the same
    _form("name ([address]) of Exim",
          rf"(?P<helo>{_NAME}) \({_IDENT}\[{_IP}\]{_PORT}(?: port=(?P<behind>\d+))?(?: ident=[^()]*)?\)",
          same=True, onward=r"\(Exim 4"),
    # imo.mx.example.net ([192.0.2.1] verified): CommuniGate Pro
    _form("name ([address] verified)", rf"(?P<helo>{_NAME}) \(\[{_IP}\]{_PORT} verified\)", same=True,
          onward=r"\(CommuniGate"),
    # host.example.net ([192.0.2.1]) (SquirrelMail authenticated user alice)
    _form("name ([address]) (SquirrelMail)",
          rf"{_RDNS} \(\[{_IP}\]\)(?: \(proxying for [^()]*\))? \(\w+Mail authenticated user (?P<login>[^()]*)\)"),
    # host ([192.0.2.1]:4123 "EHLO mail"): Mirapoint
    _form('name ([address] "EHLO name")',
          rf'{_RDNS} \(\[{_IP}\]{_PORT} "(?:HELO|EHLO|LHLO) (?P<helo>[^"()]*)"\)'),
    # mail ([192.0.2.1] unverified): Microsoft SMTPSVC, Exchange, Kerio, MailEnable, Courier, Sendmail without a name
    _form("name ([address])",
          rf"{_HELO} ?\({_IDENT}\[{_IP}(?:\.(?P<behind>\d{{1,5}}))?\]{_PORT}"
          r"(?:[ ,](?!helo=)[^()]*(?:\([^()]*\))?)?\)"),
    # host.example.net (HELO mail) (ident@192.0.2.1): qmail, Yahoo (EHLO), Zimbra (LHLO), Amazon ([192.0.2.1])
    _form("name (HELO name) (address)",
          rf"{_RDNS} ?\((?:HELO|EHLO|LHLO) (?P<helo>[^()]*)\) ?\({_LOGIN_IDENT}\[?{_IP}\]?{_PORT}(?: with \w+)?\)"),
    # (host.example.net [192.0.2.1]): McAfee; no HELO
    _form("(name [address])", rf"\({_IDENT}{_RDNS} \[{_IP}\]{_PORT}\)"),
    # 192.0.2.1 (HELO mail): Critical Path
    _form("address (HELO name)", rf"{_IP}{_PORT} \((?:HELO|EHLO|LHLO) (?P<helo>[^()]*)\)"),
    # mail - 192.0.2.1: Microsoft SMTPSVC before Exchange 2000
    _form("name - address", rf"(?P<helo>{_NAME}) - {_IP}", onward=r"\bwith Microsoft SMTPSVC"),
    # host.example.net [192.0.2.1] (EHLO mail): MX Logic
    _form("name [address] (HELO name)",
          rf"{_RDNS} \[{_IP}\]{_PORT} \((?:HELO|EHLO|LHLO) (?P<helo>[^()]*)\)"),
    # host.example.net (EHLO mail) [192.0.2.1]: GMX
    _form("name (HELO name) [address]", rf"{_RDNS} \((?:HELO|EHLO|LHLO) (?P<helo>[^()]*)\) \[{_IP}\]{_PORT}"),
    # user@host.example.net (HELO mail) (192.0.2.1): qpsmtpd with ident
    _form("ident@name (HELO name) (address)",
          rf"[^\s()\[\]@]+@{_RDNS} \((?:HELO|EHLO|LHLO) (?P<helo>[^()]*)\) \(\[?{_IP}\]?\)"),
    # [192.0.2.1] (account user@example.org HELO mail): CommuniGate Pro
    _form("[address] (HELO name)",
          rf"\[{_IP}\]{_PORT} \((?:account (?P<login>[^()\s]+))?"
          r"(?: ?(?:HELO|EHLO|LHLO) (?P<helo>[^()]*))?(?: verified)?\)"),
    # [192.0.2.1] (port=4123 helo=mail ident=x), [192.0.2.1]:4123 (helo=mail): Exim without a name for the address
    _form("[address] (helo=name)",
          rf"\[{_IP}\]{_PORT} \((?:port=(?P<behind>\d+) ?)?(?:helo=(?P<helo>[^\s()]+))?(?: ?ident=[^()]*)?\)"),
    # host.example.net (mail) [192.0.2.1.4123] (ident): Exim 3
    _form("name (name) [address]", rf"{_RDNS} \((?P<helo>{_NAME})\) \[{_IP}{_PORT}\](?: \([^()]*\))?"),
    # ([192.0.2.1:4123] helo=mail), [127.0.0.1] ([192.0.2.1:4123] helo=mail): Ecelerity, Momentum
    _form("([address:port] helo=name)",
          r"(?:\[?[^\s()\[\]]*\]? ?)?\(\[(?P<address>(?:\d+\.){3}\d+|[0-9A-Fa-f:.]+)(?::(?P<port>\d+))?\]"
          r"(?:[ ,]*helo=(?P<helo>[^\s()]+))?(?: [^()]*)?\)"),
    # 192.0.2.1 (SquirrelMail authenticated user alice), 192.0.2.1 (proxying for 198.51.100.7) (...)
    _form("address (SquirrelMail)",
          rf"\[?{_IP}\]?(?: \(proxying for [^()]*\))? \(\w+Mail authenticated user (?P<login>[^()]*)\)"),
    # host.example.net ( [192.0.2.1]) as user alice@localhost: IMP
    _form("name ([address]) as user", rf"{_RDNS} \( ?\[?{_IP}\]?\) as user (?P<login>[^\s()]+)"),
    # (mail.example.net) [192.0.2.1]: Exim 3 without a name for the address
    _form("(name) [address]", rf"\((?P<helo>{_NAME})\) \[{_IP}\]{_PORT}"),
    # mail alice@example.org [192.0.2.1]: NetMail, NIMS of Novell, who had logged in behind the HELO
    _form("name login [address]", rf"(?P<helo>{_NAME}) (?P<login>[^\s()\[\]@]+@{_NAME}) \[{_IP}\]{_PORT}",
          onward=r"\bNovell\b"),
    # mail from [192.0.2.1]: Smail
    _form("name from [address]", rf"(?P<helo>{_NAME}) from \[{_IP}\]"),
    # pop.example.net [192.0.2.1]: fetchmail, Mercury, SMTPD32, old Sendmail
    _form("name [address]", rf"{_HELO} \[{_IP}\]{_PORT}"),
    # Some Program ([192.0.2.1]) by www with HTTP: forms that name the program that called them
    _form("words ([address])", rf"[^()\[\]]+ \(\[{_IP}\]\)", onward=r"^by \S+(?: \([^()]*\))? with HTTP"),
    # ([192.0.2.1]), (192.0.2.1): McAfee, MailEnable
    _form("(address)", rf"\(\[?{_IP}\]?{_PORT}\)"),
    # 192.0.2.1 by webmail with HTTP: Roundcube, Hotmail
    _form("address", rf"\[?{_IP}\]?{_PORT}", onward=r"^by \S+(?: \([^()]*\))? with HTTP"),
    # [192.0.2.1] by mail: what the client called itself, or what it is; the same in the end
    _form("[address]", rf"(?P<helo>\[{_IP}\]){_PORT}"),
    # 192.0.2.1 by mail; "192.0.2.1 (unverified)" of MAILsweeper is what the client called itself
    _form("bare address", rf"{_IP}{_PORT}(?! \(unverified\))"),
)  # fmt: skip
NAMELESS: Final = re.compile(r"(?P<helo>\[[^\s()\[\]]*\]|[^\s()\[\]]+)(?P<rest>(?:.*)?)", re.DOTALL)
ADDRESSES: Final = re.compile(rf"(?<![\w.:]){PATTERN}(?!\.?\d)")
UNKNOWN: Final = frozenset(
    {"unknown", "<unknown>", "softdnserr", "unverified", "rdns-failed", "localhost?", "no-reverse-dns", "none"}
)
"""What servers write where they found no name."""
