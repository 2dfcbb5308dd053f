"""Those who hand in mail: accounts, scripts, cron jobs, strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.generator.delivery import Letter
from benchmarks.generator.mail import Hop, Mail, Opening, address_of, mailbox
from benchmarks.generator.speech import TLS

if TYPE_CHECKING:
    from benchmarks.generator.cast import Account, Recipient
    from benchmarks.generator.plot import Campaign
    from benchmarks.generator.scene import Host, Scene

FORWARDING = 0.03
"""Share of inbound messages that an alias here sends on to an address elsewhere."""
HOSTILE = '"to=<x>, status=sent"@example.net'
"""A valid address that imitates a delivery; Postfix logs it with its quotes."""
NO_SUCH_USER = "550 5.1.1 <old@example.org>: Recipient address rejected: User unknown in local recipient table"


class Sessions:
    """One method for each way mail comes in."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._mail = Mail(scene)

    def submission(self, at: float) -> None:
        """Let an account send a few messages from home."""
        scene = self._scene
        random = scene.random.random
        account = scene.cast.account()
        client = account.homes[int(random() * len(account.homes))]
        messages = 1 if random() < 0.85 else 2 + int(random() * 3)
        letters = []
        for _ in range(messages):
            many = 1 if random() < 0.8 else min(2 + int(scene.random.expovariate(0.25)), 60)
            letters.append(self._letter(account.address, account.login, many, 1500 + random() * 60_000))
        self._submit(at, account, client, letters)

    def campaign(self, at: float, campaign: Campaign) -> None:
        """Let a planted sender send: stolen account, abused script, newsletter."""
        random = self._scene.random.random
        planted, shape = campaign.planted, campaign.shape
        many = shape.least + int(random() * (shape.most - shape.least + 1))
        sender, return_to = campaign.address, None
        if shape.forged:
            return_to = self._scene.cast.recipient()
            sender = return_to.address
        letter = self._letter(sender, planted.actor, many, 1800 + random() * 900)
        letter.bounce, letter.defer, letter.return_to = shape.bounce, shape.defer, return_to
        planted.saw(at, len(letter.recipients))
        if campaign.account is None:
            self._pick_up(at, campaign.host, 33, "www-data", letter)
        else:
            clients = campaign.clients
            self._submit(at, campaign.account, clients[int(random() * len(clients))], [letter])

    def cron(self, at: float) -> None:
        """Let a nightly job write to its administrator."""
        scene = self._scene
        host = scene.hosts[int(scene.random.random() * len(scene.hosts))]
        recipient = scene.cast.recipients[int(scene.random.random() * 40)]
        letter = self._letter(f"root@{host.full_name}", f"uid:0@{host.name}", 0, 1100)
        letter.recipients = [recipient]
        self._pick_up(at, host, 0, "root", letter)

    def inbound(self, at: float) -> None:
        """Let a stranger write to someone here, by way of the content filter."""
        scene, host = self._scene, self._scene.relay
        random, put = scene.random.random, scene.timeline.put
        client = scene.cast.client()
        someone = scene.cast.account().address
        stranger = scene.cast.recipient()
        if random() < 0.02:
            stranger = stranger._replace(address=HOSTILE)
        sender = stranger.address
        letter = self._letter(sender, address_of(client), 0, 3000 + random() * 90_000)
        letter.return_to = stranger
        letter.recipients, last = [mailbox(someone)], Hop.MAILBOX
        if random() < FORWARDING:
            letter.recipients, last, letter.alias = [scene.cast.recipient()], Hop.REMOTE, someone
        elif random() < 0.1:
            letter.alias = "info@example.org"
        smtpd = next(host.smtpd)
        put((at, f"{smtpd}connect from {client}"))
        opening = Opening(smtpd, f"client={client}", address_of(client))
        queue_id = self._mail.carry(host, at + 0.1, opening, letter, (Hop.FILTER, last))
        if random() < 0.05:
            addresses = f"from=<{sender}> to=<old@example.org> proto=ESMTP helo=<status=sent>"
            put((at + 0.11, f"{smtpd}{queue_id}: reject: RCPT from {client}: {NO_SUCH_USER}; {addresses}"))
        put((at + 0.9, f"{smtpd}disconnect from {client} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"))

    def _letter(self, sender: str, origin: str, many: int, size: float) -> Letter:
        random, pick = self._scene.random.random, self._scene.cast.recipient
        recipients: list[Recipient] = list(dict.fromkeys([pick() for _ in range(many)]))
        message_id = f"{int(random() * (1 << 52)):x}@{sender.rpartition('@')[2]}"
        return Letter(sender, recipients, int(size), message_id, origin)

    def _submit(self, at: float, account: Account, client: str, letters: list[Letter]) -> None:
        scene, host = self._scene, self._scene.relay
        random, put = scene.random.random, scene.timeline.put
        smtpd = next(host.submission)
        put((at, f"{smtpd}connect from {client}"))
        if random() < 0.3:
            put((at + 0.05, f"{smtpd}Anonymous TLS connection established from {client}: {TLS}"))
        method = "PLAIN" if random() < 0.8 else "LOGIN"
        text = f"client={client}, sasl_method={method}, sasl_username={account.login}"
        opening = Opening(smtpd, text, account.login)
        route = (Hop.FILTER, Hop.REMOTE) if account.filtered else (Hop.REMOTE,)
        moment, recipients = at + 0.1, 0
        for letter in letters:
            letter.signed = random() < 0.5
            recipients += len(letter.recipients)
            self._mail.carry(host, moment, opening, letter, route)
            moment += 0.5
        mails = len(letters)
        commands = f"mail={mails} rcpt={recipients} data={mails} quit=1 commands={5 + 2 * mails + recipients}"
        put((moment + 0.3, f"{smtpd}disconnect from {client} ehlo=2 starttls=1 auth=1 {commands}"))

    def _pick_up(self, at: float, host: Host, uid: int, user: str, letter: Letter) -> None:
        opening = Opening(host.pickup, f"uid={uid} from=<{user}>", f"uid:{uid}@{host.name}")
        route = (Hop.REMOTE,) if host is self._scene.relay else (Hop.RELAY, Hop.REMOTE)
        self._mail.carry(host, at, opening, letter, route)
