"""Invented people of a scene: the office, its correspondents, and lists of addresses; all from one seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.mail import DOMAIN
from tests.lab.world import DOMAINS, NAMED

if TYPE_CHECKING:
    from random import Random

_STAFF = """
    alice bob carol dave erin frank grace heidi ivan judy karl laura mallory niaj olivia peggy quentin rupert
    sybil trent ursula victor walter xenia yusuf
"""
_FIRST = """
    anna ben clara daniel eva felix gina hugo ines jonas kira leon mara nils olga paul rita sven tina uwe vera
    willi yara zoe amir bea cem dora emil fatma
"""
_LAST = """
    adler becker costa dietz engel fuchs graf haas iversen jung keller lange meyer novak otto peters richter
    schulz thoma urban vogel wagner young zimmer arnold brandt conrad decker ebert frey
"""
STAFF = tuple(f"{name}@{DOMAIN}" for name in _STAFF.split())
FIRST_NAMES, LAST_NAMES = _FIRST.split(), _LAST.split()
NEWSLETTER = f"newsletter@{DOMAIN}"
INFO = f"info@{DOMAIN}"
SHOP = f"shop@{DOMAIN}"
WEB_USER = f"www-data@web.{DOMAIN}"
WEB_ROOT = f"root@web.{DOMAIN}"


def stranger(random: Random) -> str:
    """Invent somebody's address outside; large providers are the commonest, as in life."""
    domain = f"{random.choice(NAMED)}.test" if random.random() < 0.5 else random.choice(DOMAINS)
    number = random.randrange(100) if random.random() < 0.5 else ""
    return f"{random.choice(FIRST_NAMES)}{random.choice(('.', '_', ''))}{random.choice(LAST_NAMES)}{number}@{domain}"


def strangers(random: Random, count: int, taken: set[str]) -> list[str]:
    """Invent ``count`` addresses outside, none of them in ``taken``, which learns them."""
    found: list[str] = []
    while len(found) < count:
        address = stranger(random)
        if address not in taken:
            taken.add(address)
            found.append(address)
    return found


def message(random: Random, sender: str, recipient: str, subject: str, host: str) -> str:
    """Write a small message with the headers a mail program gives it."""
    number = f"{random.getrandbits(64):016x}"
    body = "Hello,\r\n\r\n" + "This is a line of the message.\r\n" * random.randrange(3, 60)
    return (
        f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\nMessage-ID: <{number}@{host}>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n{body}"
    )
