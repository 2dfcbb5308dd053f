"""Played inside the stage: what the steps against trouble without a break-in do on a real Postfix; prints JSON."""

from __future__ import annotations

import json
import os
import smtplib
import sys
import time
from pathlib import Path

sys.path.insert(0, os.environ["STEPS"])
from steps import PATIENCE, configuration, heeded, held, settled, shell  # type: ignore[import-not-found]  # beside this file

CASES = json.loads(Path(os.environ["CASES"]).read_text(encoding="utf-8"))
TABLES = {
    "forwards": "old@corp.test away@victim.test\nother@corp.test away@victim.test\n",
    "mailboxes": "bob@corp.test bob/\n",
    "transport": "gone.test error:5.1.1 no such user\nfull.test error:5.2.2 mailbox full\n",
}
SETTINGS = (
    "virtual_alias_maps = texthash:/etc/postfix/forwards", "virtual_mailbox_domains = corp.test",
    "virtual_mailbox_base = /tmp/boxes", "virtual_mailbox_maps = texthash:/etc/postfix/mailboxes",
    "virtual_uid_maps = static:65534", "virtual_gid_maps = static:65534", "smtpd_reject_unlisted_recipient = no",
    "transport_maps = texthash:/etc/postfix/transport", "relay_domains = victim.test, round.test",
    "recipient_delimiter = +", "smtpd_sender_restrictions = reject_non_fqdn_sender",
    "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
)  # fmt: skip


def send(subject: str, to: str, sender: str = "x@world.test", source: str = "127.0.0.1", login: str = "") -> int:
    """Give the code of the answer to RCPT, 250 if all was well."""
    with smtplib.SMTP("127.0.0.1", 587 if login else 25, timeout=PATIENCE, source_address=(source, 0)) as client:
        if login:
            client.login(login, "secret")
        try:
            client.sendmail(sender, [to], f"Subject: {subject}\n\nhello\n")
        except smtplib.SMTPRecipientsRefused as refusal:
            return next(iter(refusal.recipients.values()))[0]
        except smtplib.SMTPResponseException as refusal:
            return refusal.smtp_code
    return 250


def run(commands: list[str]) -> str:
    return "".join(heeded(f"{command} 2>/dev/null") for command in commands)


def clear() -> None:
    shell("postsuper -d ALL 2>/dev/null")


def until(code: int, *message: str) -> int:
    """The answer, asked again until it is this one: address verification (verify(8)) needs a moment."""
    deadline, answer = time.monotonic() + PATIENCE, 0
    while answer != code and time.monotonic() < deadline:
        answer = send(*message)
    return answer


def holding(case: dict[str, list[str]], mine: tuple[str, str, str], other: tuple[str, str, str]) -> dict[str, object]:
    """Hold what is queued, undo it, hold what comes, undo it: of two messages only the first may be touched."""
    clear()
    before = configuration()
    for message in (mine, other):
        send(*message)
    settled(2)
    run(case["hold"])
    after_hold = held(settled(2))
    run(case["unhold"])
    after_unhold = held(settled(2))
    clear()
    run([*case["block"], *case["block"]])
    for message in (mine, other):
        send(*message)
    after_block = held(settled(2))
    run(case["unblock"])
    left = sorted(set(configuration()) ^ set(before))
    return {"held": after_hold, "unheld": after_unhold, "blocked": after_block, "left_behind": left}


def unknown_users(case: dict[str, list[str]]) -> dict[str, object]:
    clear()
    before = configuration()
    codes = [send("1", "nobody@corp.test")]
    run([*case["block"], *case["block"]])
    codes += [until(450, "2", "nobody@corp.test"), until(250, "3", "bob@corp.test"), send("4", "away@victim.test")]
    run(case["close"])
    codes += [until(550, "5", "nobody@corp.test"), until(250, "6", "bob@corp.test")]
    run(case["unclose"])
    run(case["unblock"])
    codes += [until(250, "7", "nobody@corp.test")]
    return {"codes": codes, "left_behind": sorted(set(configuration()) ^ set(before))}


def own_name(case: dict[str, list[str]]) -> dict[str, object]:
    before = configuration()

    def codes() -> list[int]:
        bob, outside = "bob@corp.test", "192.0.2.1"
        return [
            send("1", bob, bob, outside),
            send("2", bob, source=outside),
            send("3", bob, bob),
            send("4", bob, bob, login="alice@example.org"),
        ]

    first = codes()
    run([*case["close"], *case["close"]])
    second = codes()
    listed = Path("/etc/postfix").joinpath(case["map"][0]).read_text()
    kept = shell("postconf -h smtpd_sender_restrictions")
    run(case["unclose"])
    left = sorted(set(configuration()) ^ set(before))
    return {"before": first, "after": second, "domains": listed.splitlines(), "kept": kept, "left_behind": left}


def suppressed(case: dict[str, list[str]]) -> dict[str, object]:
    """Addresses that a list's command writes down."""
    for number, to in enumerate(("a@gone.test", "b@gone.test", "c@full.test", "d@victim.test")):
        send("issue", to, f"news-bounces+u{number}=x.test@lists.test")
        send("issue", f"o{to}", "other@lists.test")
        send("issue", f"l{to}", "boss@example.org", login="alice@example.org")
    deadline = time.monotonic() + PATIENCE
    log = Path("/var/log/mail.log")
    while log.read_text().count("status=bounced") < 9 and time.monotonic() < deadline:
        time.sleep(0.1)
    return {who: run([command]).split() for who, command in case.items()}  # type: ignore[list-item]  # one each


for name, text in TABLES.items():
    Path("/etc/postfix", name).write_text(text)
for setting in SETTINGS:
    shell(f"postconf -e '{setting}'")
heeded("mkdir -p /tmp/boxes && chown 65534 /tmp/boxes && ip addr add 192.0.2.1/32 dev lo && postfix reload 2>/dev/null")
OTHER = ("other", "other@corp.test", "x@world.test")
told = {
    "forwarder": holding(CASES["forwarder"], ("mine", "old@corp.test", "x@world.test"), OTHER),
    "loop": holding(CASES["loop"], ("mine", "t@round.test", "x@world.test"), OTHER),
    "list": holding(CASES["list"], ("mine", "u@victim.test", "news-bounces+u=victim.test@lists.test"), OTHER),
    "unknown users": unknown_users(CASES["unknown users"]),
    "own name": own_name(CASES["own name"]),
    "suppressed": suppressed(CASES["suppressed"]),
}
sys.stdout.write(json.dumps(told))
