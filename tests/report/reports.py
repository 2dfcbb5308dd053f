"""Reports made by hand: a stolen account and an abused form, a clean week, nothing usable, and a hostile stranger."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from whosent.model.finding import Cause, Evidence, Level, Strength, Suspect
from whosent.model.incident import Incident, ReportedFinding
from whosent.model.report import (
    SCHEMA,
    Bucket,
    Coverage,
    LoginNetwork,
    Overview,
    Report,
    SourceCoverage,
    Unrecognised,
)
from whosent.remedies import propose

LOG = "/var/log/mail.log"
START = datetime(2024, 11, 12, 6, 0, tzinfo=UTC)

ALICE_LINES = (
    (10_234, "client and login", "Nov 12 14:03:11 mx postfix/submission/smtpd[4711]: 4Xnq2R0w1Kz9rB: client=unknown[203.0.113.77], sasl_method=PLAIN, sasl_username=alice@example.org"),  # noqa: E501
    (10_236, "100 recipients", "Nov 12 14:03:12 mx postfix/qmgr[911]: 4Xnq2R0w1Kz9rB: from=<alice@example.org>, size=3391, nrcpt=100 (queue active)"),  # noqa: E501
    (10_240, "refused", "Nov 12 14:03:14 mx postfix/smtp[4722]: 4Xnq2R0w1Kz9rB: to=<gone@victim.example>, relay=mx1.victim.example[198.51.100.25]:25, delay=2.4, delays=0.3/0/1.1/1, dsn=5.1.1, status=bounced (host mx1.victim.example[198.51.100.25] said: 550 5.1.1 <gone@victim.example>: Recipient address rejected: User unknown (in reply to RCPT TO command))"),  # noqa: E501
    (10_302, "refused", "Nov 12 14:03:40 mx postfix/smtp[4723]: 4Xnq2S3b2Lz9rC: to=<sales@shop.example>, relay=mx.shop.example[198.51.100.80]:25, delay=3.1, delays=0.2/0/1.9/1, dsn=5.7.1, status=bounced (host mx.shop.example[198.51.100.80] said: 554 5.7.1 Service unavailable; client [192.0.2.10] blocked using zen.example; see http://www.example.com/query?ip=192.0.2.10 (in reply to MAIL FROM command))"),  # noqa: E501
)  # fmt: skip
FORM_LINES = (
    (220_871, "the script called mail()", "[12-Nov-2024 09:12:44 UTC] mail() on [/var/www/html/contact.php:42]: To: info@example.org -- Headers: From: a@b.example Bcc: u1@victim.example -- Subject: Hi"),  # noqa: E501
    (11_903, "born under uid 33", "Nov 12 10:12:44 web postfix/pickup[2201]: 959A827A106: uid=33 from=<www-data>"),
)  # fmt: skip


def evidence(line: tuple[int, str, str], source: str = LOG, level: Level = Level.OBSERVED) -> Evidence:
    number, note, excerpt = line
    digest = hashlib.sha256(excerpt.encode(errors="surrogateescape")).hexdigest()
    return Evidence(
        source=source, offset=number * 131, line=number, excerpt=excerpt, sha256=digest, level=level, note=note
    )


def at(minutes: float) -> str:
    return (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def finding(detector: str, sentence: str, lines: list[Evidence], **changes: object) -> ReportedFinding:
    fields: dict[str, object] = {
        "detector": detector,
        "sentence": sentence,
        "since": at(423),
        "until": at(560),
        "measure": 0.364,
        "norm": 0.025,
        "unit": "refused share",
        "accuses": True,
        "strength": Strength.SHOWN,
        "witnesses": ["syslog of mx"],
        "facts": {"recipients": 3310, "refused": 1204},
        "candidates": [],
        "evidence": lines,
    }
    return ReportedFinding(**{**fields, **changes})  # type: ignore[arg-type]


def listing() -> ReportedFinding:
    return finding(
        "worldsays",
        "Our address is on a blocklist for everybody: 52 replies to 7 senders of mx named one since Tue 12 Nov 14:40"
        " (+01:00); that is about the address, not about them.",
        [evidence(ALICE_LINES[-1])],
        accuses=False,
    )


def alice() -> Incident:
    suspect = Suspect(kind="account", name="alice@example.org", host="mx")
    lines = [evidence(line) for line in ALICE_LINES]
    return Incident(
        id="3f9a1c20b7de",
        suspect=suspect,
        cause=Cause.COMPROMISED_ACCOUNT,
        strength=Strength.SHOWN,
        severity="critical",
        since=at(423.2),
        until=at(560.7),
        ongoing=True,
        messages=34,
        recipients=3310,
        refused=1204,
        sentence="The account alice@example.org is being used to send spam since Tue 12 Nov 14:03 (+01:00): 1,204 of"
        " 3,310 recipients refused; it normally sees 1 in 40, everybody else 1 in 35; logins from 31 networks in"
        " 2 hours.",
        witnesses=["syslog of mx"],
        unproven=["Any local user can write a log line: the queue files of mx (--queue) would be a second witness."],
        candidates=[],
        findings=[
            finding(
                "outcomes",
                "1,204 of 3,310 recipients of alice@example.org were refused since 14:03; it normally sees 1 in 40,"
                " everybody else in the same hours 1 in 35.",
                lines,
            ),
            finding(
                "takeover",
                "Logins of alice@example.org came from 31 networks in 2 hours; in the 40 days before from 2.",
                lines[:1],
                measure=31.0,
                norm=2.0,
                unit="networks",
            ),
            finding(
                "world_says_so",
                "212 replies name a blocklist together with our address 192.0.2.10, all to mail of alice@example.org.",
                lines[3:],
                measure=212.0,
                norm=None,
                unit="replies",
                accuses=False,
            ),
        ],
        remedies=propose(
            incident="3f9a1c20b7de", suspect=suspect, cause=Cause.COMPROMISED_ACCOUNT, strength=Strength.SHOWN
        ),
    )


def form() -> Incident:
    suspect = Suspect(
        kind="form", name="/var/www/html/contact.php", host="web", uid=33, url="https://www.example.org/contact.php"
    )
    lines = [evidence(FORM_LINES[0], "/var/log/php-mail.log"), evidence(FORM_LINES[1])]
    return Incident(
        id="b20c77e1f043",
        suspect=suspect,
        cause=Cause.ABUSED_FORM,
        strength=Strength.PROVEN,
        severity="critical",
        since=at(192.7),
        until=at(337),
        ongoing=False,
        messages=611,
        recipients=1222,
        refused=397,
        sentence="The form /var/www/html/contact.php on web was used to send spam from Tue 12 Nov 10:12 to 12:37"
        " (+01:00): 611 messages to 1,222 recipients, 397 of them refused; it never sent more than 4 a day before.",
        witnesses=["mail.log of PHP on web", "syslog of web"],
        unproven=[],
        candidates=[],
        findings=[
            finding(
                "born_in_script",
                "611 messages of uid 33 (www-data) were born in /var/www/html/contact.php, line 42; each mail() call"
                " precedes its pickup line by less than a second.",
                lines,
                strength=Strength.PROVEN,
                since=at(192.7),
                until=at(337),
                measure=611.0,
                norm=4.0,
                unit="messages a day",
                witnesses=["mail.log of PHP on web", "syslog of web"],
            )
        ],
        remedies=propose(incident="b20c77e1f043", suspect=suspect, cause=Cause.ABUSED_FORM, strength=Strength.PROVEN),
    )


def coverage() -> Coverage:
    return Coverage(
        lines=6_912_345,
        understood=6_822_485,
        other_programs=88_120,
        not_understood=1_740,
        bytes=1_002_341_222,
        sources=[
            source("/var/log/mail.log", "postfix (RFC 3164)", 4_100_200),
            source("/var/log/mail.log.1.gz", "postfix (RFC 3164)", 2_700_145, "truncated gzip after 812,345,678 bytes: what came before it was used"),  # noqa: E501
            source("/var/log/apache2/access.log", "access log (combined)", 111_900),
            source("/var/log/php-mail.log", "PHP mail.log", 100),
        ],
        programs={"CRON": 61_233, "systemd": 20_011, "sshd": 6_876},
        unrecognised=[
            Unrecognised(shape="opendkim[#]: key retrieval failed (s=#, d=#)", count=1_402, source=LOG, line=88, excerpt="Nov 12 07:00:01 mx opendkim[88]: key retrieval failed (s=mail, d=shop.example)"),  # noqa: E501
        ],
        messages=212_345,
        outcomes=398_112,
        beginnings_missing=41,
        ends_missing=3,
        forged=0,
        ambiguous=2,
    )  # fmt: skip


def source(name: str, kind: str, lines: int, problem: str | None = None) -> SourceCoverage:
    return SourceCoverage(
        source=name,
        format=kind,
        bytes=lines * 145,
        lines=lines,
        understood=lines - lines // 80,
        other_programs=lines // 90,
        first=at(0),
        last=at(561),
        problem=problem,
    )


def overview() -> Overview:
    timeline = []
    for slot in range(57):
        hour = 6 + slot / 6
        usual = int(120 + 260 * max(0.0, 1 - abs(hour - 11.5) / 6)) + (slot * 37) % 40
        culprits = {}
        if slot >= 42:
            culprits["3f9a1c20b7de"] = 120 + (slot * 53) % 190
        if 19 <= slot <= 33:
            culprits["b20c77e1f043"] = 50 + (slot * 29) % 60
        abuse = sum(culprits.values())
        refused = usual // 35 + abuse * 9 // 25
        deferred = usual // 20 + abuse // 9
        timeline.append(
            Bucket(
                start=at(slot * 10),
                sent=usual + abuse - refused - deferred,
                deferred=deferred,
                refused=refused,
                culprits=culprits,
            )
        )
    networks = [
        LoginNetwork(
            incident="3f9a1c20b7de",
            network=f"{198 + n % 5}.{18 + n * 7}.0.0/16",
            place=("DE", "BR", "VN", "US", "IN", None)[n % 6],
            messages=(412, 96, 61, 44, 30, 21, 17, 9, 6, 4, 2)[n],
            first=at(423 + n * 4),
            last=at(555 - n * 6),
        )
        for n in range(11)
    ]
    return Overview(
        bucket_seconds=600,
        timeline=timeline,
        reply_reasons={
            "3f9a1c20b7de": {"unknown_user": 701, "listed": 212, "policy": 240, "rate": 51},
            "b20c77e1f043": {"unknown_user": 350, "policy": 47},
            "everybody else": {"unknown_user": 310, "mailbox": 88, "route": 140, "greylisted": 390, "policy": 12},
        },
        networks=networks,
    )


ASSUMPTIONS = [
    "example.org is ours: accounts log in as …@example.org (--own-domain to say otherwise).",
    "10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 are ours (--own-network to say otherwise).",
    "Stamps without zone are Europe/Berlin, the zone of this machine (--timezone).",
]
BLIND_SPOTS = [
    "Header From and Subject are not logged: header_checks with INFO would record them.",
    "No Dovecot log was given: IMAP logins of the account cannot be seen.",
]


def guilty() -> Report:
    return Report(
        schema=SCHEMA,
        version="0.1.0",
        verdict="critical",
        sentence="Yes: one stolen account and one abused form sent spam through mx and web; alice@example.org is still"
        " sending.",
        window=(at(0), at(561)),
        timezone="Europe/Berlin",
        hosts=["mx", "web"],
        coverage=coverage(),
        assumptions=ASSUMPTIONS,
        blind_spots=BLIND_SPOTS,
        incidents=[alice(), form()],
        notices=[listing()],
        overview=overview(),
    )


def clean() -> Report:
    calm = [Bucket(start=at(n * 10), sent=200 + n % 30, deferred=8, refused=5, culprits={}) for n in range(56)]
    return Report(
        schema=SCHEMA,
        version="0.1.0",
        verdict="clean",
        sentence="No: nobody here sent spam that these logs can show.",
        window=(at(0), at(561)),
        timezone="Europe/Berlin",
        hosts=["mx"],
        coverage=coverage(),
        assumptions=ASSUMPTIONS,
        blind_spots=BLIND_SPOTS[1:],
        incidents=[],
        notices=[],
        overview=Overview(
            bucket_seconds=600, timeline=calm, reply_reasons={"everybody else": {"unknown_user": 12}}, networks=[]
        ),
    )


def unknown() -> Report:
    nothing = Coverage(
        lines=12,
        understood=0,
        other_programs=0,
        not_understood=12,
        bytes=900,
        sources=[source("x.log", "not recognised", 12, "no line of a mail server was found")],
        programs={},
        unrecognised=[],
        messages=0,
        outcomes=0,
        beginnings_missing=0,
        ends_missing=0,
        forged=0,
        ambiguous=0,
    )
    return Report(
        schema=SCHEMA,
        version="0.1.0",
        verdict="unknown",
        sentence="Nothing here could be read as a mail log: give /var/log/mail.log or a journal export.",
        window=None,
        hosts=[],
        coverage=nothing,
        assumptions=[],
        blind_spots=[],
        incidents=[],
        notices=[],
        overview=Overview(bucket_seconds=0, timeline=[], reply_reasons={}, networks=[]),
    )


HOSTILE = (
    "</script><svg onload=alert(1)>\"'><img src=http://evil.example/x onerror=alert(2)>&lt;b&gt;"
    "\x1b[31mred\x1b]0;title\x07[bold]markup[/bold][link=http://evil.example]x[/link]:boom:{{7*7}}"
    "\u202egnp.exe\u2066\u200b\r\nVerdict: clean\x00\x9b31m" + "A" * 300 + "e\u0301\u0301\u0301\u0301\u0301"
)
