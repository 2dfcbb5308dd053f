"""The one command that stands beside the steps: for whom a queue file proves, and only as a quoted word."""

from __future__ import annotations

import pytest

from whosent.model.finding import Suspect
from whosent.remedies.queued import by_one_command


@pytest.mark.parametrize(
    ("suspect", "word"),
    [
        (Suspect(kind="account", name="alice@example.org"), "account:alice@example.org"),
        (Suspect(kind="local_user", name="www-data", uid=33), "uid:33"),
        (Suspect(kind="form", name="/w/a b.php"), "'form:/w/a b.php'"),
        (Suspect(kind="relay", name="mail.example.net", address="192.0.2.7"), "host:192.0.2.7"),
        (Suspect(kind="account", name="a';id"), "'account:a'\"'\"';id'"),
    ],
)
def test_it_names_the_suspect(suspect: Suspect, word: str) -> None:
    told = by_one_command(suspect)
    assert f"`sudo whosent incident contain --suspect {word}`" in told
    assert f"`sudo whosent queue release --suspect {word}`" in told


@pytest.mark.parametrize(
    "suspect",
    [
        Suspect(kind="script", name="/var/www/shop"), Suspect(kind="list", name="news@example.org"),
        Suspect(kind="account", name="a\x1b[31m"),
    ],
)  # fmt: skip
def test_it_is_silent_where_nothing_proves_or_quotes(suspect: Suspect) -> None:
    assert by_one_command(suspect) == ""
