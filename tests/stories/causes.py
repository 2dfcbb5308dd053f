"""Mail that gets an organisation into trouble although nobody broke in, and its harmless look-alikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.abuse import stolen_account
from tests.stories.kit import DAY, HOUR, MINUTE, MX, SPAM, START, USUAL, Luck, Script, account, machine, stranger, user
from whosent.model.rows import Actor, Message, Reason, Result

if TYPE_CHECKING:
    from whosent.model.rows import Row

VMAIL = user(5000, "vmail", MX)
MAILMAN = machine("127.0.0.1")
BOUNCES = Actor("mta", MX, MX)


def _outsider(script: Script) -> tuple[Actor, str]:
    """A client somewhere, and a sender nobody else in the story uses."""
    draw = script.random.randrange
    return stranger(f"{draw(20, 90)}.{draw(250)}.{draw(250)}.7"), script.people(1, domains=200)[0]


def _delivered(script: Script, at: float, to: str) -> tuple[Actor, str]:
    """Somebody outside writes to a mailbox here; Sieve may answer or redirect before the delivery is logged."""
    client, sender = _outsider(script)
    script.add(Message, at, actor=client, queue_id="", sender=sender.encode(), size=3000, recipient_count=1, opened=at)
    script.answer(
        at + script.random.choice((0.2, 4)),
        client,
        to,
        Result.LOCAL,
        sender=sender.encode(),
        relay="private/dovecot-lmtp",
    )
    return client, sender


def forwarded_spam() -> list[Row]:
    """Ten aliases, alumni1 first, go to a free mailer, which takes what people write and refuses much of the spam."""
    script = Script(51)
    script.office(10)
    for number in range(600):
        at = START + script.random.random() * 5 * DAY
        client, sender = _outsider(script)
        alias = max(1, number % 13 - 2)
        script.forward(at, client, sender, f"alumni{alias}@corp.example", f"a{alias}@freemail.example",
                       Luck(policy=0.4) if number % 2 else USUAL)  # fmt: skip
    return script.rows()


def forwarded_with_few_refusals() -> list[Row]:
    """The same aliases, with a filter before them: one letter in fifty is refused."""
    script = Script(52)
    script.office(10)
    for number in range(900):
        at = START + script.random.random() * 5 * DAY
        client, sender = _outsider(script)
        script.forward(at, client, sender, f"alumni{number % 20}@corp.example", f"a{number % 20}@freemail.example",
                       Luck(policy=0.02))  # fmt: skip
    return script.rows()


def refused_whoever_writes() -> list[Row]:
    """A provider has a rule against our domain: what our people write is refused there like what is forwarded."""
    script = Script(53)
    script.office(10)
    for number in range(200):
        at = START + script.random.random() * 5 * DAY
        client, sender = _outsider(script)
        luck = Luck(policy=0.5)
        script.forward(at, client, sender, "alumni@corp.example", "a@freemail.example", luck)
        script.mail(at + 60, account(f"staff{number % 10}"), [f"friend{number % 50}@freemail.example"], luck)
        script.mail(at + 90, account(f"staff{number % 10}"), [f"friend{number % 50}@freemail.example"], luck)
    return script.rows()


def sieve_redirect() -> list[Row]:
    """A Sieve rule sends a mailbox's letters on under their own senders, by sendmail as vmail; much is spam."""
    script = Script(54)
    script.office(10)
    for _ in range(400):
        at = START + script.random.random() * 5 * DAY
        _, sender = _delivered(script, at, "boss@corp.example")
        rewritten = f"SRS0=x1y2=Z3={sender.partition('@')[2]}={sender.partition('@')[0]}@corp.example"
        sender = rewritten if script.random.random() < 0.5 else sender
        script.mail(at + 1, VMAIL, ["boss.private@freemail.example"], Luck(policy=0.35), sender=sender)
    return script.rows()


def bounces_to_strangers() -> list[Row]:
    """The filter behind us knows its users, we take everything: unknown users are returned to forged senders."""
    script = Script(55)
    script.office(10)
    for number in range(400):
        at = START + script.random.random() * 3 * DAY
        if number % 2:
            _delivered(script, at, f"staff{number % 10}@corp.example")
            continue
        client, sender = _outsider(script)
        script.answer(at, client, f"{['info', 'sales', 'admin', 'test'][number % 4]}{number % 70}@corp.example",
                      Result.BOUNCED, Reason.UNKNOWN_USER, sender=sender.encode(), relay="10.0.0.9")  # fmt: skip
        _bounce(script, at + 1, sender, Luck(unknown=0.4, policy=0.1, unreachable=0.1))
    return script.rows()


def _bounce(script: Script, at: float, to: str, luck: Luck) -> None:
    script.add(Message, at, actor=BOUNCES, queue_id="", sender=b"", size=5000, recipient_count=1, opened=at)
    result, reason = script.draw(at + 1, to, luck)
    script.answer(at + 1, BOUNCES, to, result, reason)


def honest_bounces() -> list[Row]:
    """People mistype an address of ours, or a mailbox is full; they get it back, and take it."""
    script = Script(56)
    script.office(10)
    for number in range(60):
        at = START + script.random.random() * 5 * DAY
        client, sender = _outsider(script)
        why = Reason.MAILBOX if number % 2 else Reason.UNKNOWN_USER
        script.answer(at, client, f"staf{number}@corp.example", Result.BOUNCED, why, sender=sender.encode(),
                      relay="10.0.0.9")  # fmt: skip
        _delivered(script, at + 60, "staff1@corp.example")
        _bounce(script, at + 1, sender, Luck(unknown=0.03))
    return script.rows()


def answers_to_spam() -> list[Row]:
    """An automatic answer replies to spam as well: its null-sender mail goes to forged senders."""
    script = Script(57)
    script.office(10)
    for number in range(300):
        at = START + script.random.random() * 5 * DAY
        _, sender = _delivered(script, at, "info@corp.example")
        luck = Luck(unknown=0.6, policy=0.1) if number % 3 else USUAL
        _answer(script, at + 2, sender, luck)
    return script.rows()


def _answer(script: Script, at: float, to: str, luck: Luck) -> None:
    script.add(Message, at, actor=VMAIL, queue_id="", sender=b"", size=900, recipient_count=1, opened=at)
    result, reason = script.draw(at + 1, to, luck)
    script.answer(at + 1, VMAIL, to, result, reason)


def out_of_office() -> list[Row]:
    """Three hundred people get an out-of-office reply, and nearly all of them take it."""
    script = Script(58)
    script.office(10)
    for _ in range(300):
        at = START + script.random.random() * 5 * DAY
        _, sender = _delivered(script, at, "staff3@corp.example")
        _answer(script, at + 2, sender, USUAL)
    return script.rows()


def mailman_with_dead_members() -> list[Row]:
    """A list server on this machine: VERP senders, many members, a fifth of them long gone."""
    script = Script(59)
    script.office()
    members = script.people(700)
    for issue in range(4):
        for number, member in enumerate(members):
            script.mail(START + issue * DAY + 9 * HOUR + number * 2, MAILMAN, [member], Luck(unknown=0.2),
                        sender=f"news-bounces+{member.replace('@', '=')}@lists.corp.example", size=30_000)  # fmt: skip
    return script.rows()


def mailman() -> list[Row]:
    """A list server whose members are well kept."""
    script = Script(60)
    script.office()
    members = script.people(700)
    for issue in range(4):
        for number, member in enumerate(members):
            script.mail(START + issue * DAY + 9 * HOUR + number * 2, MAILMAN, [member], Luck(unknown=0.02),
                        sender=f"news-bounces+{member.replace('@', '=')}@lists.corp.example", size=30_000)  # fmt: skip
    return script.rows()


def stolen_newsletter_account() -> list[Row]:
    """The account that sends a dirty list is stolen, too: spam from all over the world in its name."""
    script = Script(61)
    script.office()
    readers = script.people(900)
    for issue in range(4):
        for number, reader in enumerate(readers):
            script.mail(START + issue * DAY + 9 * HOUR + number * 2, account("newsletter", "10.0.0.3"), [reader],
                        Luck(unknown=0.2), size=30_000)  # fmt: skip
    for number, victim in enumerate(script.people(900, domains=300)):
        thief = f"{100 + number % 31}.{7 * (number % 31)}.3.4"
        at = START + 3 * DAY + 15 * HOUR + number * 3
        if number < 40:
            script.login(at, "newsletter@corp.example", thief, service="smtp")
        script.mail(at + 1, account("newsletter", thief), [victim], SPAM)
    return script.rows()


def spam_from_yourself() -> list[Row]:
    """Spam comes in with each recipient as its own sender, from everywhere, and is let in."""
    script = Script(62)
    script.office(20)
    for number in range(120):
        at = START + 2 * DAY + script.random.random() * DAY
        client = stranger("198.51.100.9") if number % 6 == 0 else _outsider(script)[0]
        mine = f"staff{number % 20}@corp.example"
        script.answer(at, client, mine, Result.LOCAL, sender=mine.encode(), relay="private/dovecot-lmtp")
    return script.rows()


def notes_to_oneself() -> list[Row]:
    """Cloud services, forms, forwarders and travellers' providers write to people of ours in their own name."""
    script = Script(63)
    script.office(20)
    for number in range(500):
        at = START + script.random.random() * 5 * DAY
        form, note, cloud = (script.random.random() < share for share in (0.3, 0.05, 0.5))
        mine = f"staff{number % 20}@corp.example"
        if form:  # a contact form elsewhere, to one mailbox
            script.answer(at, stranger("203.0.113.40"), "info@corp.example", Result.LOCAL, sender=b"info@corp.example")
        if note:  # a note to oneself from home
            script.answer(at, stranger(f"84.{number % 7}.3.9"), "staff3@corp.example", Result.LOCAL,
                          sender=b"staff3@corp.example")  # fmt: skip
        if cloud:  # a customer database that sends copies
            script.answer(at, stranger(f"149.72.{number % 90}.1"), mine, Result.LOCAL, sender=mine.encode())
        script.answer(at, stranger(f"{60 + number % 20}.1.2.3"), mine, Result.LOCAL,
                      sender=f"staff{(number + 1) % 20}@corp.example".encode())  # fmt: skip
    return script.rows()


def relay_by_our_name() -> list[Row]:
    """Whoever writes our domain into MAIL FROM may relay: strangers from unrelated networks do."""
    script = Script(64)
    script.office(10)
    for number, victim in enumerate(script.people(900, domains=300)):
        client = stranger(f"{60 + max(0, number % 15 - 3)}.7.3.4")  # one more than the others
        at = START + DAY + number * 4
        script.mail(at, client, [victim], Luck(unknown=0.25, policy=0.1), sender=f"staff{number % 10}@corp.example")
    return script.rows()


def host_of_ours_elsewhere() -> list[Row]:
    """A web shop of ours in another network, which nobody listed as ours, relays its orders."""
    script = Script(65)
    script.office(10)
    for number, customer in enumerate(script.people(300, domains=120)):
        script.mail(START + number * 20 * MINUTE, stranger("203.0.113.77"), [customer], USUAL,
                    sender="shop@corp.example")  # fmt: skip
    return script.rows()


def loops_back() -> list[Row]:
    """A customer's domain points to us, and we do not know it: what strangers bring for it loops back to ourselves."""
    script = Script(66)
    script.office(10)
    for number in range(40):
        at = START + script.random.random() * 5 * DAY
        client, sender = _outsider(script)
        script.answer(at, client, f"info{number % 3}@customer.example", Result.BOUNCED, Reason.LOOP,
                      sender=sender.encode(), relay="")  # fmt: skip
    return script.rows()


def forwards_in_a_circle() -> list[Row]:
    """An alias of ours goes to a mailbox outside that forwards to the alias."""
    script = Script(67)
    script.office(10)
    for number in range(12):
        at = START + DAY + number * HOUR
        script.answer(at, stranger("192.0.2.9"), "me@elsewhere.example", Result.BOUNCED, Reason.LOOP,
                      sender=b"x@world.example", relay="192.0.2.9", original="me@corp.example")  # fmt: skip
    return script.rows()


def wrong_mx_elsewhere() -> list[Row]:
    """Spammers' domains have an MX of 127.0.0.1: our bounces and answers to them loop back to ourselves."""
    script = Script(68)
    script.office(10)
    for number in range(60):
        at = START + script.random.random() * 5 * DAY
        who = BOUNCES if number % 2 else account(f"staff{number % 10}")
        script.answer(at, who, f"x{number}@bogus{number % 4}.example", Result.BOUNCED, Reason.LOOP,
                      sender=b"" if number % 2 else b"staff@corp.example", relay="")  # fmt: skip
    return script.rows()


def ping_pong() -> list[Row]:
    """A ticket system and a stranger's out-of-office answer each other all night."""
    script = Script(69)
    script.office(10)
    desk, other = "support@corp.example", "boss@customer.example"
    script.correspondence(account("support", "10.0.0.40"), 5, 20)
    for number in range(900):
        at = START + 3 * DAY + number * 18
        script.answer(at, stranger("192.0.2.50"), desk, Result.LOCAL, sender=other.encode(), relay="private/lmtp")
        script.mail(at + 5, account("support", "10.0.0.40"), [other], Luck(0, 0, 0, 0, 0, 0), sender=desk)
    return script.rows()


def round_between_two_hosts() -> list[Row]:
    """A host outside takes us for the one that keeps a mailbox, and we take it for that: each message goes round."""
    script = Script(70)
    script.office(10)
    for message in range(6):
        for turn in range(25):
            at = START + DAY + message * HOUR + turn * 2
            script.answer(at, stranger("192.0.2.60"), "team@branch.example", Result.SENT,
                          sender=f"x{message // 3}@world.example".encode(), relay="192.0.2.60")  # fmt: skip
    return script.rows()


def alarm_gone_wild() -> list[Row]:
    """A monitoring program sends the same alarm to two people every four seconds, for hours."""
    script = Script(71)
    script.office(10)
    nagios = user(112, "nagios", MX)
    for number in range(100):
        script.mail(START + number * 30 * MINUTE, nagios, ["oncall@pager.example"], USUAL)
    for number in range(2000):
        for to in ("oncall@pager.example", "second@pager.example"):
            script.mail(START + 3 * DAY + number * 4, nagios, [to], Luck(0, 0, 0, 0, 0, 0))
    return script.rows()


def busy_pairs() -> list[Row]:
    """A heartbeat each minute and its echo, a storm of two hundred alarms, and a mailing of a thousand."""
    script = Script(72)
    script.office(10)
    for number in range(60 * 24):
        at = START + number * MINUTE
        script.answer(at, machine("10.0.0.50"), "echo@probe.example", Result.SENT, sender=b"probe@corp.example",
                      relay="192.0.2.70")  # fmt: skip
        script.answer(at + 20, stranger("192.0.2.71"), "probe@corp.example", Result.LOCAL, sender=b"echo@probe.example")
    for number in range(200):
        script.mail(START + 2 * DAY + number * 15, user(0, "root"), ["oncall@pager.example"], USUAL)
    for number, reader in enumerate(script.people(1000)):
        script.mail(START + 3 * DAY + number, account("newsletter", "10.0.0.3"), [reader], USUAL)
    return script.rows()


def provider_out() -> list[Row]:
    """The provider of most recipients answers nobody for three hours of a busy morning."""
    script = Script(73)
    script.down = [(START + DAY + 9 * HOUR, START + DAY + 12 * HOUR, "dom0.example")]
    script.office(40, days=3, daily=30)
    return script.rows()


def mistyped_domain() -> list[Row]:
    """Everybody now and then mistypes the same provider's name; nothing was ever delivered there."""
    script = Script(74)
    script.office(40, days=3, daily=15)
    for number in range(200):
        at = START + DAY + 9 * HOUR + number * 20
        script.answer(at, account(f"staff{number % 40}", f"10.0.0.{number % 40 + 10}"), f"x{number}@gmial.example",
                      Result.DEFERRED, Reason.ROUTE, sender=b"x@corp.example")  # fmt: skip
    return script.rows()


def stolen_account_in_an_outage() -> list[Row]:
    """The provider is down for everybody while alice's account sends spam: she is named, nobody else."""
    script = Script(75)
    script.down = [(START + 4 * DAY + 8 * HOUR, START + 4 * DAY + 18 * HOUR, "dom0.example")]
    script.office(40, days=5, daily=40)
    rows = [*script.rows(), *(row._replace(ref=row.ref + 1) for row in stolen_account())]
    return sorted(rows, key=lambda row: row[:2])
