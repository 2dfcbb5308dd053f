"""An Exim main log of any size with its truth: outcomes per envelope sender and per who handed the mail in."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final, TextIO

_START: Final = 1_794_787_200.0
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TLS: Final = "X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no"
_UNKNOWN: Final = "SMTP error from remote mail server after RCPT TO:<{to}>: 550 5.1.1 <{to}>: no such user"
_WAIT: Final = "SMTP error from remote mail server after RCPT TO:<{to}>: 451 4.7.1 <{to}>: come back later"
SENT, DEFERRED, BOUNCED = 1, 2, 3
Counts = list[int]


class EximLog:
    """The log in the making: lines wait for their moment, counts are kept as they are decided."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.by_sender: defaultdict[str, Counts] = defaultdict(lambda: [0, 0, 0, 0])
        self.by_actor: defaultdict[str, Counts] = defaultdict(lambda: [0, 0, 0, 0])
        self._messages = 0

    def message(self, time: float) -> list[tuple[float, str]]:
        """One message's lines, each with its time."""
        self._messages += 1
        random, number = self.random, self._messages
        name = f"1xTbcd-{_base62(number)}-{_DIGITS[number % 53]}0"
        sender, actor, who = self._who(int(999 * random.random() ** 3))
        to = [f"r{random.randrange(10**6)}@d{int(2000 * random.random() ** 2)}.example" for _ in range(self._many())]
        lines = []
        if actor.startswith("web"):
            lines.append((time, f"cwd=/home/u/{actor}/public_html 3 args: /usr/sbin/sendmail -t -i"))
        arrival = (
            f'<= {sender} {who} S={random.randrange(900, 60_000)} id={number:x}@told.example T="Re: \\"{number}\\""'
        )
        lines.append((time, f"{name} {arrival} for {' '.join(to)}"))
        counted = (self.by_sender[sender], self.by_actor[actor])
        for counts in counted:
            counts[0] += 1
        for recipient in to:
            time += random.random()
            lines.append((time, f"{name} {self._delivery(recipient, counted)}"))
        return [*lines, (time, f"{name} Completed")]

    def _many(self) -> int:
        return 1 if self.random.random() < 0.7 else self.random.randrange(2, 12)

    def _who(self, number: int) -> tuple[str, str, str]:
        address = f"100.{64 + number % 60}.{number % 200}.7"
        if number % 10 == 0:
            return f"web{number}@host.example", f"web{number}", f"U=web{number} P=local"
        if number % 10 == 1:
            return f"x{number}@elsewhere.example", address, f"H=mail.elsewhere.example [{address}]:2525 P=esmtps {_TLS}"
        account = f"user{number}@corp.example"
        host = f"H=(pc{number}) [{address}]:{self.random.randrange(1024, 65_535)}"
        return account, account, f"{host} P=esmtpsa {_TLS} A=dovecot_login:{account}"

    def _delivery(self, to: str, counted: tuple[Counts, Counts]) -> str:
        draw = self.random.random()
        outcome = BOUNCED if draw < 0.04 else DEFERRED if draw < 0.1 else SENT
        for counts in counted:
            counts[outcome] += 1
        host = f"H=mx.{to.partition('@')[2]} [198.51.100.{hash(to) % 200}]"
        via = f"{to} R=dnslookup T=remote_smtp"
        if outcome == SENT:
            return f'=> {via} {host} {_TLS} C="250 2.0.0 Ok: queued as 4A{self.random.randrange(16**8):X}"'
        said = (_UNKNOWN if outcome == BOUNCED else _WAIT).format(to=to)
        return f"** {via} {host} {_TLS}: {said}" if outcome == BOUNCED else f"== {via} defer (-44) {host}: {said}"


def _base62(number: int) -> str:
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits


def write(folder: Path, size: int, seed: int) -> Path:
    """Write ``mainlog`` and ``truth.json``, some ``size`` bytes; the same seed gives the same log but for hosts."""
    folder.mkdir(parents=True, exist_ok=True)
    log, path, written, time = EximLog(seed), folder / "mainlog", 0, _START
    waiting: list[tuple[float, str]] = []
    with path.open("w", encoding="ascii") as out:
        while written < size:
            time += log.random.random() / 10
            waiting += log.message(time)
            if len(waiting) > 20_000:
                written += _flush(out, waiting, time)
        _flush(out, waiting, float("inf"))
    truth = {"by_sender": log.by_sender, "by_actor": log.by_actor}
    (folder / "truth.json").write_text(json.dumps(truth), encoding="utf-8")
    return path


def _flush(out: TextIO, waiting: list[tuple[float, str]], until: float) -> int:
    waiting.sort(key=lambda line: line[0])
    ready = [line for line in waiting if line[0] <= until]
    del waiting[: len(ready)]
    return out.write("".join(f"{_stamp(time)} {text}\n" for time, text in ready))


def _stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")
