"""Hosts of ours are known by handing mail to each other, and nobody else is."""

from __future__ import annotations

from datetime import UTC, datetime

from whosent.join import kinship
from whosent.join.messages import layout
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock

CLIENT = "Nov 12 14:03:07 {host} postfix/smtpd[9]: {id}: client=web.example.org[{address}]{login}\n"
SENT = (
    "Nov 12 14:03:07 {host} postfix/smtp[7]: A1B2C3D4E5: to=<u@v.example>, relay=mx.example.org[{address}]:25, "
    "delay=1, delays=0/0/0/1, dsn=2.0.0, status={status} (250 2.0.0 Ok: queued as {id})\n"
)


def kin(*logs: str) -> dict[str, str]:
    clock = Clock(UTC, datetime(2026, 11, 12, 20, tzinfo=UTC))
    return kinship.own_addresses(Reader(log.encode(), clock, layout).tokens(log.encode()) for log in logs)


def web(ids: str = "12", status: str = "sent", address: str = "192.0.2.25") -> str:
    return "".join(SENT.format(host="web", id=f"4F3A2B{one}00", address=address, status=status) for one in ids)


def mx(ids: str = "12", host: str = "mx", login: str = "") -> str:
    return "".join(CLIENT.format(host=host, id=f"4F3A2B{one}00", address="198.51.100.7", login=login) for one in ids)


def test_both_ends_of_a_hand_over_are_ours() -> None:
    assert set(kin(web(), mx())) == {"192.0.2.25", "198.51.100.7"}
    assert set(kin(web() + mx())) == {"192.0.2.25", "198.51.100.7"}, "one log of both hosts tells the same"


def test_the_reason_is_told() -> None:
    assert kin(web(), mx())["198.51.100.7"] == "web hands mail to mx by way of it"


def test_one_id_may_be_chance() -> None:
    assert kin(web("1"), mx("1")) == {}
    assert kin(web("11"), mx("11")) == {}, "the same id twice is one"


def test_what_is_no_hand_over_makes_nobody_ours() -> None:
    assert kin(web("34"), mx("12")) == {}, "other ids"
    assert kin(web(), mx(host="web")) == {}, "the host's own ids"
    assert kin(web(status="deferred"), mx()) == {}, "nothing was taken"
    assert kin(web(), mx(login=", sasl_method=PLAIN, sasl_username=bob")) == {}, "somebody who logged in"
    assert kin(web(address="192.0.2.25"), "") == {}, "only one side"


def test_ids_split_over_two_relays_are_too_few_for_either() -> None:
    assert kin(web("1") + web("2", address="192.0.2.26"), mx()) == {}
