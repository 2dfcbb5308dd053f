"""How much memory a program that a test starts ever held.

``getrusage`` tells of a new program at least what the one that started it had held: that is the test's, and large.
"""

from __future__ import annotations

from typing import Final

PEAK: Final = (  # the beginning of its code; kibibytes (proc(5): VmHWM)
    "def peak():\n"
    "    with open('/proc/self/status') as status:\n"
    "        return next(int(line.split()[1]) for line in status if line.startswith('VmHWM:'))\n"
)
