"""A story's rows as the lines Exim's main log would have of them, a hosting panel's selectors on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zlib import crc32

from whosent.model.rows import Call, Login, Message, Outcome, Reason, Rejection, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whosent.model.rows import Actor, Row

_ANSWERS = {
    Reason.UNKNOWN_USER: "550 5.1.1 User unknown",
    Reason.POLICY: "550 5.7.1 Message rejected as spam",
    Reason.LISTED: "550 5.7.1 Service unavailable; blocked using dnsbl.example",
    Reason.MAILBOX: "552 5.2.2 Mailbox full",
    Reason.GREYLISTED: "451 4.7.1 Greylisted, please come back later",
    Reason.RATE: "450 4.7.0 Too many messages",
    Reason.OTHER: "550 no",
    Reason.NONE: "550 no",
}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
HOME = "/home/u/mailer"  # from where a user who is no web server calls sendmail


def main_log(rows: Iterable[Row]) -> bytes:
    """The log, line by line in the order of the rows."""
    return "".join(f"{stamp(row.time)} {text}\n" for row, text in _lines(rows)).encode()


def stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{int(time * 1000) % 1000:03}"


def message_id(number: int) -> str:
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return f"1xTold-{digits}-0A"


def _lines(rows: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    latest: dict[Actor, str] = {}
    folder = HOME
    for number, row in enumerate(rows):
        if isinstance(row, Message):
            current = latest[row.actor] = message_id(number)
            for text in _arrival(row, current, number, folder):
                yield row, text
            folder = HOME
        elif isinstance(row, Outcome):
            yield row, f"[{number}] {latest[row.actor]} {_outcome(row)}"
        elif isinstance(row, Call):
            folder = row.script.rpartition("/")[0]
        elif isinstance(row, Login) and not row.succeeded:
            yield (
                row,
                (
                    f"[{number}] dovecot_login authenticator failed for (x) [{row.address}]:2525: "
                    f"535 Incorrect authentication data (set_id={row.account})"
                ),
            )
        elif isinstance(row, Rejection):
            yield (
                row,
                f"[{number}] H=(x) [{row.address}]:2525 F=<a@b.example> rejected RCPT <c@d.e>: {row.reason.decode()}",
            )


def _arrival(row: Message, current: str, number: int, folder: str) -> Iterator[str]:
    kind, name, _, address, _ = row.actor
    who = f"H=(pc.example) [{address}]:2525 P=esmtp"
    if kind == "local_user":
        yield f"[{number}] cwd={folder} 3 args: /usr/sbin/sendmail -t -i"
        who = f"U={address} P=local"
    elif kind == "account":
        who += f"sa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=dovecot_login:{name}"
    to = " ".join(f"r{each}@list.example" for each in range(row.recipient_count))
    yield f'[{number}] {current} <= {row.sender.decode()} {who} S={row.size} id={number}@told.example T="Hi" for {to}'


def _outcome(row: Outcome) -> str:
    to = row.recipient.decode()
    if row.result is Result.LOCAL:
        return f"=> {to.partition('@')[0]} <{to}> R=mailbox T=local_delivery"
    original = " <alias@corp.example>" if row.forwarded else ""
    via, host = (
        f"{to}{original} R=dnslookup T=remote_smtp",
        f"H={row.relay} [198.51.100.{crc32(row.relay.encode()) % 250}]",
    )
    if row.result is Result.SENT:
        return f'=> {via} {host} C="250 2.0.0 Ok: queued as 4A{crc32(row.recipient):X}"'
    if row.reason is Reason.ROUTE:
        return f"== {via} defer (111): Connection refused"
    said = f"{host}: SMTP error from remote mail server after RCPT TO:<{to}>: {_ANSWERS[row.reason]}"
    if row.result is Result.BOUNCED:
        return f"** {via} {said}"
    return f"== {via} defer (-44) {said}"
