"""The scene of ``samples/incident``: a stolen account and an abused form among an office, a newsletter, a shop.

Every part gives acts (see ``player.py``) at moments in minutes of the scene's own clock, and says how the
world will answer the addresses it invents. Nothing here touches the lab.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from urllib.parse import urlencode

from tests.lab.network import LAN, MX, PUBLIC
from tests.lab.people import INFO, NEWSLETTER, SHOP, STAFF, WEB_ROOT, message, stranger, strangers
from tests.lab.player import Act
from tests.lab.world import SINKS

LENGTH = 320.0  # minutes
STOLEN = STAFF[0]
GUESSED = 170.0
CAMPAIGN = (190.0, 260.0)
FORM_ABUSE = (220.0, 280.0)
FORM_SCRIPT = "/var/www/html/contact.php"
SHOP_SCRIPT = "/var/www/html/shop/order.php"
GUESSERS = ("100.71.14.203", "100.82.9.77", "192.0.2.66", "100.113.240.5")
BOTS = (GUESSERS[0], *(f"100.{64 + 2 * i}.{(i * 37) % 250 + 1}.{(i * 91) % 250 + 2}" for i in range(30)))
ABUSER = "100.99.12.80"
HOME, MOBILE = "100.65.20.17", "100.67.3.140"
VISITORS = tuple(f"100.{65 + 2 * (i % 9)}.{100 + i}.{7 + i}" for i in range(24))
STRANGERS = tuple(dict.fromkeys((*GUESSERS, *BOTS, ABUSER)))
NAMED_STRANGERS = (HOME, MOBILE, *VISITORS)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
FORM = "application/x-www-form-urlencoded"
NAMES = {f"{LAN}.30": "app.corp.test"} | {f"{LAN}.{100 + n}": f"pc{n:02}.corp.test" for n in range(1, len(STAFF) + 1)}


@dataclass
class Scene:
    """Acts by the host whose player plays them, and the world's answers."""

    passwords: dict[str, str]
    random: Random = field(default_factory=lambda: Random(20261117))
    answers: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    acts: dict[str, list[Act]] = field(default_factory=lambda: {"lan": [], "out": [], "guess": [], "web": []})

    def strangers(self, count: int) -> list[str]:
        """Invent addresses outside that nobody else in the scene writes to."""
        return strangers(self.random, count, self.taken)

    def submit(self, at: float, account: str, source: str, to: tuple[str, ...], subject: str) -> Act:
        """Let ``account`` submit one message with its password, from the host at ``source``."""
        inside = source.startswith(LAN)
        helo = NAMES.get(source, f"[{source}]")
        return Act(
            at, "mail", source, MX if inside else PUBLIC, 587,
            label=account, user=account, password=self.passwords[account], helo=helo, sender=account, recipients=to,
            message=message(self.random, account, to[0], subject, helo.strip("[]")),
        )  # fmt: skip

    def request(self, at: float, visitor: str, path: str, form: dict[str, str] | None = None, **more: object) -> Act:
        """Let a visitor of the web site ask for ``path``, or send it a form."""
        headers = {"Host": "www.corp.test", "User-Agent": BROWSER}
        if form is not None:
            headers |= {"Content-Type": FORM, "Referer": "http://www.corp.test/contact.html"}
        act = Act(at, "web", visitor, PUBLIC, 80, path=path, headers=headers)
        if form is not None:
            act = replace(act, method="POST", body=urlencode(form))
        return replace(act, **more)  # type: ignore[arg-type]  # the fields of Act

    def spread(self, addresses: list[str], shares: dict[str, float]) -> None:
        """Let the world answer these shares of the addresses otherwise than by accepting them."""
        answers = list(shares)
        weights = [*shares.values(), 1.0 - sum(shares.values())]
        for address in addresses:
            answer = self.random.choices([*answers, ""], weights)[0]
            if answer:
                self.answers.setdefault(address, answer)


def build(passwords: dict[str, str]) -> Scene:
    """Put the whole scene together."""
    scene = Scene(passwords)
    for part in (
        office,
        collateral,
        roaming,
        reading,
        newsletter,
        inbound,
        website,
        reports,
        guessing,
        campaign,
        form_abuse,
    ):
        part(scene)
    for acts in scene.acts.values():
        acts.sort(key=lambda act: act.at)
    return scene


def office(scene: Scene) -> None:
    """Twenty-five people write to each other and to people they know."""
    random = scene.random
    for number, account in enumerate(STAFF, start=1):
        known = scene.strangers(random.randrange(8, 30))
        scene.spread(known, {"greylist": 0.04})
        for _ in range(60 if account == STOLEN else int(random.lognormvariate(3.2, 0.5))):
            to = tuple(_addressee(scene, account, known) for _ in range(random.choice((1, 1, 1, 2, 3))))
            at = random.uniform(3, LENGTH)
            act = scene.submit(
                at, account, f"{LAN}.{100 + number}", tuple(dict.fromkeys(to)), subject="Re: your question"
            )
            scene.acts["lan"].append(act)


def _addressee(scene: Scene, account: str, known: list[str]) -> str:
    if scene.random.random() < 0.3:
        return scene.random.choice([other for other in STAFF if other != account])
    if scene.random.random() < 0.018:
        mistyped = scene.strangers(1)[0]
        scene.answers[mistyped] = scene.random.choice(("unknown", "unknown2", "full"))
        return mistyped
    return scene.random.choice(known)


def collateral(scene: Scene) -> None:
    """The blocklist that the campaign earned also hits three who did nothing."""
    for number, at in ((7, 268.0), (12, 284.0), (20, 301.0)):
        to = scene.strangers(1)[0]
        scene.answers[to] = "blocked"
        scene.acts["lan"].append(scene.submit(at, STAFF[number], f"{LAN}.{101 + number}", (to,), subject="The offer"))


def roaming(scene: Scene) -> None:
    """Two people also work from home and on the move: new networks that mean nothing."""
    for account, address, start, end in ((STAFF[1], HOME, 5.0, 90.0), (STAFF[2], MOBILE, 180.0, 300.0)):
        known = scene.strangers(8)
        for _ in range(9):
            at = scene.random.uniform(start, end)
            scene.acts["out"].append(
                scene.submit(at, account, address, (scene.random.choice(known),), subject="Meeting")
            )
            scene.acts["out"].append(_reads(scene, at - 2, account, address))


def reading(scene: Scene) -> None:
    """Everybody looks at their mailbox every hour or so."""
    for number, account in enumerate(STAFF, start=1):
        at = scene.random.uniform(1, 15)
        while at < LENGTH:
            scene.acts["lan"].append(_reads(scene, at, account, f"{LAN}.{100 + number}"))
            at += scene.random.uniform(45, 100)


def _reads(scene: Scene, at: float, account: str, source: str) -> Act:
    server = MX if source.startswith(LAN) else PUBLIC
    return Act(at, "imap", source, server, 143, label=account, user=account, password=scene.passwords[account])


def newsletter(scene: Scene) -> None:
    """An application with its own account writes to some hundred subscribers, some of whom are long gone."""
    subscribers = scene.strangers(360)
    scene.spread(subscribers, {"unknown": 0.035, "unknown2": 0.01, "full": 0.01, "greylist": 0.03})
    for number, subscriber in enumerate(subscribers):
        at = 40 + number * 0.17
        subject = "News from Corp, November"
        act = scene.submit(at, NEWSLETTER, f"{LAN}.30", (subscriber,), subject=subject)
        extra = "List-Unsubscribe: <http://www.corp.test/unsubscribe>\r\nPrecedence: bulk\r\n"
        scene.acts["lan"].append(replace(act, message=extra + act.message))


def inbound(scene: Scene) -> None:
    """The world writes to the office; some of it to nobody, and some tries to relay."""
    random = scene.random
    for _ in range(200):
        sender, source = stranger(random), random.choice(SINKS)
        to = random.choice((*STAFF, INFO, "nobody@corp.test" if random.random() < 0.3 else INFO))
        text = message(random, sender, to, "Question", "mail.test")
        helo = f"mx{source.rsplit('.', 1)[1]}.test"
        scene.acts["out"].append(
            Act(random.uniform(2, LENGTH), "mail", source, PUBLIC, 25, "inbound", helo=helo, sender=sender,
                recipients=(to,), message=text)
        )  # fmt: skip
    for number in range(6):
        at = 30 + number * 45.0
        scene.acts["out"].append(
            Act(at, "mail", GUESSERS[number % 4], PUBLIC, 25, "relay attempt", helo="ylmf-pc",
                sender="test@freemail.test", recipients=("probe@bigmail.test",), message="Subject: x\r\n\r\nx\r\n")
        )  # fmt: skip


def website(scene: Scene) -> None:
    """People read the site, write through its form and order in its shop."""
    random = scene.random
    for _ in range(260):
        path = random.choice(("/", "/", "/contact.html", "/favicon.ico", "/shop/"))
        scene.acts["out"].append(scene.request(random.uniform(1, LENGTH), random.choice(VISITORS), path))
    for number in range(14):
        path, field_name = ("/contact.php", "to") if number % 4 else ("/cgi-bin/formmail.pl", "recipient")
        form = {"email": stranger(random), "subject": "Opening hours", "message": "When are you open?"}
        form |= {"recipient": INFO} if field_name == "recipient" else {}
        label = "contact form" if number % 4 else "formmail"
        at, visitor = 10 + number * 22.0, random.choice(VISITORS)
        scene.acts["out"].append(scene.request(at, visitor, path, form, label=label, recipients=(INFO,)))
    for number, customer in enumerate(scene.strangers(60)):
        scene.spread([customer], {"unknown": 0.03})
        at, visitor = random.uniform(2, LENGTH), random.choice(VISITORS)
        form = {"customer": customer, "number": str(70231 + number)}
        act = scene.request(at, visitor, "/shop/order.php", form, label=SHOP, recipients=(customer,))
        scene.acts["out"].append(act)


def reports(scene: Scene) -> None:
    """The web host's own root writes a report every hour."""
    for hour in range(5):
        text = message(scene.random, WEB_ROOT, INFO, "Daily report", "web.corp.test")
        at = 15 + hour * 60.0
        scene.acts["web"].append(Act(at, "local", label="root", sender=WEB_ROOT, recipients=(INFO,), message=text))


def guessing(scene: Scene) -> None:
    """Outside addresses guess passwords for hours; one of them finds alice's."""
    random = scene.random
    for _ in range(80):
        account = random.choice((STOLEN, *random.sample(STAFF, 3), "admin@corp.test", "test@corp.test", "scan"))
        kind, port = random.choice((("login", 587), ("login", 587), ("imap", 143)))
        at, source = random.uniform(30, GUESSED - 1), random.choice(GUESSERS)
        scene.acts["guess"].append(
            Act(at, kind, source, PUBLIC, port, "guessing", user=account, password="123456", helo="User")
        )  # fmt: skip
    tried = [Act(GUESSED - 12 + i, "login", GUESSERS[0], PUBLIC, 587, "guessing", user=STOLEN, password=f"Winter20{i}",
                 helo="User") for i in range(12)]  # fmt: skip
    scene.acts["guess"] += tried
    probe = scene.submit(GUESSED, STOLEN, GUESSERS[0], ("dropbox771@freemail.test",), subject="test 587 mx.corp.test")
    scene.acts["guess"].append(replace(probe, label="campaign", helo="User"))


def campaign(scene: Scene) -> None:
    """The stolen account sends to a bought list from thirty-one networks; later the world begins to block us."""
    random, start = scene.random, CAMPAIGN[0]
    victims = scene.strangers(1050)
    early, late = victims[:630], victims[630:]
    scene.spread(early, {"unknown": 0.27, "unknown2": 0.08, "full": 0.02, "spam": 0.02, "greylist": 0.02})
    scene.spread(late, {"unknown": 0.25, "unknown2": 0.08, "blocked": 0.16, "spam": 0.05, "greylist": 0.02})
    step = (CAMPAIGN[1] - start) / (len(victims) / 5)
    for number in range(0, len(victims), 5):
        at = start + step * (number / 5 + random.random())
        act = scene.submit(
            at, STOLEN, random.choice(BOTS), tuple(victims[number : number + 5]), subject="Invoice overdue"
        )
        sender = "billing@northbank.test" if random.random() < 0.15 else STOLEN
        helo = random.choice((act.helo, "localhost", f"WIN-{random.getrandbits(40):X}"))
        scene.acts["out"].append(replace(act, label="campaign", sender=sender, helo=helo))


def form_abuse(scene: Scene) -> None:
    """One outside address makes the contact form write to strangers: by an injected Bcc, and by naming whom to."""
    random, (start, end) = scene.random, FORM_ABUSE
    victims = scene.strangers(980)
    scene.spread(victims, {"unknown": 0.28, "unknown2": 0.06, "spam": 0.04, "blocked": 0.08, "greylist": 0.02})
    batches = [victims[i : i + 9] for i in range(0, 882, 9)] + [[victim] for victim in victims[882:]]
    random.shuffle(batches)
    scene.acts["out"].append(scene.request(start - 8, ABUSER, "/contact.html"))
    for number, batch in enumerate(batches):
        at = start + (end - start) * (number + random.random()) / len(batches)
        form = {"email": "prize@freemail.test", "subject": "You have won", "message": "Claim it at http://prize.test/"}
        if len(batch) > 1:
            form["email"] += "\nBcc: " + ", ".join(batch)
        else:
            form["to"] = batch[0]
        to = (INFO, *batch) if len(batch) > 1 else tuple(batch)
        headers = {"Host": "www.corp.test", "User-Agent": "python-requests/2.32.3", "Content-Type": FORM}
        act = scene.request(at, ABUSER, "/contact.php", form, label="form abuse", recipients=to)
        scene.acts["out"].append(replace(act, headers=headers))
