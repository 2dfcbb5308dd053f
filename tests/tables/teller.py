"""Stories told in Exchange and Microsoft 365: the same rows, written as those systems would log them.

Written from the documentation of the formats and from nothing of the reader, so that what is read back is compared
with a truth the code under test did not produce.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from whosent.model.pile import Pile
from whosent.model.rows import Login, Message, Outcome, Reason, Result, Row

TRACKING: Final = (
    "date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,"
    "internal-message-id,message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
    "related-recipient-address,reference,message-subject,sender-address,return-path,message-info,directionality,"
    "tenant-id,original-client-ip,original-server-ip,custom-data,transport-traffic-type,log-id,schema-version"
)
PROTOCOL: Final = "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context"
REPLIES: Final = {
    Reason.NONE: "250 2.0.0 OK queued",
    Reason.UNKNOWN_USER: "550 5.1.1 User unknown",
    Reason.POLICY: "554 5.7.1 Message rejected as spam; see our policy, please",
    Reason.LISTED: "550 5.7.1 Client host blocked using zen.spamhaus.org",
    Reason.RATE: "450 4.7.1 Too many messages",
    Reason.GREYLISTED: "450 4.2.0 Greylisted, try again later",
    Reason.MAILBOX: "552 5.2.2 Mailbox full",
    Reason.ROUTE: "421 4.4.1 Connection timed out",
    Reason.OTHER: "554 5.5.0 Something else",
}
SERVERS: Final = (("EX01", "10.0.0.201"), ("EX02", "10.0.0.202"))
HIDDEN_SUBJECTS: Final = ('=cmd|"/C calc"!A0', "two, cells", 'a "quoted" word', "line\r\nbreak,SENDEXTERNAL", "plain")


class Post(NamedTuple):
    """A message and what became of it."""

    message: Message
    outcomes: list[Outcome]


def posts(rows: Iterable[Row | Pile]) -> Iterator[Post | Login]:
    """Messages with their outcomes, and logins, in the order they began."""
    told: list[Post | Login] = []
    latest: dict[tuple[str, str, bytes], Post] = {}
    for row in rows:
        if isinstance(row, Message):
            post = Post(row, [])
            latest[row.actor.kind, row.actor.name, row.sender] = post
            told.append(post)
        elif isinstance(row, Outcome):
            known = latest.get((row.actor.kind, row.actor.name, row.sender))
            if known is not None:
                known.outcomes.append(row)
        elif isinstance(row, Login):
            told.append(row)
    yield from told


def stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def truth(rows: Iterable[Row | Pile]) -> Counter[tuple[str, str, str]]:
    """How often each actor met each result."""
    return Counter(
        (row.actor.kind, row.actor.name, row.result.name)
        for post in posts(rows)
        if isinstance(post, Post)
        for row in post.outcomes
    )


class Exchange:
    """Two servers of one organisation; a message comes in on the first and leaves from the second."""

    def __init__(self, *, by_mailbox: bool = False, chained: bool = True) -> None:
        self._by_mailbox = by_mailbox
        self._chained = chained
        self._files: dict[str, list[tuple[float, list[str]]]] = {}
        self._number = 0

    def tell(self, rows: Iterable[Row | Pile]) -> dict[str, bytes]:
        """The files by name."""
        for one in posts(rows):
            if isinstance(one, Login):
                self._session(one.time, one.account, one.address, succeeded=one.succeeded)
            else:
                self._post(one)
        return {name: self._written(name, lines) for name, lines in self._files.items()}

    def _written(self, name: str, lines: list[tuple[float, list[str]]]) -> bytes:
        kind = {"M": "Message Tracking Log", "R": "SMTP Receive Protocol Log"}[name.rpartition("/")[2][0]]
        out = io.StringIO()
        fields = TRACKING if kind.startswith("Message") else PROTOCOL
        out.write(f"#Software: Microsoft Exchange Server\r\n#Version: 15.02.1544.004\r\n#Log-type: {kind}\r\n")
        out.write(f"#Date: {stamp(lines[0][0])}\r\n#Fields: {fields}\r\n")
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerows(row for _, row in sorted(lines, key=lambda line: line[0]))
        return b"\xef\xbb\xbf" + out.getvalue().encode()

    def _add(self, name: str, time: float, row: list[str]) -> None:
        self._files.setdefault(name, []).append((time, row))

    def _track(self, server: int, time: float, kind: str = "MSGTRK", **fields: str) -> None:
        columns = TRACKING.split(",")
        row = dict.fromkeys(columns, "") | {name.replace("_", "-"): value for name, value in fields.items()}
        row["date-time"] = stamp(time)
        row["custom-data"] = "S:DeliveryPriority=Normal;S:AccountForest=corp.example"
        self._add(f"{SERVERS[server][0]}/{kind}2026111608-1.LOG", time, list(row.values()))

    def _session(self, time: float, account: str, address: str, *, succeeded: bool = True) -> str:
        """A client logs in at the front end, which hands it on; the session the transport service knows it by."""
        self._number += 1
        front, back = f"08DF{self._number:012X}", f"08DE{self._number:012X}"
        server, ip = SERVERS[0]

        def say(  # noqa: PLR0913, PLR0917  as many as a line has columns
            folder: str, name: str, remote: str, event: str, text: str, context: str = ""
        ) -> None:
            at = time - 0.09
            connector = f"{server}\\Client {'Frontend' if folder == 'FrontEnd' else 'Proxy'} {server}"
            self._add(
                f"{folder}/RECV2026111608-1.LOG", at,
                [stamp(at), connector, name, "1", f"{ip}:587", f"{remote}:51234", event, text, context],
            )  # fmt: skip

        for event, text, context in (
            ("+", "", ""), (">", f"220 {server} Microsoft ESMTP MAIL Service ready", ""), ("<", "EHLO client", ""),
            (">", "250  EX01 Hello [203.0.113.9] SIZE 37748736 PIPELINING AUTH LOGIN", ""), ("<", "AUTH LOGIN", ""),
            (">", "334 <authentication response>", ""),
        ):  # fmt: skip
            say("FrontEnd", front, address, event, text, context)
        if not succeeded:
            say("FrontEnd", front, address, "*", "", f"User Name: {account}")
            say("FrontEnd", front, address, ">", "535 5.7.3 Authentication unsuccessful")
            return ""
        say("FrontEnd", front, address, "*", account, "authenticated")
        say("FrontEnd", front, address, ">", "235 2.7.0 Authentication successful")
        say("Hub", back, ip, "*", "CORP\\EX01$", "authenticated")
        say("Hub", back, ip, "<", f"XPROXY SID={front} IP={address} PORT=51234 DOMAIN=client")
        say("Hub", back, ip, ">", "250 XProxy accepted")
        return back

    def _post(self, post: Post) -> None:
        message, actor = post.message, post.message.actor
        self._number += 1
        sender = message.sender.decode()
        same = {
            "network_message_id": str(uuid.UUID(int=self._number)), "message_id": f"<{self._number}@corp.example>",
            "sender_address": sender, "return_path": sender, "total_bytes": str(message.size),
            "message_subject": HIDDEN_SUBJECTS[self._number % len(HIDDEN_SUBJECTS)],
        }  # fmt: skip
        (first, first_ip), (second, second_ip) = SERVERS
        to = ";".join(row.recipient.decode() for row in post.outcomes) or "nobody@dom0.example"
        came = {**same, "event_id": "RECEIVE", "source": "SMTP", "server_ip": first_ip, "server_hostname": first,
                "recipient_address": to, "recipient_count": str(max(1, message.recipient_count)),
                "internal_message_id": str(self._number)}  # fmt: skip
        if actor.kind == "account" and self._by_mailbox:
            self._track(0, message.time - 0.05, "MSGTRKMS", **{
                **came, "event_id": "SUBMIT", "source": "STOREDRIVER", "client_ip": first_ip, "client_hostname": first,
                "original_client_ip": actor.address or "", "directionality": "Originating",
                "source_context": "MDB:1, Mailbox:2, Event:3, MessageClass:IPM.Note, ClientType:OWA"})  # fmt: skip
            self._track(0, message.time, **{
                **came, "client_ip": first_ip, "client_hostname": first, "connector_id": f"{first}\\Default {first}",
                "source_context": "08DD0000;x;0", "directionality": "Originating"})  # fmt: skip
        else:
            session = self._session(message.time, actor.name, actor.address or "") if actor.kind == "account" else "x"
            self._track(0, message.time, **{
                **came, "client_ip": first_ip, "original_client_ip": actor.address or "",
                "connector_id": f"{first}\\Client Proxy {first}" if session != "x" else f"{first}\\Default {first}",
                "source_context": f"{session};{stamp(message.time)};0",
                "directionality": "Originating" if actor.kind == "account" else "Incoming"})  # fmt: skip
        last, last_ip = 0, first_ip
        if self._chained:
            last, last_ip = 1, second_ip
            self._track(1, message.time + 0.1, **{
                **came, "server_ip": second_ip, "server_hostname": second, "client_ip": first_ip,
                "client_hostname": first, "internal_message_id": str(9_000_000 + self._number),
                "connector_id": f"{second}\\Default {second}", "directionality": "Originating"})  # fmt: skip
        for row in post.outcomes:
            self._outcome(last, last_ip, same, row)

    def _outcome(self, server: int, ip: str, same: dict[str, str], row: Outcome) -> None:
        about = {**same, "recipient_address": row.recipient.decode(), "recipient_status": REPLIES[row.reason]}
        here = SERVERS[server][0]
        if row.result is Result.LOCAL:
            self._track(server, row.time, "MSGTRKMD", **about, source="STOREDRIVER", event_id="DELIVER",
                        server_hostname=here, client_hostname=here, client_ip=ip)  # fmt: skip
        elif row.result is Result.SENT:
            self._track(server, row.time, **about, source="SMTP", event_id="SENDEXTERNAL", client_ip=ip,
                        client_hostname=here, server_ip="192.0.2.25", server_hostname=row.relay)  # fmt: skip
        else:
            about["recipient_status"] = (
                f"[{{LRT=x}};{{LED={REPLIES[row.reason]}}};{{FQDN={row.relay}}};{{IP=192.0.2.25}}]"
            )
            event = "DEFER" if row.result in {Result.DEFERRED, Result.DEFERRED_AGAIN} else "FAIL"
            self._track(server, row.time, **about, source="SMTP" if event == "FAIL" else "QUEUE", event_id=event,
                        server_hostname=here, client_hostname=here)  # fmt: skip


def trace(rows: Iterable[Row | Pile], *, as_json: bool = False) -> bytes:
    """The posts as Get-MessageTraceV2 exports them, newest first."""
    import json  # noqa: PLC0415  # where it is needed

    names = ["Received", "SenderAddress", "RecipientAddress", "Subject", "Status", "ToIP", "FromIP", "Size"]
    names += ["MessageId", "MessageTraceId"]
    words = {Result.SENT: "Delivered", Result.LOCAL: "Delivered", Result.BOUNCED: "Failed"}
    lines = []
    for number, post in enumerate(one for one in posts(rows) if isinstance(one, Post)):
        message = post.message
        for row in post.outcomes:
            inside = message.actor.kind == "account"
            lines.append([
                stamp(message.time), message.sender.decode(), row.recipient.decode(),
                HIDDEN_SUBJECTS[number % len(HIDDEN_SUBJECTS)], words.get(row.result, "Pending"),
                "" if row.result is Result.LOCAL else "192.0.2.25", "" if inside else message.actor.address or "",
                str(message.size), f"<{number}@x>", str(uuid.UUID(int=number + 1)),
            ])  # fmt: skip
    lines.reverse()
    if as_json:
        return json.dumps([dict(zip(names, line, strict=True)) for line in lines]).encode()
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([names, *lines])
    return out.getvalue().encode("utf-16")
