"""Reports read a second on one core: those of the tests, and the same with an ordinary message of 20 kB attached.

Run: ``python -m benchmarks.complaints``.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from whosent.complaints.reading import read

SAMPLES = Path(__file__).parents[1] / "tests" / "complaints" / "samples"
ROUNDS = 5
WANTED = 300  # a second
BODY = b"Buy one, get two: http://shop.example/offer?id=1234567890 and nothing else for the price.\n" * 220


def reports() -> dict[str, list[bytes]]:
    """What is read: the samples, and the samples with a body."""
    small = [path.read_bytes() for path in sorted(SAMPLES.glob("*/*.eml"))]
    large = [report.replace(b"\nHello.\n", b"\n" + BODY) for report in small]
    return {"as they are": small, "with 20 kB attached": [report for report in large if len(report) > len(BODY)]}


def main() -> int:
    """Print reports and megabytes a second; 1 if they are fewer than wanted."""
    slow = False
    for name, mails in reports().items():
        rates = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for _ in range(10):
                for mail in mails:
                    read(mail)
            rates.append(10 * len(mails) / (time.process_time() - began))
        rate, size = statistics.median(rates), sum(map(len, mails)) / len(mails)
        print(f"{name}: {len(mails)} reports of {size:,.0f} bytes: {rate:,.0f} a second, {rate * size / 1e6:.1f} MB/s")
        slow |= rate < WANTED
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
