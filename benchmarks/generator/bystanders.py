"""Lines that deliver nothing: rejects, failed logins, mailbox logins, statistics, broken sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.generator.mail import address_of

if TYPE_CHECKING:
    from benchmarks.generator.plot import Campaign
    from benchmarks.generator.scene import Scene


class Bystanders:
    """One method for each kind of noise."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._postscreen = scene.relay.label("postfix/postscreen")
        self._dovecot = scene.relay.label("dovecot")
        self._anvil = scene.relay.label("postfix/anvil")
        self._cron = scene.relay.label("CRON")

    def reject(self, at: float) -> None:
        """Refuse a stranger by blocklist, or a guessed password."""
        scene = self._scene
        put, cast = scene.timeline.put, scene.cast
        client, smtpd = cast.client(), next(scene.relay.smtpd)
        name, address = client.partition("[")[0], address_of(client)
        put((at, f"{smtpd}connect from {client}"))
        if scene.random.random() < 0.5:
            refusal = f"554 5.7.1 Service unavailable; Client host [{address}] blocked using zen.example"
            addresses = f"from=<{cast.recipient().address}> to=<{cast.account().address}>"
            text = f"NOQUEUE: reject: RCPT from {client}: {refusal}; {addresses} proto=ESMTP helo=<{name}>"
        else:
            failure = f"SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username={cast.account().login}"
            text = f"warning: {client}: {failure}"
        put((at + 0.3, f"{smtpd}{text}"))
        put((at + 0.5, f"{smtpd}lost connection after RCPT from {client}"))
        put((at + 0.51, f"{smtpd}disconnect from {client} ehlo=1 mail=1 rcpt=0/1 commands=2/3"))

    def broken(self, at: float) -> None:
        """Open a message that never gets as far as the queue: cut off, or refused by a milter."""
        scene, host = self._scene, self._scene.relay
        put, random = scene.timeline.put, scene.random.random
        account = scene.cast.account()
        client, smtpd = account.homes[0], next(host.submission)
        put((at, f"{smtpd}connect from {client}"))
        queue_id = host.ids.take(at + 0.1)
        login = f"sasl_method=PLAIN, sasl_username={account.login}"
        put((at + 0.1, f"{smtpd}{queue_id}: client={client}, {login}"))
        if random() < 0.5:
            cleanup = next(host.cleanup)
            put((at + 0.2, f"{cleanup}{queue_id}: message-id=<{int(random() * (1 << 40)):x}@example.org>"))
            refusal = f"milter-reject: END-OF-MESSAGE from {client}: 5.7.1 Spam message rejected"
            addresses = f"from=<{account.address}> to=<{scene.cast.recipient().address}>"
            put((at + 0.25, f"{cleanup}{queue_id}: {refusal}; {addresses} proto=ESMTP helo=<[10.0.0.7]>"))
        else:
            put((at + 0.3, f"{smtpd}lost connection after DATA (4096 bytes) from {client}"))
        put((at + 0.4, f"{smtpd}disconnect from {client} ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 commands=6"))
        host.ids.release(queue_id, at + 0.4)

    def mailbox_login(self, at: float) -> None:
        """Let someone read mail at home."""
        scene = self._scene
        account = scene.cast.account()
        self._login(at, account.login, account.homes[int(scene.random.random() * len(account.homes))])

    def thief_login(self, at: float, campaign: Campaign) -> None:
        """Let whoever stole an account look at its mailbox, from anywhere."""
        clients = campaign.clients
        if campaign.account and clients:
            client = clients[int(self._scene.random.random() * len(clients))]
            self._login(at, campaign.account.login, client)

    def murmur(self, at: float) -> None:
        """Say something of no interest."""
        scene = self._scene
        random, put, address = scene.random.random, scene.timeline.put, scene.cast.address()
        turn = int(random() * 4)
        if turn == 0:
            rate = f"max connection rate {1 + int(random() * 30)}/60s for (smtp:{address})"
            put((at, f"{self._anvil}statistics: {rate} at Nov 22 06:00:00"))
        elif turn == 1:
            port = 1024 + int(random() * 60_000)
            put((at, f"{self._postscreen}CONNECT from [{address}]:{port} to [192.0.2.25]:25"))
            put((at + 0.02, f"{self._postscreen}PASS OLD [{address}]:{port}"))
        elif turn == 2:
            text = f"warning: hostname host.example.net does not resolve to address {address}"
            put((at, f"{next(scene.relay.smtpd)}{text}: Name or service not known"))
        else:
            put((at, f"{self._cron}(root) CMD (test -x /usr/sbin/anacron || run-parts /etc/cron.hourly)"))

    def _login(self, at: float, login: str, client: str) -> None:
        random = self._scene.random.random
        session = f"mpid={1000 + int(random() * 30_000)}, TLS, session=<{int(random() * (1 << 60)):x}>"
        way = f"method=PLAIN, rip={address_of(client)}, lip=192.0.2.25"
        text = f"{self._dovecot}imap-login: Login: user=<{login}>, {way}, {session}"
        self._scene.timeline.put((at, text))
