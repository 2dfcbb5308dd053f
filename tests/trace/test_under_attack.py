"""Whatever a sender writes below the line of ours that names him: nobody else is blamed."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.join.kit import client, delivery, line, queued, removed
from tests.trace.kit import DATE, INNOCENT, STRANGER, by_mx, ledger, ours, traced
from whosent.join.sightings import Sightings

FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
PLANTED = "planted@example.org"
NAMES = (
    "mx.example.org",
    "store.example.org",
    "relay.stranger.example",
    "localhost",
    "mail.stranger.example",
    "10.0.0.5",
)
IDS = ("4A1B2C3D4E", "5B1B2C3D4E", "7ABC1")
DATES = (DATE, "Thu, 1 Jan 1970 00:00:00 +0000", "Mon, 16 Nov 2099 00:00:05 +0000", "rubbish")

name, queue_id, date = st.sampled_from(NAMES), st.sampled_from(IDS), st.sampled_from(DATES)
forged = st.one_of(
    st.builds(
        "from innocent ({0} [{3}]) by {0} (Postfix) with ESMTP id {1}; {2}".format,
        name, queue_id, date, st.just(INNOCENT),
    ),
    st.builds(
        "from {0} ({0} [{3}]) (Authenticated sender: {4}) by mx.example.org (Postfix) with ESMTPSA id {1}; {2}".format,
        name, queue_id, date, st.just(INNOCENT), st.just(PLANTED),
    ),
    st.builds(
        "from innocent ([{2}] helo={0}) by {0} with esmtp (Exim 4.96) id 1abc; {1}".format,
        name, date, st.just(INNOCENT),
    ),
    st.builds("from unknown (HELO {0}) ({2}) by {0} with SMTP; {1}".format, name, date, st.just(INNOCENT)),
    st.builds(
        "from x ({2}) by {0} (10.0.0.1) with Microsoft SMTP Server id 15.1; {1}".format,
        name, date, st.just(INNOCENT),
    ),
    st.builds(
        "from localhost (localhost [127.0.0.1]) by {0} (Postfix) with ESMTP id {1}; {2}".format, name, queue_id, date
    ),
    st.builds("from {0} ({0} [10.0.0.5]) by {0} with LMTP id {1}; {2}".format, name, queue_id, date),
    st.builds("by {0} (Postfix, from userid 4242) id {1}; {2}".format, name, queue_id, date),
    st.builds("by {0} with SMTP id {1}; {2}".format, name, queue_id, date),
    st.builds("from mr ([10.0.0.5]) by 10.0.0.5 with SMTP id {0}; {1}".format, queue_id, date),
    st.builds("by {0} with SMTP id {1}; {2}".format, st.sampled_from(["10.0.0.5", "2002:a05:6a00:1::"]),
              st.sampled_from(["x1csp12345abc", "k12mr3456xyz.1.1600000"]), date),
    st.builds("from innocent (innocent. [{1}]) by mx.google.com with ESMTPS id a1si123; {0}".format,
              date, st.just(INNOCENT)),
    st.builds("from {0} by {0} (Dovecot) with LMTP id {1}; {2}".format, name, queue_id, date),
    st.builds("from {0} ({2}) by mx1.example.org with HTTPS via {0}; {1}".format, name, date, st.just(INNOCENT)),
    st.builds("from mail {2} [{3}] by {0} with Novell NIMS; {1}".format,
              name, date, st.just(PLANTED), st.just(INNOCENT)),
    st.builds("from {0} - {2} by {0} with Microsoft SMTPSVC(5.5.1774.114.11); {1}".format,
              name, date, st.just(INNOCENT)),
    st.builds("from {2} (HELO {0}) by {0} with SMTP; {1}".format, name, date, st.just(INNOCENT)),
    st.builds("from Some Program ([{2}]) by {0} with HTTP; {1}".format, name, date, st.just(INNOCENT)),
    st.builds("[from {0} ({0} [{2}]) by {0} with ESMTP; {1}]".format, name, date, st.just(INNOCENT)),
    st.builds("(ofmipd {1}); {0}".format, date, st.just(INNOCENT)),
    st.builds("(qmail 1 invoked {0}); {1}".format, st.sampled_from(["from network", "by uid 4242"]), date),
    st.text(max_size=60).map(lambda text: text.replace("\n", " ").replace("\r", " ")),
)  # fmt: skip
helo = st.one_of(
    st.sampled_from([*NAMES, f"[{INNOCENT}]", INNOCENT, f"x??{INNOCENT}??", f"[{INNOCENT}]?by?mx.example.org"]),
    st.from_regex(r"[!-'*-;=?-~]{1,40}", fullmatch=True),
)
headers = st.lists(
    st.sampled_from(
        [f"X-Originating-IP: [{INNOCENT}]", f"X-Authenticated-Sender: {PLANTED}", "Message-ID: <true@example.org>",
         f"Delivered-To: {PLANTED}", "Delivered-To: friend@victim.example",
         "X-PHP-Originating-Script: 4242:planted.php"]
    ),
    max_size=3,
)  # fmt: skip
stranger = st.sampled_from(["unknown", "mx.example.org", "host.stranger.example"]).map(
    lambda name: f"({name} [{STRANGER}])"
)


def true_mail() -> Sightings:
    """What our log has: a message that an innocent account really sent, and the spam as we took it in."""
    return ledger(
        b"".join(
            [
                client(-30, "7ABC1", PLANTED, INNOCENT),
                line(-30, "postfix/cleanup", "7ABC1: message-id=<true@example.org>"),
                queued(-29, "7ABC1", PLANTED),
                delivery(4, "7ABC1", "friend@victim.example"),
                client(4, "4A1B2C3D4E", "", STRANGER),
                line(4, "postfix/cleanup", "4A1B2C3D4E: message-id=<true@example.org>"),
                queued(5, "4A1B2C3D4E", "spam@stranger.example"),
                delivery(6, "4A1B2C3D4E", "friend@victim.example"),
                removed(60, "7ABC1"),
                removed(60, "4A1B2C3D4E"),
            ]
        ),
        *IDS,
        message_ids=("<true@example.org>",),
    )


LOG = true_mail()
KNOWLEDGE = [
    ours(),
    ours(names=()),
    ours("192.0.2.0/24", names=("*.example.org",)),
    ours("10.0.0.5", names=NAMES),
    ours("10.0.0.5", names=()),
    ours(names=("mx.elsewhere.example",)),  # the copy of another site
    ours("10.0.0.5", names=("mx.elsewhere.example",)),
]


@settings(max_examples=20_000 if FULL else 400, deadline=None)
@given(helo, stranger, st.lists(forged, max_size=5), headers, st.sampled_from([None, LOG]), st.sampled_from(KNOWLEDGE))
def test_nobody_but_the_stranger(  # noqa: PLR0913, PLR0917  # as many as an attacker has choices
    helo: str, client: str, lines: list[str], more: list[str], log: Sightings | None, known: object
) -> None:
    own = ours("10.0.0.5", names=NAMES, logs=log) if log is not None else known
    one = traced(by_mx(f"{helo} {client}"), *lines, known=own, logs=log, headers=tuple(more))  # type: ignore[arg-type]
    assert one.suspect is None
    assert one.boundary is not None
    assert one.boundary.hop == 1
    assert one.boundary.address in {STRANGER, None}


@settings(max_examples=5_000 if FULL else 150, deadline=None)
@given(helo, st.lists(forged, max_size=5), headers, st.sampled_from(["10.0.0.14", "127.0.0.1"]))
def test_a_machine_of_ours_blames_nobody_else(helo: str, lines: list[str], more: list[str], address: str) -> None:
    """An infected machine, or a script that speaks SMTP to its own host, writes what it likes below."""
    one = traced(by_mx(f"{helo} (unknown [{address}])"), *lines, headers=tuple(more))
    assert one.suspect is None or one.suspect.name == address
    assert one.boundary is not None
    assert one.boundary.address in {address, None}


@settings(max_examples=2_000 if FULL else 100, deadline=None)
@given(st.lists(forged, max_size=5), headers)
def test_a_local_user_blames_nobody_else(lines: list[str], more: list[str]) -> None:
    one = traced(f"by mx.example.org (Postfix, from userid 33) id A; {DATE}", *lines, headers=tuple(more))
    assert one.suspect is not None
    assert one.suspect.uid == 33
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address) == (1, None)
