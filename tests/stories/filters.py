"""What our own content filter says of the mail of ours and of others; the same text from several accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.kit import DAY, HOUR, MINUTE, SPAM, START, USUAL, Luck, Script, account, machine, stranger, user

if TYPE_CHECKING:
    from whosent.model.rows import Actor, Row

BEGIN = START + 4 * DAY + 14 * HOUR
REFUSING = Luck(unknown=0.35, policy=0.1)


def _office(script: Script, *, size: int = 20, days: int = 4, daily: int = 10) -> None:
    """Everybody's usual mail, judged: one in 250 is called spam."""
    for number in range(size):
        actor = account(f"staff{number}", f"10.0.0.{number + 10}")
        circle = script.people(30)
        for _ in range(days * daily):
            at = START + script.random.randrange(days) * DAY + script.random.uniform(8, 18) * HOUR
            _send(script, at, actor, script.random.choice(circle), spam=script.random.random() < 0.004)


def _send(  # noqa: PLR0913  a message with its verdict
    script: Script, at: float, actor: Actor, to: str, *, spam: bool, luck: Luck = USUAL, digest: str = "",
    sender: str | None = None,
) -> None:  # fmt: skip
    digest = digest or f"{script.random.getrandbits(128):032x}"
    script.judge(at - 0.1, actor, [to], spam=spam, digest=digest, sender=sender)
    script.mail(at, actor, [to], luck, sender=sender or "")


def _usual(script: Script, name: str, address: str, *, days: int = 4) -> None:
    circle = script.people(20)
    for _ in range(8 * days):
        at = START + script.random.randrange(days) * DAY + script.random.uniform(8, 18) * HOUR
        _send(script, at, account(name, address), script.random.choice(circle), spam=False)


def stolen_account() -> list[Row]:
    """Four usual days, then 430 messages, of which the filter marks nearly all and the world refuses many."""
    script = Script(61)
    _office(script)
    _usual(script, "alice", "10.0.0.5")
    for number, victim in enumerate(script.people(430, domains=200)):
        spam = script.random.random() < 0.96
        _send(script, BEGIN + number * 5, account("alice", "10.0.0.5"), victim, spam=spam, luck=SPAM, digest="a1" * 16)
    return script.rows()


def stopped_by_the_filter() -> list[Row]:
    """The filter refuses all of it: the world never saw any, but it came from where alice never was."""
    script = Script(62)
    _office(script)
    _usual(script, "alice", "10.0.0.5")
    for number, victim in enumerate(script.people(300, domains=200)):
        script.judge(BEGIN + number * 6, account("alice", "185.220.7.7"), [victim], spam=True, score=31.0)
    return script.rows()


def infected_attachments() -> list[Row]:
    """A PC mails a virus to everybody its owner ever wrote to, by the owner's account."""
    script = Script(63)
    _office(script)
    _usual(script, "alice", "10.0.0.5")
    for number, victim in enumerate(script.people(60)):
        actor = account("alice", "10.0.0.5")
        script.judge(
            BEGIN + number * 9, actor, [victim], spam=True, virus="Win.Trojan.Emotet", program="amavis", score=None
        )
    return script.rows()


def script_judged() -> list[Row]:
    """A dropped script sends as the web server's user; the log of rspamd knows its sender."""
    script = Script(64)
    _office(script)
    actor = user(33, "www-data", host="mx")
    for number, victim in enumerate(script.people(300, domains=150)):
        _send(script, BEGIN + number * 7, actor, victim, spam=True, luck=SPAM, sender="www-data@corp.example")
    return script.rows()


def newsletter_with_points() -> list[Row]:
    """A newsletter always has a few points; that is no verdict."""
    script = Script(65)
    _office(script)
    _newsletter(script, spam=0.0, score=6.5)
    return script.rows()


def newsletter_misjudged() -> list[Row]:
    """The filter calls the first issue of a newsletter spam, a thousand times: one text, one opinion."""
    script = Script(66)
    _office(script)
    _newsletter(script, spam=1.0, score=16.0)
    return script.rows()


def _newsletter(script: Script, *, spam: float, score: float) -> None:
    actor = account("marketing", "10.0.0.3")
    _usual(script, "marketing", "10.0.0.3")
    for number, reader in enumerate(script.people(900)):
        at = BEGIN + number * 2
        judged = script.random.random() < spam
        script.judge(at - 0.1, actor, [reader], spam=judged, digest="b2" * 16, score=score)
        script.mail(at, actor, [reader], Luck(unknown=0.03))


def incoming_spam() -> list[Row]:
    """Strangers send us spam, straight and by way of our own gateway; fetchmail brings more of it."""
    script = Script(67)
    _office(script)
    for number in range(600):
        at = BEGIN + number * 4
        to = [f"staff{number % 20}@corp.example"]
        script.judge(at, stranger(f"185.9.{number % 250}.7"), to, spam=True, sender="x@bad.example")
        script.judge(at + 1, machine("10.0.9.9"), to, spam=True, sender="x@bad.example")
        script.judge(at + 2, machine("10.0.9.9"), to, spam=True, sender="forged@corp.example")
        script.judge(at + 3, user(110, "fetchmail"), (), spam=True, sender="x@bad.example", program="spamd")
    return script.rows()


def passed_on() -> list[Row]:
    """Spam that aliases and mailboxes forward, with and without SRS, and what auto-replies quote of it."""
    script = Script(68)
    _office(script)
    for number in range(400):
        at, to = BEGIN + number * 6, f"someone{number % 9}@bigmail.example"
        sender = ("x@bad.example", "SRS0=ab=cd=bad.example=x@corp.example")[number % 2]
        script.judge(at, user(5000, "vmail", host="mx"), [to], spam=True, sender=sender)
        script.judge(at + 1, account("relay", "10.0.0.77"), [to], spam=True, sender=sender)
        script.judge(at + 2, account("staff3", "10.0.0.13"), [f"x{number}@bad.example"], spam=True, sender="")
        script.mail(at + 3, user(5000, "vmail", host="mx"), [to], SPAM, sender=sender, forwarded=True)
    return script.rows()


def mad_filter() -> list[Row]:
    """A rule of the filter misfires: for two hours everybody's mail is spam."""
    script = Script(69)
    _office(script, size=40)
    for number in range(40):
        actor = account(f"staff{number}", f"10.0.0.{number + 10}")
        for reader in script.people(12):
            at = BEGIN + script.random.random() * 2 * HOUR
            _send(script, at, actor, reader, spam=script.random.random() < 0.9)
    return script.rows()


# ------------------------------------------------------------------ the same text from several accounts

THIEVES = [f"{100 + number}.{9 * number % 250}.3.4" for number in range(7)]


def _several(script: Script, *, abroad: bool, each: int = 30, spam: float = 0.9, luck: Luck = USUAL) -> None:
    for number in range(7):
        home = f"10.0.0.{number + 50}"
        _usual(script, f"victim{number}", home)
        actor = account(f"victim{number}", THIEVES[number] if abroad else home)
        for copy, victim in enumerate(script.people(each, domains=150)):
            at = BEGIN + copy * 4 * MINUTE + number * 11
            _send(script, at, actor, victim, spam=script.random.random() < spam, luck=luck, digest="c3" * 16)


def several_stolen_accounts() -> list[Row]:
    """Seven accounts, thirty messages each: too few to notice one by one; one text, and from abroad."""
    script = Script(71)
    _office(script)
    _several(script, abroad=True)
    return script.rows()


def several_by_subject() -> list[Row]:
    """No filter; Postfix logs subjects, which differ in a number, and the world refuses a good part."""
    script = Script(72)
    for number in range(5):
        home, actor = account(f"victim{number}", "10.0.0.5"), account(f"victim{number}", THIEVES[number])
        for day in range(3):
            for letter in range(4):
                script.subject(
                    START + day * DAY + 9 * HOUR + letter * MINUTE, home, f"Project {'abcd'[letter]} {day} of {number}"
                )
        for copy, victim in enumerate(script.people(24)):
            at = BEGIN + copy * 3 * MINUTE + number
            script.subject(at, actor, f"Invoice {81234 + 7 * copy + number} is overdue")
            script.mail(at + 1, actor, [victim], REFUSING)
    return script.rows()


def from_their_desks() -> list[Row]:
    """The same, from the networks the accounts always used: worth telling, and nobody is accused."""
    script = Script(73)
    _office(script)
    _several(script, abroad=False)
    return script.rows()


def same_words() -> list[Row]:
    """A meeting, a birthday card, tickets, absences: everybody's subjects are alike, and nothing is wrong."""
    script = Script(74)
    subjects = ("Re: Meeting", "Happy birthday, Eve", "[Ticket #{n}] Printer", "Out of office", "AW: Angebot", "Hello")
    for number in range(30):
        actor = account(f"staff{number}", f"10.0.0.{number + 10}")
        for copy, reader in enumerate(script.people(20)):
            at = BEGIN + copy * MINUTE + number
            script.subject(at, actor, subjects[copy % len(subjects)].format(n=copy * 31 + number))
            script.mail(at + 1, actor, [reader], USUAL)
    return script.rows()


def staff_mailing() -> list[Row]:
    """Six of sales send one newsletter to their customers; the filter gives it points, a few addresses are old."""
    script = Script(75)
    _office(script)
    for number in range(6):
        actor = account(f"sales{number}", f"10.0.0.{number + 80}")
        _usual(script, f"sales{number}", f"10.0.0.{number + 80}")
        for copy, customer in enumerate(script.people(120)):
            at = BEGIN + copy * 20 + number
            _send(script, at, actor, customer, spam=False, luck=Luck(unknown=0.05), digest="d4" * 16)
    return script.rows()


def monthly_mailing_misjudged() -> list[Row]:
    """The same from a trade fair, misjudged by the filter; but it is what they send every day."""
    script = Script(76)
    for day in range(4):
        for number in range(6):
            actor = account(f"sales{number}", "172.16.9.9" if day < 3 else "198.51.7.7")
            for copy, customer in enumerate(script.people(20)):
                at = START + day * DAY + 9 * HOUR + copy * 60 + number
                _send(script, at, actor, customer, spam=day == 3, digest="e5" * 16)
    return script.rows()
