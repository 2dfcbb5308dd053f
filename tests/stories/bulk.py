"""Many messages, nothing wrong: newsletters, tickets, shops, monitoring, an outage, Monday morning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.kit import DAY, HOUR, MINUTE, START, USUAL, Luck, Script, account, machine, stranger, user

if TYPE_CHECKING:
    from whosent.model.rows import Row

OLD = Luck(unknown=0.035, full=0.01, greylisted=0.03)


def _newsletter(script: Script, issues: int, size: int, luck: Luck, *, each: int = 1) -> None:
    actor = account("newsletter", "10.0.0.3")
    subscribers = script.people(size)
    for issue in range(issues):
        at = START + issue * DAY + 9 * HOUR
        readers = [reader for reader in subscribers if script.random.random() < 0.95]
        for number in range(0, len(readers), each):
            script.mail(at + number * 2.0, actor, readers[number : number + each], luck, size=31_000)


def newsletter_daily() -> list[Row]:
    script = Script(11)
    script.office()
    _newsletter(script, 5, 900, OLD)
    return script.rows()


def newsletter_in_batches() -> list[Row]:
    script = Script(12)
    script.office()
    _newsletter(script, 3, 2500, OLD, each=50)
    return script.rows()


def newsletter_once() -> list[Row]:
    """The log has nothing but one issue, and five people."""
    script = Script(13)
    script.office(5, days=1)
    _newsletter(script, 1, 3000, Luck(unknown=0.05, full=0.01))
    return script.rows()


def outage() -> list[Row]:
    """The provider of most recipients answers nobody for three hours; some of it expires at once."""
    script = Script(14)
    script.down = [(START + DAY + 9 * HOUR, START + DAY + 12 * HOUR, f"dom{n}.example") for n in range(8)]
    script.office(40, days=3, daily=15)
    return script.rows()


def monday_morning() -> list[Row]:
    """A quiet weekend, then everybody writes at once, and to people they have not written to for a while."""
    script = Script(15)
    for number in range(60):
        actor = account(f"staff{number}", f"10.0.0.{number + 10}")
        circle = script.people(60)
        for day in (0, 1):
            if script.random.random() < 0.2:
                script.mail(START + day * DAY + 15 * HOUR, actor, script.random.sample(circle, 1))
        for _ in range(25):
            at = START + 2 * DAY + script.random.uniform(7.5, 10) * HOUR
            script.mail(at, actor, script.random.sample(circle, script.random.choice((1, 2, 4))))
    return script.rows()


def ticket_system() -> list[Row]:
    """A helpdesk on its own host answers people it never wrote to, day and night; some of them mistyped themselves."""
    script = Script(16)
    script.office(10)
    desk = machine("10.0.0.40")
    for customer in script.people(1500, domains=300):
        at = START + script.random.random() * 5 * DAY
        script.mail(at, desk, [customer], Luck(unknown=0.04))
        script.mail(at + 20 * MINUTE, desk, [customer], USUAL)
    return script.rows()


def new_employee() -> list[Row]:
    """Nothing for three days, then forty introductions on one morning to strangers, some addresses out of date."""
    script = Script(17)
    script.office()
    newcomer = account("newcomer", "10.0.0.77")
    for number, contact in enumerate(script.people(40, domains=200)):
        script.mail(START + 3 * DAY + 9 * HOUR + number * 3 * MINUTE, newcomer, [contact], Luck(unknown=0.06))
    return script.rows()


def crowd() -> list[Row]:
    """A thousand people, a week: some write much, some know many wrong addresses, some invite to a wedding."""
    script = Script(18)
    for number in range(1000):
        daily = min(60.0, 1.5 * script.random.lognormvariate(0, 1.2))
        luck = Luck(unknown=script.random.betavariate(0.6, 30))
        actor = account(f"staff{number}", f"10.0.{number % 200}.{number // 200 + 10}")
        script.correspondence(actor, 7, daily, luck=luck)
        if number % 33 == 0:
            guests = script.people(script.random.randrange(60, 200))
            script.mail(START + 4 * DAY + 10 * HOUR + number, actor, guests, Luck(unknown=0.05))
    return script.rows()


def web_shop() -> list[Row]:
    """Orders and reminders by www-data, each after a visitor's POST; nothing else of that uid."""
    script = Script(19)
    script.office(8)
    shop = user(33, "www-data")
    for customer in script.people(500, domains=200):
        at = START + (script.random.randrange(5) + script.random.uniform(0.2, 0.95)) * DAY
        visitor = f"203.0.{script.random.randrange(250)}.{script.random.randrange(250)}"
        for step, path in enumerate(("/", "/shop/", "/shop/cart")):
            script.request(at - 90 + 20 * step, path, visitor)
        script.request(at + 1, "/shop/order.php", visitor, "POST", 302)
        script.call(at, "/var/www/html/shop/order.php", customer)
        script.mail(at + 0.1, shop, [customer], Luck(unknown=0.03))
    return script.rows()


def monitoring() -> list[Row]:
    """root mails a report to an outside mailbox every five minutes, and a storm of two hundred in a bad night."""
    script = Script(20)
    script.office(8)
    root = user(0, "root")
    for number in range(12 * 24 * 4):
        script.mail(START + number * 5 * MINUTE, root, ["oncall@pager.example"], Luck(greylisted=0.0))
    for number in range(200):
        script.mail(START + 3.1 * DAY + number * 15, root, ["oncall@pager.example"], Luck(greylisted=0.0))
    return script.rows()


def listed_for_everybody() -> list[Row]:
    """Our address is on a blocklist: a tenth of everybody's mail is refused for it."""
    script = Script(21)
    for number in range(30):
        actor = account(f"staff{number}", f"10.0.0.{number + 10}")
        script.correspondence(actor, 2, 12)
        for contact in script.people(15):
            at = START + 2 * DAY + script.random.uniform(8, 18) * HOUR
            script.mail(at, actor, [contact], Luck(listed=0.4))
    return script.rows()


def forwarding() -> list[Row]:
    """Aliases of ours forward what the world sends, spam included, and it is refused; lists send to members."""
    script = Script(22)
    script.office(10)
    for number in range(600):
        at = START + script.random.random() * 5 * DAY
        source = f"198.{script.random.randrange(18, 90)}.{number % 250}.7"
        spam = Luck(policy=0.4) if number % 2 else USUAL
        script.mail(at, stranger(source), [f"alumni{number % 20}@freemail.example"], spam,
                    sender=f"x{number}@elsewhere.example", forwarded=True)  # fmt: skip
    return script.rows()


def traveller() -> list[Row]:
    """Office, home, phone, hotel and VPN in one day, passwords mistyped, forty mails on the way."""
    script = Script(23)
    script.office()
    script.correspondence(account("staff99", "10.0.0.99"), 3, 10)
    day = START + 3 * DAY
    places = ["10.0.0.99", "84.17.3.9", "80.187.4.1", "80.188.4.1", "46.114.2.2", "185.9.1.1", "10.0.0.99"]
    for number, address in enumerate(places * 6):
        at = day + 7 * HOUR + number * 15 * MINUTE
        if number % 5 == 0:
            for turn in range(3):
                script.login(at - 10 + turn, "staff99@corp.example", address, succeeded=False)
        script.login(at, "staff99@corp.example", address)
        script.mail(at + 60, account("staff99", address), script.people(1))
    return script.rows()


def guessing_in_vain() -> list[Row]:
    """A botnet guesses passwords of accounts that exist and that do not, all day."""
    script = Script(24)
    script.office()
    for number in range(3000):
        name = f"staff{number % 25}@corp.example" if number % 3 else f"nobody{number}"
        address = f"{60 + number % 90}.{number % 200}.1.1"
        script.login(START + number * 25, name, address, succeeded=False, service="smtp")
    return script.rows()


def inbound_gateway() -> list[Row]:
    """We take mail for forty customers' domains and pass it on to their servers outside, unauthenticated, of course."""
    script = Script(25)
    script.office(5)
    for number in range(3000):
        source = stranger(f"{20 + number % 70}.{number % 190}.2.2")
        if number % 6 == 0:
            source = stranger("149.72.1.1")  # a newsletter provider writes to all of them
        customer = f"user{number % 9}@customer{int(40 * script.random.random() ** 2)}.example"
        script.mail(START + number * 60, source, [customer], Luck(unknown=0.005), sender=f"n{number}@elsewhere.example")
    return script.rows()
