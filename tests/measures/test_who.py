"""How somebody who handed in mail is called."""

from __future__ import annotations

import pytest

from whosent.measures import who
from whosent.model.finding import Suspect
from whosent.model.rows import Actor


@pytest.mark.parametrize(
    ("actor", "suspect", "subject"),
    [
        (
            Actor("local_user", "33", "web", "www-data"),
            Suspect(kind="local_user", name="www-data", host="web", uid=33),
            "The local user www-data (uid 33) on web",
        ),
        (
            Actor("local_user", "33", "web", "boss@example.org"),  # what a process calls itself proves nothing
            Suspect(kind="local_user", name="uid 33", host="web", uid=33),
            "The local user uid 33 on web",
        ),
        (
            Actor("local_user", "shop", "", "shop", "/home/u/public_html"),
            Suspect(kind="local_user", name="shop", account="shop"),
            "The local user shop on this host",
        ),
        (
            Actor("account", "alice@example.org", "mx", "203.0.113.9"),
            Suspect(kind="account", name="alice@example.org", host="mx", account="alice@example.org"),
            "The account alice@example.org",
        ),
    ],
)
def test_an_actor_is_called_by_what_the_log_says(actor: Actor, suspect: Suspect, subject: str) -> None:
    assert who.suspect(actor) == suspect
    assert who.subject(suspect) == subject
