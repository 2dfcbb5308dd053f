"""Who appears in a log: accounts, the clients they use, remote domains and recipients."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random

SYLLABLES = [consonant + vowel for consonant in "bdklmnrstv" for vowel in "aeo"]
WORDS = 1024
ENDINGS = ["com", "net", "org", "de", "fr", "co.uk", "eu", "io"]
LOCAL_DOMAINS = ["example.org", "example.net", "dept.example.org"]
PUBLIC = [first for first in range(1, 223) if first not in {10, 100, 127, 169, 172, 192, 198, 203}]
"""First bytes of addresses that are certainly not ours: no private, shared, loopback or example network."""
POPULAR = 0.9
"""Shape of the Pareto law that makes few domains receive most mail."""
BUSY = 0.35
"""Shape of the Pareto law that makes few accounts send most mail."""


class Recipient(NamedTuple):
    """A remote address and where its mail goes."""

    address: str
    relay: str
    """`mx1.example.com[192.0.2.1]:25`"""
    exchanger: str
    """The same without the port, as replies name it."""
    popular: bool
    """At the one provider that everybody writes to, and that has an outage."""


class Account(NamedTuple):
    """Someone with a password."""

    login: str
    address: str
    homes: tuple[str, ...]
    """The clients this account is used from, as `name[address]`."""
    filtered: bool
    """Its mail goes through the content filter and comes back under a second id."""


class Cast:
    """The people and machines of one log; a bigger log has more of them."""

    def __init__(self, random: Random, size: int) -> None:
        self._random = random
        self._words = {count: self._invent(count) for count in (2, 3)}
        self.clients = [self._client(number) for number in range(_between(60, size // 15_000, 6_000))]
        self.spammers = [self._client(number) for number in range(40)]
        self.recipients = self._recipients(_between(500, size // 800, 120_000), _between(50, size // 12_000, 8_000))
        self.accounts = [self._account(number) for number in range(_between(40, size // 25_000, 4_000))]

    def word(self, syllables: int) -> str:
        """Pick a word of two or three syllables."""
        return self._words[syllables][int(self._random.random() * WORDS)]

    def address(self) -> str:
        """Invent an IPv4 address out in the world."""
        random = self._random.random
        parts = (PUBLIC[int(random() * len(PUBLIC))], random() * 256, random() * 256, 1 + random() * 253)
        return ".".join([str(int(part)) for part in parts])

    def recipient(self) -> Recipient:
        """Pick anyone out there."""
        return self.recipients[int(self._random.random() * len(self.recipients))]

    def account(self) -> Account:
        """Pick who writes next: a few write most."""
        rank = min(int(self._random.paretovariate(BUSY)) - 1, 1 << 40)
        return self.accounts[rank % len(self.accounts)]

    def client(self) -> str:
        """Pick a stranger's machine."""
        return self.clients[int(self._random.random() * len(self.clients))]

    def _invent(self, syllables: int) -> list[str]:
        return ["".join(self._random.choices(SYLLABLES, k=syllables)) for _ in range(WORDS)]

    def _client(self, number: int) -> str:
        address = self.address()
        if number % 5 == 0:
            return f"unknown[{address}]"
        return f"{address.replace('.', '-')}.{self.word(2)}.{self.word(3)}.{ENDINGS[number % 8]}[{address}]"

    def _recipients(self, count: int, domain_count: int) -> list[Recipient]:
        random = self._random
        domains = [f"{self.word(3)}{number % 89}.{ENDINGS[number % 8]}" for number in range(domain_count)]
        exchangers = [f"mx{1 + int(random.random() * 3)}.{domain}[{self.address()}]" for domain in domains]
        people = []
        for number in range(count):
            rank = int(random.paretovariate(POPULAR)) - 1 if number % 2 else int(random.random() * domain_count)
            rank = min(rank, domain_count - 1)
            name = f"{self.word(2)}{'._-'[number % 3]}{self.word(2)}{number % 991}"
            exchanger = exchangers[rank]
            people.append(Recipient(f"{name}@{domains[rank]}", f"{exchanger}:25", exchanger, rank == 0))
        return people

    def _account(self, number: int) -> Account:
        name = f"{self.word(2)}.{self.word(3)}{number}"
        address = f"{name}@{LOCAL_DOMAINS[number % 3]}"
        homes = tuple(self.client() for _ in range(1 + number % 3))
        return Account(name if number % 10 == 9 else address, address, homes, number % 4 == 3)


def _between(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))
