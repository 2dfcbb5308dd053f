"""What must be found: stolen accounts, abused scripts and forms, infected hosts, relaying for strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.kit import DAY, HOUR, SPAM, START, Luck, Script, account, machine, stranger, user
from whosent.model.rows import Message, Result

if TYPE_CHECKING:
    from whosent.model.rows import Row

ALICE = "alice@corp.example"


def stolen_account() -> list[Row]:
    """After four usual days alice's account writes to a bought list from all over the world."""
    script = Script(31)
    script.office()
    script.correspondence(account("alice", "10.0.0.5"), 4, 10)
    begin = START + 4 * DAY + 14 * HOUR
    for number in range(40):
        script.login(begin - 60 + number * 10, ALICE, _network(number), service="smtp")
    victims = script.people(1200, domains=300)
    for number in range(0, 1200, 5):
        script.mail(
            begin + number * 3, account("alice", _network(number // 5 % 31)), victims[number : number + 5], SPAM
        )
    return script.rows()


def _network(number: int) -> str:
    return f"{100 + number}.{7 * number % 250}.3.4"


def slow_account() -> list[Row]:
    """Three recipients an hour for two days, from one address abroad: under every limit an hour."""
    script = Script(32)
    script.office()
    script.correspondence(account("alice", "10.0.0.5"), 3, 10)
    for number, victim in enumerate(script.people(144, domains=100)):
        at = START + 3 * DAY + number * HOUR / 3
        script.mail(at, account("alice", "198.51.100.7"), [victim], Luck(unknown=0.25, policy=0.1))
    return script.rows()


def campaign_only() -> list[Row]:
    """The log is ten minutes of a campaign and nothing else."""
    script = Script(33)
    victims = script.people(600, domains=200)
    for number in range(0, 600, 6):
        script.mail(START + number, account("alice", _network(number // 6 % 31)), victims[number : number + 6], SPAM)
    return script.rows()


def infected_host() -> list[Row]:
    """A PC of ours relays through us without a login."""
    script = Script(34)
    script.office()
    for number, victim in enumerate(script.people(400, domains=200)):
        script.mail(START + 2 * DAY + number * 5, machine("10.0.7.31"), [victim], SPAM)
    return script.rows()


def dirty_list() -> list[Row]:
    """A newsletter with a fifth of its addresses dead: a dirty list, no crime."""
    script = Script(35)
    script.office()
    actor = account("newsletter", "10.0.0.3")
    readers = script.people(900)
    for issue in range(4):
        for number, reader in enumerate(readers):
            script.mail(START + issue * DAY + 9 * HOUR + number * 2, actor, [reader], Luck(unknown=0.2), size=30_000)
    return script.rows()


def spam_by_script() -> list[Row]:
    """A dropped script sends under www-data to a bought list; the server also has its usual visitors."""
    script = Script(36)
    script.office(10)
    _visitors(script, 4)
    begin = START + 3 * DAY + 2 * HOUR
    for number, victim in enumerate(script.people(700, domains=200)):
        at = begin + number * 4
        if number % 7 == 0:
            script.request(at + 1, "/wp-content/uploads/x.php", "198.51.100.66", "POST")
        script.mail(at, user(33, "www-data"), [victim], SPAM)
    return script.rows()


def _visitors(script: Script, days: int) -> None:
    for _ in range(1500 * days):
        at = START + script.random.random() * days * DAY
        path = script.random.choice(("/", "/", "/about", "/news", "/contact.php", "/wp-login.php", "/feed"))
        method = "POST" if path.endswith(".php") and script.random.random() < 0.3 else "GET"
        script.request(at, path, f"203.0.{script.random.randrange(250)}.7", method)


def contact_form() -> list[Row]:
    """A contact form that served for days is fed with strangers' addresses, one mail a request; PHP logs it."""
    script = Script(37)
    script.office(10)
    _visitors(script, 4)
    path = "/var/www/html/contact.php"
    for number in range(12):
        _form(script, START + number * 7 * HOUR, path, ["info@corp.example"], "203.0.8.8", Luck(unknown=0))
    victims = script.people(900, domains=200)
    for number in range(0, 900, 9):
        at = START + 3 * DAY + 2 * HOUR + number * 4
        _form(script, at, path, ["info@corp.example", *victims[number : number + 9]], "198.51.100.66", SPAM)
    for customer in script.people(60):
        at = START + script.random.random() * 4 * DAY
        _form(script, at, "/var/www/html/shop/order.php", [customer], "203.0.9.9", Luck(unknown=0.02))
    return script.rows()


def _form(  # noqa: PLR0913, PLR0917  all of one request
    script: Script, at: float, path: str, to: list[str], visitor: str, luck: Luck
) -> None:
    script.request(at - 0.4, path.removeprefix("/var/www/html"), visitor, "POST")
    script.call(at, path, to[0])
    script.mail(at + 0.8, user(33, "www-data"), to, luck)


def one_request_many_mails() -> list[Row]:
    """Few requests of a dropped mailer, each sending sixty mails at once."""
    script = Script(38)
    script.office(10)
    _visitors(script, 4)
    for turn in range(12):
        at = START + 3 * DAY + 2 * HOUR + turn * 300
        script.request(at, "/wp-includes/m.php", "198.51.100.66", "POST")
        for number, victim in enumerate(script.people(60, domains=200)):
            script.mail(at + 1 + number * 0.3, user(33, "www-data"), [victim], SPAM)
    return script.rows()


def script_without_web_log() -> list[Row]:
    """A cron job of uid 1007, who never sent a mail, begins to spam; no web server has a log of it."""
    script = Script(39)
    script.office(10)
    for number, victim in enumerate(script.people(500, domains=200)):
        script.mail(START + 3 * DAY + number * 5, user(1007, "shopowner"), [victim], SPAM)
    return script.rows()


def guessed_password() -> list[Row]:
    """Hours of guessing; then alice's password is found, and the same address sends at once, slowly."""
    script = Script(40)
    script.office()
    script.correspondence(account("alice", "10.0.0.5"), 3, 10)
    begin = START + 3 * DAY + 3 * HOUR
    for number in range(30):
        script.login(begin + number * 60, ALICE, "198.51.100.7", succeeded=False, service="smtp")
    script.login(begin + HOUR, ALICE, "198.51.100.7", service="smtp")
    for number, victim in enumerate(script.people(40, domains=100)):
        script.mail(begin + HOUR + number * 600, account("alice", "198.51.100.7"), [victim], SPAM)
    return script.rows()


def open_relay() -> list[Row]:
    """Two strangers find that we relay; the office's own incoming mail goes on."""
    script = Script(41)
    script.office(10)
    _incoming(script)
    for number, victim in enumerate(script.people(500, domains=150)):
        source = stranger(("185.220.1.9", "91.240.118.5")[number % 2])
        script.mail(START + 3 * DAY + number * 4, source, [victim], SPAM, sender=f"x{number}@freemail.example")
    return script.rows()


def open_relay_for_a_botnet() -> list[Row]:
    """Thirty bots relay through us."""
    script = Script(42)
    script.office(10)
    for number, victim in enumerate(script.people(1500, domains=400)):
        source = stranger(f"{60 + number % 30}.{number % 30}.7.7")
        script.mail(START + 3 * DAY + number * 2, source, [victim], SPAM, sender=f"x{number}@freemail.example")
    return script.rows()


def _incoming(script: Script) -> None:
    for number in range(300):
        at = START + script.random.random() * 5 * DAY
        script.add(Message, at, actor=stranger(f"17.{number % 90}.2.2"), queue_id="", sender=b"a@elsewhere.example",
                   size=900, recipient_count=1, opened=at)  # fmt: skip
        script.answer(at + 1, stranger(f"17.{number % 90}.2.2"), f"staff{number % 10}@corp.example", Result.LOCAL)


def clean_flood() -> list[Row]:
    """A taken account writes to a thousand strangers, all of whom exist, in the order of the alphabet."""
    script = Script(43)
    script.office()
    script.correspondence(account("alice", "10.0.0.5"), 4, 10)
    for number, victim in enumerate(sorted(script.people(1000, domains=200))):
        script.mail(START + 4 * DAY + 2 * HOUR + number * 3, account("alice", "10.0.0.5"), [victim], Luck())
    return script.rows()


def stuck() -> list[Row]:
    """Receivers put off most of what one host sends, and nobody else's."""
    script = Script(44)
    script.office()
    script.correspondence(machine("10.0.7.31"), 4, 10)
    for number, victim in enumerate(script.people(400, domains=200)):
        script.mail(START + 4 * DAY + 10 * HOUR + number * 3, machine("10.0.7.31"), [victim], Luck(unreachable=0.8))
    return script.rows()
