"""Whose a queued message is: what only strangers wrote proves nothing, and a claim is nothing but its own form."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.model.pile import Letter
from whosent.queues import postfix
from whosent.queues.belonging import KINDS, Claim, NoClaimError, claim, judge

SAMPLES = Path(__file__).parent / "samples"


def letters() -> list[Letter]:
    found = []
    for path in sorted(SAMPLES.glob("*/deferred/*/*")):
        if not path.name.endswith("-H"):
            raw = path.read_bytes()
            found.append(postfix.letter(path.name, raw))
    return found


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("account:bob@corp.test", {"account"}),
        ("account:BOB@corp.test", {"account"}),
        ("local_user:33", {"local_user"}),
        ("client:100.64.3.7", {"client"}),
        ("script:33:contact.php", {"local_user"}),
        ("script:contact.php", {"local_user"}),
        ("bounces:", {"mta"}),
        ("account:bob", set()),
        ("account:carol@corp.test", set()),
        ("script:0:contact.php", set()),  # another uid
        ("script:no.php", set()),  # an account wrote that header
        ("client:192.0.2.9", set()),  # stands in a forged Received only
    ],
)
def test_a_claim_finds_its_own(text: str, kinds: set[str]) -> None:
    mine = judge(claim(text))
    assert {letter.kind for letter in letters() if mine(letter)} == kinds


def test_everything_is_everybodys() -> None:
    mine = judge(claim("everything:"))
    assert all(mine(letter) for letter in letters())


def test_what_the_message_says_of_itself_is_nobodys_proof() -> None:
    """A letter of one account whose text, sender, subject and recipients name another."""
    mine = next(one for one in letters() if one.kind == "account")
    forged = mine._replace(
        sender=b"alice@corp.test", subject=b"sasl_username=alice@corp.test", author=b"alice@corp.test",
        recipients=(b"sasl_username=alice@corp.test",), script=b"contact.php",
    )  # fmt: skip
    assert not judge(claim("account:alice@corp.test"))(forged)
    assert not judge(claim("script:contact.php"))(forged)
    assert judge(claim(f"account:{mine.name}"))(forged)


def test_addresses_are_compared_as_addresses() -> None:
    client = next(one for one in letters() if one.kind == "client")
    assert judge(claim("client:2001:DB8:0::1"))(client._replace(name="2001:db8:0:0::1"))
    assert not judge(claim("client:2001:db8::1"))(client._replace(name="no:address"))


@pytest.mark.parametrize(
    "text",
    ["", "bob", "user:bob", "account:", "account:a\nb", "local_user:-1", "local_user:root", "client:example.org",
     "client:fe80::1%eth0", "script:", "script:/", "script:a b", "bounces:x", "everything:x", "account:" + "a" * 2000,
     "script:33:a:b", "local_user:٣"],
)  # fmt: skip
def test_other_words_are_no_claim(text: str) -> None:
    with pytest.raises(NoClaimError):
        claim(text)


@given(st.text(max_size=40))
def test_any_text_is_a_claim_that_reads_back_or_refused(text: str) -> None:
    for kind in KINDS:
        try:
            found = claim(f"{kind}:{text}")
        except NoClaimError:
            continue
        assert claim(str(found)) == found
        assert isinstance(found, Claim)
        assert str(found).isprintable()
