"""What receivers report of mail in our domain's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stories.kit import DAY, START, Script
from whosent.model.rows import Reported

if TYPE_CHECKING:
    from whosent.model.rows import Row

OURS, PROVIDER = "10.0.0.25", "192.0.2.25"


def _day(script: Script, number: int) -> None:
    """An ordinary day: our server and our newsletter's provider pass, a forwarder and a list break what is ours."""
    tell(script, number, OURS, 900, dkim=True, spf=True)
    tell(script, number, PROVIDER, 400, dkim=True)
    tell(script, number, "198.51.100.9", 12, override="forwarded")
    tell(script, number, "198.51.100.10", 9, signed=True)


def tell(  # noqa: PLR0913  as many as a record has sides
    script: Script, day: int, address: str, count: int, *, dkim: bool = False, spf: bool = False,
    override: str = "", signed: bool = False, policy: str = "none",
) -> None:  # fmt: skip
    for number, reporter in enumerate(("google.example", "yahoo.example")):
        at = START + day * DAY + number
        script.add(Reported, at, reporter=reporter, domain="corp.example", policy=policy, address=address,
                   messages=count, dkim=dkim, spf=spf, override=override,
                   signed=signed or dkim, until=at + DAY - 1)  # fmt: skip


def spoofed() -> list[Row]:
    """Hundreds of addresses all over the world send in our name; our own mail passes."""
    script = Script(61)
    for day in range(5):
        _day(script, day)
        for number in range(60):
            tell(script, day, f"203.0.{number}.{day + 7}", script.random.randrange(1, 40))
    return script.rows()


def own_server_fails() -> list[Row]:
    """A server in our own networks sends in our name and signs nothing."""
    script = Script(62)
    for day in range(5):
        _day(script, day)
        tell(script, day, "10.0.3.3", 50)
    return script.rows()


def all_is_well() -> list[Row]:
    """What is ours passes; what fails was forwarded or is a stray."""
    script = Script(63)
    for day in range(5):
        _day(script, day)
    tell(script, 2, "203.0.113.99", 2)
    return script.rows()
