"""What a main.cf calls its own, in every way one may write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from whosent.model.settings import Ours
from whosent.sources.postfix_settings import ours_of_this_machine, read, together

USUAL = """
# a comment = with an equals sign
myhostname = mx.Example.org
mydomain = example.org
mydestination = $myhostname, localhost.$mydomain, localhost,
    # a comment amid a value
  ${mydomain} www.$(mydomain)
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128, 192.0.2.0/24
  198.51.100.7 !203.0.113.1 hash:/etc/postfix/networks
relay_domains = partner.example, lmdb:/etc/postfix/relay
virtual_mailbox_domains = shop.example mysql:/etc/postfix/domains.cf
virtual_alias_domains=
"""


def test_the_usual_file() -> None:
    ours = read(USUAL)
    assert ours.domains == (
        "mx.example.org", "example.org", "localhost.example.org", "www.example.org", "shop.example",
    )  # fmt: skip
    assert ours.networks == ("127.0.0.0/8", "::ffff:7f00:0/104", "::1/128", "192.0.2.0/24", "198.51.100.7/32")
    assert ours.relay_domains == ("partner.example",)


def test_the_domain_is_that_of_the_host_unless_it_is_said() -> None:
    assert read("myhostname = mx.corp.example\nmydestination = $mydomain\n").domains == (
        "mx.corp.example", "corp.example",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n#\n", "   continued = nothing", "mydomain", "mydomain =", "mydestination = $mydestination $nowhere",
        "mydestination = localhost", "mynetworks = all of it", "mydestination = /etc/mail/local hash:/x, proxy:ldap:y",
        "mydestination = ${a?{b.example}:{c.example}}", "\0\xff",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_out(text: str) -> None:
    assert read(text) == Ours()


def test_later_lines_win() -> None:
    assert read("mydomain = a.example\nmydomain = b.example\n").domains == ("b.example",)


def test_a_value_of_itself_ends() -> None:
    assert read("mydestination = $a\na = $b $b\nb = $a\n") == Ours()


HEAD = b"Nov 12 14:03:07 mx postfix/qmgr[7]: ABCDEF: removed\n"


def test_a_relay_opened_by_mistake_makes_no_stranger_ours() -> None:
    assert read("mynetworks = 127.0.0.0/8 0.0.0.0/0 [::]/0 100.0.0.0/6 10.0.0.0/8 [2001:db8::]/32\n").networks == (
        "127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"
    )  # fmt: skip


def test_only_this_machines_logs_ask_for_its_main_cf(tmp_path: Path) -> None:
    main_cf = tmp_path / "main.cf"
    main_cf.write_text(USUAL)
    assert ours_of_this_machine([b"", HEAD], main_cf, "mx.example.org") == read(USUAL)
    assert ours_of_this_machine([HEAD.replace(b" mx ", b" mx.example.org ")], main_cf, "mx") == read(USUAL)
    assert ours_of_this_machine([HEAD], main_cf, "m") == Ours()
    assert ours_of_this_machine([HEAD], main_cf, "mx2") == Ours()
    assert ours_of_this_machine([], main_cf, "mx") == Ours()
    assert ours_of_this_machine([HEAD], tmp_path / "none", "mx") == Ours()


def test_what_was_configured_stays() -> None:
    configured = Ours(domains=("a.example",), networks=("192.0.2.0/24",))
    assert together(configured, Ours(domains=("b.example",), relay_domains=("c.example",))) == Ours(
        domains=("a.example", "b.example"), networks=("192.0.2.0/24",), relay_domains=("c.example",)
    )
