"""A suspect becomes a claim that a queue file can prove, or a sentence why none can."""

from __future__ import annotations

import pytest

from whosent.containing.whom import claim_of, named
from whosent.model.finding import Suspect
from whosent.model.mistake import Mistake


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("account:alice@example.org", "account:alice@example.org"),
        ("uid:33", "local_user:33"),
        ("local_user:root", "local_user:0"),
        ("script:/var/www/shop/contact.php", "script:contact.php"),
        ("form:/var/www/shop/contact.php", "script:contact.php"),
        ("host:192.0.2.7", "client:192.0.2.7"),
        ("relay:2001:db8::1", "client:2001:db8::1"),
        ("proxy:IPv6:2001:DB8::1", "client:2001:db8::1"),
        ("backscatter:", "bounces:"),
    ],
)
def test_words_of_an_operator(text: str, claim: str) -> None:
    assert str(claim_of(named(text), "mx")) == claim


@pytest.mark.parametrize(
    ("suspect", "claim"),
    [
        (Suspect(kind="script", name="/w/a.php", uid=33, host="mx.example.org"), "script:33:a.php"),
        (Suspect(kind="form", name="a.php", account="root"), "script:0:a.php"),
        (Suspect(kind="script", name="a.php", account="nobody-here"), "script:a.php"),
        (Suspect(kind="local_user", name="www-data", uid=33), "local_user:33"),
        (Suspect(kind="host", name="pc01.example.org", address="10.0.0.7"), "client:10.0.0.7"),
    ],
)
def test_suspects_of_incidents(suspect: Suspect, claim: str) -> None:
    assert str(claim_of(suspect, "mx")) == claim


@pytest.mark.parametrize("text", ["alice", "mailbox:x", "account:", "uid:"])
def test_words_that_name_nobody(text: str) -> None:
    with pytest.raises(Mistake, match="names no suspect"):
        named(text)


@pytest.mark.parametrize(
    ("suspect", "sentence"),
    [
        (Suspect(kind="account", name="a@b", host="other.example.org"), "run the command there"),
        (Suspect(kind="local_user", name="nobody-here"), "there is no user"),
        (Suspect(kind="script", name="/var/www/shop", account="root"), "uid:0"),
        (Suspect(kind="script", name="/var/www/shop"), "uid:NUMBER"),
        (Suspect(kind="forwarder", name="x"), "stands in no queue file"),
        (Suspect(kind="list", name="x"), "anybody can write"),
        (Suspect(kind="host", name="pc01.example.org"), "cannot be told from a queue file"),
        (Suspect(kind="script", name="/w/a b.php"), "cannot be told from a queue file"),
    ],
)
def test_whom_no_queue_file_proves(suspect: Suspect, sentence: str) -> None:
    with pytest.raises(Mistake, match=sentence):
        claim_of(suspect, "mx")
