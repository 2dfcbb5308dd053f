"""A Sendmail log of one host out of thin air, the same for the same seed, with the truth beside it (LogLevel 9).

    generated = generate_sendmail(seed=7, size=2_000_000, folder=folder)

What is in it: logins that carry several messages a session, processes whose number comes back for somebody who did
not log in, many recipients in one line, lists cut in two, retries hours later, notifications, local mail that the
submission program hands to the MTA under a second id, aliases, clients that bring nothing, refusals, failed logins,
and senders, recipients, Message-IDs and replies that imitate fields.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random
from time import gmtime, strftime
from typing import TYPE_CHECKING

from benchmarks.generator.truth import NO_ACTOR, Truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
HOST = "mx1"
START = 1_794_787_200.0
FEW_PROCESSES = 60
"""Process numbers come back after so many: far sooner than on a real machine."""
REFUSED = (
    "dsn=5.1.1, reply=550 5.1.1 <{to}>: Recipient address rejected: User unknown, stat=Sent (ok), stat=User unknown",
    "dsn=5.7.1, reply=554 5.7.1 spam, dsn=2.0.0, stat=Sent (Ok: queued as 4A01EEF), stat=Service unavailable",
)
LATER = "dsn=4.7.1, reply=451 4.7.1 <{to}>: Greylisting, stat=Sent, stat=Deferred: 451 4.7.1 <{to}>: Greylisting"
HOSTILE = (
    '"a, size=1, class=0, nrcpts=1, msgid=<x>, proto=ESMTPA, daemon=MSP-v4, relay=pc9 [10.0.0.9]"@far.example',
    '"x>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, pri=1, relay=far, dsn=5.1.1, stat=User unknown"@far.example',
    '"two\\\\", one"@far.example',
)


class Client:
    """Who is at the other end."""

    def __init__(self, address: str, name: str = "") -> None:
        self.address = address
        self.text = f"{name} [{address}]" if name else f"[{address}]"


@dataclass
class Letter:
    """One message under one queue id."""

    queue_id: str
    pid: int
    sender: str
    given: Sequence[str]
    """Recipients as the client or the submission program gave them."""
    actor: str
    """Whom the id's own lines name."""
    origin: str
    """Who really handed it in first."""
    expanded: bool = False
    """An alias put others in their place: those stand without brackets."""
    ctladdr: str = ""


@dataclass
class Scribe:
    """Writes lines in the order of their time, and notes what is true."""

    random: Random
    truth: Truth = field(default_factory=Truth)
    lines: list[tuple[float, int, str]] = field(default_factory=list)
    written: int = 0
    process: int = 900

    def put(self, at: float, pid: int, text: str, tag: str = "sm-mta") -> None:
        """One line."""
        stamp = strftime("%b %e %H:%M:%S", gmtime(at))
        line = f"{stamp} {HOST} {tag}[{pid}]: {text}\n"
        heapq.heappush(self.lines, (at, len(self.lines) + self.written, line))
        self.written += len(line)

    def fork(self) -> int:
        """A new process."""
        self.process = 900 + (self.process - 899) % FEW_PROCESSES
        return self.process

    def identify(self, began: float, pid: int, number: int) -> str:
        """The queue id that a process gives: when it began, a counter, its number."""
        year, month, day, hour, minute, second, *_ = gmtime(began)
        signs = ((year - 1900) % 60, month - 1, day, hour, minute, second, number // 60 % 60, number % 60)
        return "".join(DIGITS[sign] for sign in signs) + f"{pid:06d}"

    def collect(self, at: float, letter: Letter, *, protocol: str, relay: str, tag: str = "sm-mta") -> None:
        """The line of a message that came in."""
        number = self.random.randrange(1 << 40)
        fake = ", relay=carol@localhost" if number % 31 == 0 else ""
        local = tag == "sendmail"
        sender = letter.sender if local else f"<{letter.sender}>"
        how = "" if local else f", proto={protocol}, daemon=MTA-v4"
        text = f"from={sender}, size={1000 + number % 9000}, class=0, nrcpts={len(letter.given)}"
        text += f", msgid=<{number:x}@x>{fake}"
        self.put(at, letter.pid, f"{letter.queue_id}: {text}{how}, relay={relay}", tag)

    def attempt(  # noqa: PLR0913  # as many as the line has fields
        self, at: float, letter: Letter, to: Iterable[str], *, mailer: str, relay: str, fate: str,
        tag: str = "sm-mta", since: float | None = None,
    ) -> None:  # fmt: skip
        """The line of some recipients that had the same fate; a long list is cut into several lines."""
        brackets = tag == "sm-mta" and not letter.expanded
        names = [f"<{one}>" if brackets else one for one in to]
        seconds = int(at - (at - 1 if since is None else since))
        days, clock = seconds // 86_400, strftime("%H:%M:%S", gmtime(seconds))
        controlled = f", ctladdr={letter.ctladdr}" if letter.ctladdr else ""
        rest = f"{controlled}, delay={f'{days}+' if days else ''}{clock}, xdelay=00:00:01, mailer={mailer}, pri=30000"
        rest += f"{f', relay={relay}' if relay else ''}, {fate}"
        while len(names) > 1 and len(",".join(names)) + len(rest) > 900:
            half = len(names) // 2
            self.put(at, letter.pid, f"{letter.queue_id}: to={','.join(names[:half])}, [more]{rest}", tag)
            names = names[half:]
        self.put(at, letter.pid, f"{letter.queue_id}: to={','.join(names)}{rest}", tag)


class Days:
    """One method for each thing that happens."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.scribe = Scribe(self.random)
        self.accounts = [f"user{number}@corp.example" for number in range(200)]
        self.clients = [
            Client(f"10.0.{number // 200}.{number % 200 + 1}", f"pc{number}.corp.example") for number in range(12)
        ]
        self.people = [f"p{number}@dom{number % 37}.example" for number in range(4000)]

    def session(self, at: float) -> None:
        """An account logs in and brings messages; some clients of ours do not log in, and strangers write to us."""
        random, scribe = self.random, self.scribe
        draw, pid = random.random(), scribe.fork()
        client = random.choice(self.clients)
        account = random.choice(self.accounts) if draw < 0.6 else ""
        if draw > 0.8:
            client = Client(f"198.51.{random.randrange(100)}.{random.randrange(1, 250)}")
        if account:
            scribe.put(at, pid, f"AUTH=server, relay={client.text}, authid={account}, mech=PLAIN, bits=0")
        for number in range(random.choice((1, 1, 1, 2, 4))):
            moment = at + 0.2 + number * 0.4
            sender = account if account and random.random() < 0.9 else random.choice((*HOSTILE, *self.people[:50]))
            inbound = draw > 0.8
            many = min(1 + int(random.expovariate(0.4)), 60)
            to = [f"user{random.randrange(200)}@corp.example"] if inbound else random.sample(self.people, many)
            if random.random() < 0.02 and not inbound:
                to.append(random.choice(HOSTILE))
            actor = account or client.address
            queue_id = scribe.identify(at, pid, number)
            letter = Letter(
                queue_id, pid, sender, to, actor, actor, ctladdr=f"<{sender}> (1001/1001)" if account else ""
            )
            scribe.collect(moment, letter, protocol="ESMTPA" if account else "ESMTP", relay=client.text)
            if inbound and random.random() < 0.2:
                to, letter.expanded, inbound = random.sample(self.people, 2), True, False
            self.deliver(moment + 0.3, letter, to, local=inbound)

    def script(self, at: float) -> None:
        """A script hands mail to the submission program, which hands it to the MTA: two ids, one message."""
        random, scribe = self.random, self.scribe
        user = random.choice(("www-data", "www-data", "backup"))
        pid, second = scribe.fork(), scribe.fork()
        sender = random.choice((user, "root", "carol@corp.example"))
        to = random.sample(self.people, random.choice((1, 1, 3)))
        origin = f"uid:{user}@{HOST}"
        first = Letter(scribe.identify(at, pid, 7), pid, sender, to, origin, origin, ctladdr=f"{sender} (0/0)")
        scribe.collect(at, first, protocol="", relay=f"{user}@localhost", tag="sendmail")
        next_id = scribe.identify(at, second, 3)
        taken = Letter(next_id, second, sender, to, "127.0.0.1", origin)
        scribe.collect(at + 0.05, taken, protocol="ESMTP", relay="localhost [127.0.0.1]")
        fate = f"dsn=2.0.0, stat=Sent ({next_id} Message accepted for delivery)"
        scribe.attempt(at + 0.1, first, to, mailer="relay", relay="[127.0.0.1] [127.0.0.1]", fate=fate, tag="sendmail")
        scribe.truth.life(sender, first.actor, (len(to), 0, 0))
        self.deliver(at + 0.4, taken, to)

    def deliver(self, at: float, letter: Letter, to: Sequence[str], *, local: bool = False) -> None:
        """Try until everybody has it, refused it or was tried often enough; tell the sender of what failed."""
        random, scribe, began = self.random, self.scribe, at
        letter.pid = scribe.fork()
        if local:
            scribe.attempt(at, letter, to, mailer="local", relay="", fate="dsn=2.0.0, stat=Sent")
            self._done(letter, (len(to), 0, 0), (len(to), 0, 0))
            return
        sent = deferred = bounced = 0
        waiting = list(to)
        for attempt in range(4):
            by_domain: dict[str, list[str]] = {}
            later = []
            for one in waiting:
                draw = random.random()
                relay = f"mx.{one.rpartition('@')[2]}. [203.0.113.{len(one) % 200}]"
                if draw < 0.04:
                    bounced += 1
                    fate = random.choice(REFUSED).format(to=one)
                    scribe.attempt(at, letter, [one], mailer="esmtp", relay=relay, fate=fate, since=began)
                elif draw < (0.12 if attempt == 0 else 0.5):
                    deferred += 1
                    later.append(one)
                    scribe.attempt(
                        at, letter, [one], mailer="esmtp", relay=relay, fate=LATER.format(to=one), since=began
                    )
                else:
                    sent += 1
                    by_domain.setdefault(relay, []).append(one)
            for relay, those in by_domain.items():
                fate = f"dsn=2.0.0, stat=Sent (Ok: queued as {random.randrange(1 << 40):X}, stat=Deferred)"
                scribe.attempt(at + 0.5, letter, those, mailer="esmtp", relay=relay, fate=fate, since=began)
            waiting = later
            if not waiting:
                break
            at += 1800 * 2**attempt
            letter.pid = scribe.fork()
        if bounced:
            note = scribe.identify(at + 1, letter.pid, 9)
            scribe.put(at + 1, letter.pid, f"{letter.queue_id}: {note}: DSN: User unknown")
            home = Letter(note, letter.pid, "", [letter.sender], NO_ACTOR, NO_ACTOR)
            scribe.attempt(at + 1.1, home, [letter.sender], mailer="local", relay="", fate="dsn=2.0.0, stat=Sent")
            self._done(home, (1, 0, 0), (1, 0, 0))
        self._done(letter, (sent, deferred, bounced), (sent, len(waiting) + len(letter.given) - len(to), bounced))

    def _done(self, letter: Letter, lines: tuple[int, int, int], recipients: tuple[int, int, int]) -> None:
        self.scribe.truth.life(letter.sender, letter.actor, lines)
        self.scribe.truth.message(letter.origin, recipients)

    def noise(self, at: float) -> None:
        """What brings no message."""
        random, scribe = self.random, self.scribe
        pid, client = scribe.fork(), random.choice(self.clients).text
        queue_id, account = scribe.identify(at, pid, 1), random.choice(self.accounts)
        said = random.choice((
            f"{queue_id}: AUTH failure (LOGIN): authentication failure (-13) x, user={account}, relay={client}",
            f"{queue_id}: from=<{account}>, size=0, class=0, nrcpts=1, proto=ESMTP, daemon=MTA-v4, relay={client}",
            f"{queue_id}: ruleset=check_rcpt, arg1=<x@far.example>, relay={client}, reject=550 5.7.1 no",
            f"{queue_id}: {client} did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA-v4",
            f"STARTTLS=server, relay={client}, version=TLSv1.3, verify=NO, cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
            f"AUTH=server, relay={client}, authid={account}, mech=PLAIN, bits=0",
        ))  # fmt: skip
        scribe.put(at, pid, said)


def generate_sendmail(seed: int, size: int, folder: Path) -> tuple[Path, Truth]:
    """Write one log of about so many bytes; give it and what is true about it."""
    folder.mkdir(parents=True, exist_ok=True)
    days, path = Days(seed), folder / "maillog"
    scribe, at = days.scribe, START
    with path.open("w", encoding="utf-8") as log:
        while scribe.written < size:
            at += days.random.expovariate(1 / 3)
            draw = days.random.random()
            (days.session if draw < 0.75 else days.script if draw < 0.85 else days.noise)(at)
            while scribe.lines and scribe.lines[0][0] < at - 1:
                log.write(heapq.heappop(scribe.lines)[2])
        while scribe.lines:
            log.write(heapq.heappop(scribe.lines)[2])
    return path, scribe.truth
