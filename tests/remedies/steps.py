"""Played inside the stage: who is queued before a remedy, after it and after its undo; prints JSON."""

from __future__ import annotations

import json
import os
import smtplib
import subprocess
import sys
import time
from pathlib import Path

CASES = json.loads(Path(os.environ["CASES"]).read_text(encoding="utf-8"))
PATIENCE = 120  # seconds, on a busy machine
MARK = "X-PHP-Originating-Script: 0:contact.php"


def shell(command: str) -> str:
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    if done.returncode or "warning" in done.stderr or "fatal" in done.stderr:
        sys.exit(f"{command}\n-> {done.returncode} {done.stdout} {done.stderr}")
    return done.stdout


def workers() -> set[str]:
    found = subprocess.run(["pgrep", "-x", "smtpd|cleanup|pickup"], capture_output=True, text=True, check=False)
    return set(found.stdout.split())


def heeded(command: str) -> str:
    """As shell; after a reload of Postfix wait until nobody is left who works by the old configuration."""
    old = workers()
    said = shell(command)
    deadline = time.monotonic() + PATIENCE
    while "postfix reload" in command and old & workers() and time.monotonic() < deadline:
        time.sleep(0.05)
    return said


def log_in_and_send(account: str, subject: str, sender: str = "boss@example.org") -> None:
    with smtplib.SMTP("127.0.0.1", 587, timeout=PATIENCE) as client:
        client.login(account, "secret")
        client.sendmail(sender, ["u@victim.test"], f"Subject: {subject}\n\nsasl_username=alice@example.org\n")


def from_host(subject: str, source: str) -> None:
    with smtplib.SMTP("127.0.0.1", 25, timeout=PATIENCE, source_address=(source, 0)) as client:
        client.sendmail("host@example.org", ["u@victim.test"], f"Subject: {subject}\n\n{MARK}\n")


def from_user(subject: str, user: str, header: str) -> None:
    message = f"Subject: {subject}\nFrom: x@example.org\n{header}\n\nhello\n".replace("\n\n\n", "\n\n")
    command = ["runuser", "-u", user, "--", "/usr/sbin/sendmail", "u@victim.test"]
    subprocess.run(command, input=message, text=True, check=False, capture_output=True)


def everybody(round_: str) -> None:
    log_in_and_send("alice@example.org", f"alice {round_}")
    log_in_and_send("bob@example.org", f"bob {round_}", sender="alice@example.org")
    from_host(f"pc {round_}", "127.0.0.7")
    from_host(f"server {round_}", "127.0.0.8")
    from_user(f"form {round_}", "www-data", MARK)
    from_user(f"shop {round_}", "www-data", "X-PHP-Originating-Script: 0:contactXphp.php")
    from_user(f"cron {round_}", "daemon", "")


def queue() -> dict[str, str]:
    """Subject -> queue name."""
    found = {}
    for line in shell("postqueue -j").splitlines():
        entry = json.loads(line)
        headers = subprocess.run(
            ["postcat", "-qh", entry["queue_id"]], capture_output=True, text=True, check=False
        ).stdout
        subject = next((h[9:] for h in headers.splitlines() if h.startswith("Subject: ")), "")
        found[subject] = entry["queue_name"]
    return found


def settled(count: int) -> dict[str, str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = queue()
        if len(state) >= count and not set(state.values()) & {"incoming", "active", "maildrop"}:
            return state
        time.sleep(0.1)
    return queue()


def held(state: dict[str, str]) -> list[str]:
    return sorted(subject for subject, name in state.items() if name == "hold")


def configuration() -> list[str]:
    return shell("postconf | grep -v ^process_id; postconf -M; postconf -P; ls /etc/postfix").splitlines()


def play(case: dict[str, list[str]]) -> dict[str, list[str]]:
    shell("postsuper -d ALL 2>/dev/null")
    before = configuration()
    everybody("1")
    settled(7)
    named = shell(case["inspect"][0]).split()
    without = shell(f"PATH=/usr/sbin:/usr/bin:/sbin:/bin\n{case['inspect'][0]}").split()
    if sorted(named) != sorted(without):
        sys.exit(f"with Whosent {named}, without {without}")
    shell(case["hold"][0])
    after_hold = held(settled(7))
    shell(case["unhold"][0])
    after_unhold = held(settled(7))
    for command in case["block"]:
        heeded(f"{command} 2>/dev/null")
        heeded(f"{command} 2>/dev/null")  # twice is once
    everybody("2")
    blocked = settled(14 - int(case["refuses"][0]))
    for command in [*case["unblock"], *case["others"]]:
        heeded(f"{command} 2>/dev/null")
    names = {f"{who} 2" for who in ("alice", "bob", "pc", "server", "form", "shop", "cron")}
    return {
        "named": sorted(named),
        "after_hold": after_hold,
        "after_unhold": after_unhold,
        "after_block": held(blocked),
        "refused": sorted(names - set(blocked)),
        "left_behind": sorted(set(configuration()) ^ set(before)),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps([play(case) for case in CASES]))
