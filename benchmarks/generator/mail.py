"""One message on its way through our hosts: every id, every hand-over, the notification at the end."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.generator.cast import Recipient
from benchmarks.generator.delivery import Delivery, Letter, Tally
from benchmarks.generator.speech import FILTER, LMTP, accepted, filtered
from benchmarks.generator.truth import NO_ACTOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.generator.scene import Host, Scene

POSTMASTER = 1 << 40
FORWARDED = 0.5
"""Share of hand-overs through a filter that passes the first id on (XFORWARD)."""
LATE = 0.3
"""Share of hand-overs whose own line comes late, often after the second id's deliveries."""
NAMESAKE = 0.1
"""Share of messages that get the same id on the relay as they have on the web server."""


class Hop(Enum):
    """Where a queue id's recipients are sent."""

    FILTER = auto()
    RELAY = auto()
    REMOTE = auto()
    MAILBOX = auto()


class Opening(NamedTuple):
    """How a life begins: who logs it, the text after the id, and whom that text names."""

    label: str
    text: str
    actor: str
    namesake: str = ""
    """The id to have here too: an id means nothing outside its host."""


class Desk(NamedTuple):
    """Where a letter is handed over: who says so, to whom it goes, how it begins there."""

    label: str
    relay: str
    receiver: Host
    opening: Opening
    reply: Callable[[str], str]


NOTIFICATION = Opening("", "", NO_ACTOR)


class Mail:
    """Carries letters; each call of `carry` is one life of one queue id."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def carry(self, host: Host, at: float, opening: Opening, letter: Letter, route: tuple[Hop, ...]) -> str:
        """Queue the letter here, send it along the route; give the id it got."""
        scene = self._scene
        put = scene.timeline.put
        queue_id = host.ids.take(at, opening.namesake)
        if opening.label:
            put((at, f"{opening.label}{queue_id}: {opening.text}"))
        put((at + 0.02, f"{next(host.cleanup)}{queue_id}: message-id=<{letter.message_id}>"))
        if letter.signed and route == (Hop.REMOTE,):
            domain = letter.sender.rpartition("@")[2]
            put((at + 0.03, f"{host.opendkim}{queue_id}: DKIM-Signature field added (s=mail, d={domain})"))
        size = f"size={letter.size}, nrcpt={len(letter.recipients)}"
        put((at + 0.05, f"{host.qmgr}{queue_id}: from=<{letter.sender}>, {size} (queue active)"))
        tally = self._send(host, queue_id, at + 0.06, letter, route)
        scene.truth.life(letter.sender, opening.actor, tally.lines)
        put((tally.end + 0.2, f"{host.qmgr}{queue_id}: removed"))
        host.ids.release(queue_id, tally.end + 0.2)
        return queue_id

    def _send(self, host: Host, queue_id: str, at: float, letter: Letter, route: tuple[Hop, ...]) -> Tally:
        hop, *rest = route
        if rest:
            desk = self._to_relay(host, queue_id, at) if hop is Hop.RELAY else self._to_filter(host, queue_id)
            return self._hand_over(desk, queue_id, at, letter, tuple(rest))
        if hop is Hop.REMOTE:
            tally = Delivery(self._scene, host, queue_id, letter).run(at)
        else:
            tally = self._store(host, queue_id, at, letter)
        self._scene.truth.message(letter.origin, tally.recipients)
        if letter.sender and tally.bounced + tally.given_up:
            self._notify(host, queue_id, tally.end + 0.05, letter)
        return tally

    def _to_relay(self, host: Host, queue_id: str, at: float) -> Desk:
        random, receiver = self._scene.random.random, self._scene.relay
        smtpd, client = next(receiver.smtpd), host.client
        self._scene.timeline.put((at + 0.2, f"{smtpd}connect from {client}"))
        namesake = queue_id if random() < NAMESAKE else ""
        opening = Opening(smtpd, f"client={client}", address_of(client), namesake)
        return Desk(host.smtp[int(random() * 80)], f"{receiver.client}:25", receiver, opening, accepted)

    def _to_filter(self, host: Host, queue_id: str) -> Desk:
        origin = f", orig_queue_id={queue_id}" if self._scene.random.random() < FORWARDED else ""
        opening = Opening(next(host.smtpd), f"client=localhost[127.0.0.1]{origin}", "127.0.0.1")
        return Desk(host.lmtp, FILTER, host, opening, filtered)

    def _hand_over(self, desk: Desk, queue_id: str, at: float, letter: Letter, route: tuple[Hop, ...]) -> Tally:
        """Let the letter go on under another id; one line a recipient says so, sooner or later."""
        random, put = self._scene.random.random, self._scene.timeline.put
        arrival = at + 0.3 + random()
        letter.size += 700
        second_id = self.carry(desk.receiver, arrival, desk.opening, letter, route)
        said = arrival + (0.06 if random() > LATE else 0.1 + random() * 6)
        spent = f"delay={said - at:.2g}, delays=0.1/0.01/0.01/{said - at:.2g}{desk.reply(second_id)}"
        for recipient in letter.recipients:
            put((said, f"{desk.label}{queue_id}: to=<{recipient.address}>, relay={desk.relay}, {spent}"))
        return Tally(said, sent=len(letter.recipients))

    def _store(self, host: Host, queue_id: str, at: float, letter: Letter) -> Tally:
        """Deliver to mailboxes here."""
        put = self._scene.timeline.put
        end = at + 0.15
        via = f">, orig_to=<{letter.alias}" if letter.alias else ""
        spent = "delay=0.21, delays=0.05/0.01/0.01/0.14, dsn=2.0.0, status=sent"
        for recipient in letter.recipients:
            text = f"{queue_id}: to=<{recipient.address}{via}>, relay="
            if recipient.relay:
                saved = f"250 2.0.0 <{recipient.address}> {queue_id}AbC Saved"
                put((end, f"{host.lmtp}{text}{recipient.relay}, {spent} ({saved})"))
            else:
                put((end, f"{host.local}{text}local, {spent} (delivered to mailbox)"))
        return Tally(end, sent=len(letter.recipients))

    def _notify(self, host: Host, queue_id: str, at: float, letter: Letter) -> None:
        """Tell the sender what did not arrive: a message of its own, from nobody."""
        scene = self._scene
        home = letter.return_to or mailbox(letter.sender)
        note = Letter(
            sender="",
            recipients=[home],
            size=letter.size + 2200,
            message_id=f"{int(scene.random.random() * POSTMASTER):x}@{host.full_name}",
            origin=NO_ACTOR,
            bounce=0.3,
        )
        hop = Hop.REMOTE if letter.return_to else Hop.MAILBOX
        note_id = self.carry(host, at, NOTIFICATION, note, (hop,))
        scene.timeline.put((at + 0.03, f"{host.bounce}{queue_id}: sender non-delivery notification: {note_id}"))


def mailbox(address: str) -> Recipient:
    """Find where mail for an address of ours is stored: system users have a file, people have Dovecot."""
    system = address.rpartition("@")[2].count(".") == 2 and address.startswith(("root@", "www-data@"))
    return Recipient(address, "" if system else LMTP, "", popular=False)


def address_of(client: str) -> str:
    """Take the address out of `name[address]`."""
    return client.partition("[")[2].rstrip("]")
