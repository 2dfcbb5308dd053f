"""How far down the lines are believed, and why; the ways in which a name or an address proves nothing."""

from __future__ import annotations

from tests.trace.kit import DATE, INNOCENT, STRANGER, by_mx, ours, traced
from whosent.model.finding import Level, Strength
from whosent.trace.ours import Ours

FORGED = f"from innocent.example (innocent.example [{INNOCENT}]) by relay.stranger.example with ESMTP id X1; {DATE}"
EXCHANGE = "with Microsoft SMTP Server id 15.1"


def test_a_stranger_hands_it_to_our_mx() -> None:
    one = traced(by_mx(), FORGED)
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address, one.boundary.level) == (1, STRANGER, Level.ATTESTED)
    assert [hop.level for hop in one.hops] == [Level.ATTESTED, Level.CLAIMED]
    assert one.sentence == (
        "mx.example.org, a mail server of ours, recorded at Mon 16 Nov 2026 00:00:05 (+00:00) that 203.0.113.66 handed "
        "the message over under the queue id 4A1B2C3D4E. What stands below that line is the sender's word."
    )
    assert (one.suspect, one.strength) == (None, Strength.UNPROVABLE)
    assert [(claim.value, claim.hop) for claim in one.claims] == [(INNOCENT, 2)]


def test_without_knowledge_the_copy_is_taken_at_its_word() -> None:
    one = traced(by_mx(), FORGED, known=ours(names=()))
    assert one.boundary is not None
    assert (one.boundary.address, one.boundary.level) == (STRANGER, Level.VOUCHED)
    assert "As far as this copy is what mx.example.org received" in one.sentence
    assert "--own-name" in one.assumptions[0]


def test_a_copy_of_somebody_else() -> None:
    one = traced(by_mx().replace("by mx.example.org", "by mx.victim.example"), by_mx())
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.level) == (1, Level.VOUCHED)
    assert "is not ours" in one.assumptions[0]
    assert [sign.sign for sign in one.forgeries] == ["our_name_from_a_stranger", "broken_chain"]


def test_a_named_server_of_ours_is_followed() -> None:
    inner = by_mx("mx1.example.org (unknown [192.0.2.5])").replace("by mx.example.org", "by store.example.org")
    outer = by_mx().replace("by mx.example.org", "by mx1.example.org")
    names = ("store.example.org", "mx1.example.org")
    one = traced(inner, outer, known=ours("192.0.2.5", names=names))
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address, one.boundary.level) == (2, STRANGER, Level.ATTESTED)
    only_the_network = traced(inner, outer, known=ours("192.0.2.0/24", names=names))
    assert only_the_network.boundary is not None
    assert only_the_network.boundary.address == "192.0.2.5"
    assert "--own-network 192.0.2.5 says so" in only_the_network.sentence


def test_the_looked_up_name_of_an_address_of_ours_proves_its_server() -> None:
    inner = by_mx("anything (mx1.example.org [10.0.0.5])").replace("by mx.example.org", "by store.example.org")
    outer = by_mx().replace("by mx.example.org", "by mx1.example.org")
    one = traced(inner, outer, known=ours(names=("*.example.org",)))
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.level) == (2, Level.ATTESTED)
    unnamed = traced(inner, outer, known=ours(names=()))
    assert unnamed.boundary is not None
    assert (unnamed.boundary.hop, unnamed.boundary.level) == (2, Level.CORROBORATED)
    assert "Not proven, but likely" in unnamed.sentence


def test_what_a_client_calls_itself_proves_nothing() -> None:
    inner = by_mx("mx1.example.org (unknown [10.0.0.5])").replace("by mx.example.org", "by store.example.org")
    outer = by_mx(f"i (i [{INNOCENT}])").replace("by mx.example.org", "by mx1.example.org")
    one = traced(inner, outer, known=ours(names=("*.example.org",)))
    assert one.boundary is not None
    assert one.boundary.address == "10.0.0.5"
    assert one.suspect is None  # it may have passed on what it had


def test_exchange_notes_no_name_so_that_its_own_counts_for_likely() -> None:
    inner = f"from EX2.example.org (10.0.0.2) by EX1.example.org (10.0.0.1) {EXCHANGE}; {DATE}"
    outer = f"from mail.stranger.example ({STRANGER}) by ex2.example.org (10.0.0.2) {EXCHANGE}; {DATE}"
    one = traced(inner, outer, known=ours(names=("*.example.org",)))
    assert one.boundary is not None
    assert (one.boundary.address, one.boundary.level) == (STRANGER, Level.CORROBORATED)


def test_what_is_handed_in_by_mapi_begins_there() -> None:
    inner = f"from EX2.example.org (10.0.0.2) by EX1.example.org (10.0.0.1) with mapi id 15.1; {DATE}"
    one = traced(inner, f"from i ({INNOCENT}) by ex2.example.org (10.0.0.2) {EXCHANGE}; {DATE}", known=ours(names=()))
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address) == (1, "10.0.0.2")
    assert one.suspect is None


def test_the_loopback_address_is_a_filter_only_if_somebody_says_so() -> None:
    lines = (by_mx("localhost (localhost [127.0.0.1])", "BBBB"), by_mx())
    one = traced(*lines)
    assert one.boundary is not None
    assert one.boundary.address == "127.0.0.1"
    assert "content filter" in one.sentence
    said = traced(*lines, known=ours("127.0.0.1"))
    assert said.boundary is not None
    assert (said.boundary.address, said.boundary.level) == (STRANGER, Level.ATTESTED)


def test_a_login_is_where_it_entered() -> None:
    line = by_mx(f"pc (unknown [{STRANGER}]) (Authenticated sender: alice@example.org)")
    one = traced(line, FORGED)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.name, one.strength) == ("account", "alice@example.org", Strength.LIKELY)
    assert one.sentence.startswith("It was sent by the account alice@example.org.")
    nameless = traced(
        f"from pc ([{STRANGER}]) (authenticated bits=0) by mx.example.org (8.1/8.1) with ESMTP id A; {DATE}"
    )
    assert nameless.suspect is None
    assert "Which account that was" in nameless.sentence


def test_a_local_user_is_where_it_entered() -> None:
    one = traced(f"by mx.example.org (Postfix, from userid 33) id A; {DATE}", FORGED)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.uid) == ("local_user", 33)
    assert one.boundary is not None
    assert one.boundary.address is None
    assert "broken_chain" in {sign.sign for sign in one.forgeries}
    bounce = traced(f"from localhost (localhost) by mx.example.org (8.1/8.1) id A; {DATE}")
    assert bounce.suspect is None
    assert "made the message itself" in bounce.sentence


def test_our_own_machine_is_named_only_if_it_wrote_all() -> None:
    line = by_mx("pc14 (unknown [10.0.0.14])")
    one = traced(line)
    assert one.suspect is not None
    assert (one.suspect.kind, one.suspect.name) == ("host", "10.0.0.14")
    assert traced(line, FORGED).suspect is None


def test_lines_without_a_client_are_passed_through_within_one_site() -> None:
    gmail = f"by 2002:a05:6a10:1234:b0:5a1:2b3c:4d5e with SMTP id q23csp123456rbn; {DATE}"
    outer = f"from mail (h.example. [{STRANGER}]) by mx.google.com with ESMTPS id b for <a@example.org>; {DATE}"
    for known in (ours(names=()), ours(), ours(names=("mx.google.com",))):
        one = traced(gmail, outer, known=known)
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (2, STRANGER)
        assert one.boundary.level is Level.CORROBORATED
    forwarded = traced(f"by mx.example.org (Postfix) id B; {DATE}", by_mx())
    assert forwarded.boundary is not None
    assert forwarded.boundary.hop == 2
    web = traced(f"by 10.0.0.1 with HTTP; {DATE}", by_mx())
    assert web.boundary is not None
    assert web.boundary.hop == 1


def test_qmail_and_fetchmail_pass_on() -> None:
    qmail = f"from unknown (HELO x) ({STRANGER}) by mx.example.org with SMTP; {DATE}"
    one = traced(f"(qmail 1 invoked from network); {DATE}", qmail)
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.level) == (2, Level.ATTESTED)
    fetched = f"from pop.example.net [192.0.2.1] by mx.example.org with POP3 (fetchmail-6.4) for <a@b>; {DATE}"
    one = traced(fetched, by_mx().replace("by mx.example.org", "by mx.example.net"))
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address, one.boundary.level) == (2, STRANGER, Level.VOUCHED)


def test_what_cannot_be_read_ends_it() -> None:
    one = traced("complete nonsense", by_mx())
    assert one.boundary is None
    assert [hop.level for hop in one.hops] == [Level.VOUCHED, Level.CLAIMED]
    two = traced(by_mx(f"a (b [192.0.2.1]) (c [{INNOCENT}])"), by_mx())
    assert two.boundary is not None
    assert (two.boundary.hop, two.boundary.address) == (1, None)
    none = traced(headers=("Subject: x",))
    assert none.boundary is None
    assert "has no Received line" in none.sentence


def test_hints() -> None:
    later = DATE.replace("00:00:05", "05:00:00")
    one = traced(
        f"from localhost (unknown [{STRANGER}]) by mx.example.org (Postfix) with ESMTP id A; {DATE}",
        f"from a (a.example.net [0.0.0.0]) by mail.stranger.example with ESMTP id B; {later}",
        "from b.example.com ([192.0.2.1]) by mail.stranger.example with ESMTP id B; 1 Jan 1900 00:00:00 +0000",
        "from c (c.example.com [192.0.2.1]) by d.example.net with ESMTP id C; Mon, 41 Jan 2026 00:00:00 +0000",
        "rubbish",
    )
    assert {sign.sign for sign in one.forgeries} == {
        "in_the_future", "impossible_address", "same_id_twice", "impossible_time", "broken_chain", "unreadable_line",
    }  # fmt: skip
    assert not any(sign.proves for sign in one.forgeries)


def test_a_stranger_with_our_name_or_address() -> None:
    named = traced(by_mx(f"mx.example.org (unknown [{STRANGER}])"))
    assert [sign.sign for sign in named.forgeries] == ["our_name_from_a_stranger"]
    literal = traced(by_mx(f"[192.0.2.9] (unknown [{STRANGER}])"), known=ours("192.0.2.0/24"))
    assert [sign.sign for sign in literal.forgeries] == ["our_name_from_a_stranger"]


def test_an_address_of_ours_may_stand_for_a_name() -> None:
    line = f"from mail ({STRANGER}) by ex.unheard.example (192.0.2.1) with Microsoft SMTP Server id 15; {DATE}"
    one = traced(line, known=ours("192.0.2.0/24"))
    assert one.boundary is not None
    assert one.boundary.level is Level.ATTESTED


def test_stamps_are_claims() -> None:
    one = traced(
        by_mx(), headers=("X-Originating-IP: [198.51.100.7]", "X-PHP-Originating-Script: 33:mailer.php", "X-Mailer: x")
    )
    assert [(claim.field, claim.kind, claim.value) for claim in one.claims] == [
        ("x-originating-ip", "address", INNOCENT),
        ("x-php-originating-script", "script", "33:mailer.php"),
        ("x-mailer", "client", "x"),
    ]
    assert all(claim.level is Level.CLAIMED for claim in one.claims)


def test_headers_under_ordinary_ones_and_too_many_lines() -> None:
    one = traced(*[by_mx()] * 3)
    assert isinstance(one.boundary and ours(), Ours)
    below = traced(by_mx(), headers=("From: a@example.org", f"Received: {FORGED}"))
    assert "headers_above_received" in {sign.sign for sign in below.forgeries}
    many = traced(*["from a by b"] * 10_003)
    assert "too_many_lines" in {sign.sign for sign in many.forgeries}


def test_a_line_of_ours_that_hides_its_client_vouches_for_none_below() -> None:
    hidden = f"by mx.example.org (Postfix) with SMTP id 4A1B2C3D4E; {DATE}"
    forged = f"from pc ([{INNOCENT}]) (Authenticated sender: planted@example.org) by mx.example.org with ESMTPA; {DATE}"
    for known in (ours(), ours(names=()), ours(names=("*.example.org",))):
        one = traced(hidden, forged, known=known)
        assert one.suspect is None
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (1, None)


STORE = (
    f"from HT04.prod.relay.example ({INNOCENT}) by BOX81.prod.relay.example with HTTPS via "
    f"CA06.prod.relay.example; {DATE}"
)
WITHIN = f"from FT01.prod.relay.example (10.152.92.58) by HT04.prod.relay.example (10.152.93.162) {EXCHANGE}; {DATE}"
ENTRY = f"from pc.stranger.example ({STRANGER}) by FT01.mail.relay.example (10.152.92.98) {EXCHANGE}; {DATE}"
ELSEWHERE = (ours(names=()), ours(names=("mx.elsewhere.example",)))


def test_what_hands_to_a_mailbox_store_is_the_sites_own_transport() -> None:
    lmtp = f"from mx.relay.example by store.relay.local (Dovecot) with LMTP id Y; {DATE}"
    by_smtp = f"from pc (pc.stranger.example [{STRANGER}]) by mx.relay.example (Postfix) with ESMTP id X; {DATE}"
    online = [one.replace("prod.relay.example", "eur.prod.outlook.com") for one in (STORE, WITHIN, ENTRY)]
    for known in ELSEWHERE:
        for lines, hop in ((online, 3), ((lmtp, by_smtp), 2)):
            one = traced(*lines, known=known)
            assert one.boundary is not None
            assert (one.boundary.hop, one.boundary.address) == (hop, STRANGER)
            assert one.boundary.level is Level.CORROBORATED
            assert "Not proven, but likely" in one.sentence


def test_a_machine_in_another_sites_exchange_network_may_write_lines() -> None:
    for lines, hop in (((STORE, WITHIN, ENTRY), 2), ((WITHIN, ENTRY), 1)):
        one = traced(*lines, known=ELSEWHERE[1])
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (hop, "10.152.92.58")


def test_another_protocol_or_another_name_hands_nothing_on() -> None:
    for top in (
        STORE.replace("with HTTPS", "with HTTP"),
        STORE.replace("from HT04.prod.relay.example", "from HT04.stranger.example"),
        STORE.replace("by BOX81.prod.relay.example", "by BOX81.victim.co.uk").replace(
            "HT04.prod.relay", "HT04.spam.co"
        ),
    ):
        one = traced(top, WITHIN, ENTRY, known=ours(names=()))
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (1, INNOCENT)


def test_a_client_that_may_be_a_server_of_the_site_is_not_named() -> None:
    top = f"from FT01.prod.relay.example ({STRANGER}) by HT04.prod.relay.example (10.152.93.162) {EXCHANGE}; {DATE}"
    for known in ELSEWHERE:
        one = traced(top, ENTRY.replace(STRANGER, INNOCENT), known=known)
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (1, None)
        assert f"if it is, --own-network {STRANGER} says so" in one.sentence
        assert INNOCENT not in one.sentence
    ours_too = traced(top, ENTRY.replace(STRANGER, INNOCENT), known=ours(names=("*.prod.relay.example",)))
    assert ours_too.boundary is not None
    assert ours_too.boundary.address == STRANGER


def test_the_copy_of_another_site_is_read_as_if_nothing_were_known() -> None:
    google = (
        f"by 10.142.230.13 with SMTP id c13cs10840wfh; {DATE}",
        f"from mr.google.com ([10.227.58.130]) by 10.227.58.130 with SMTP id g2mr332059fgj.56 (num_hops = 1); {DATE}",
        f"by 10.227.58.130 with SMTP id g2mr332059fgj; {DATE}",
        f"from pc (pc.stranger.example [{STRANGER}]) by mx.google.com with ESMTP id fm12; {DATE}",
    )
    for known in ELSEWHERE:
        one = traced(*google, known=known)
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (4, STRANGER)
    said = ("Authentication-Results: mx.relay.example; spf=pass",)
    planted_below = f"from innocent (innocent.example [{INNOCENT}]) by other.example (Postfix) with ESMTP id 1; {DATE}"
    for below in (planted_below, by_mx().replace(STRANGER, INNOCENT)):  # another name than the border's; our own name
        planted = traced(google[0], below, known=ELSEWHERE[1] if below is planted_below else ours(), headers=said)
        assert planted.boundary is not None
        assert planted.boundary.address is None


def test_a_client_in_another_sites_private_network_is_not_ours_and_hands_nothing_on() -> None:
    elsewhere, second = ("mx.elsewhere.example",), ("mx1.relay.example",)  # the latter: our own second MX is not named
    for address, known in (
        ("10.0.0.5", ours("10.0.0.5", names=elsewhere)),
        ("10.0.0.9", ours(names=elsewhere)),
        ("10.0.0.9", ours("10.0.0.0/8", names=second)),
    ):
        top = f"from pc5 (pc5.relay.example [{address}]) by mx.relay.example (Postfix) with ESMTP id A; {DATE}"
        for writer in ("anything.example", "pc5.relay.example"):
            forged = f"from innocent (innocent.example [{INNOCENT}]) by {writer} (Postfix) with ESMTP id B; {DATE}"
            one = traced(top, forged, known=known)
            assert one.boundary is not None
            assert (one.boundary.hop, one.boundary.address) == (1, address)
    forged = f"from innocent (innocent.example [{INNOCENT}]) by {elsewhere[0]} (Postfix) with ESMTP id B; {DATE}"
    local = f"from x (localhost.lan [10.0.0.9]) by mx.relay.example (Postfix) with ESMTP id A; {DATE}"
    one = traced(local, forged.replace(elsewhere[0], "localhost.lan"), known=ours(names=elsewhere))
    assert one.boundary is not None
    assert (one.boundary.hop, one.boundary.address) == (1, "10.0.0.9")
    exchange = f"from mx (10.0.0.5) by mx.relay.example (10.0.0.8) {EXCHANGE}; {DATE}"
    for line in (exchange, f"from mx ([10.0.0.5]) by mx.relay.example (Postfix) with ESMTP id A; {DATE}"):
        one = traced(line, forged, known=ours("10.0.0.5", names=elsewhere))
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (1, "10.0.0.5")


def test_a_hidden_client_of_another_site_may_have_written_its_authentication_results_too() -> None:
    forged = f"from innocent (innocent.example [{INNOCENT}]) by anything.example (Postfix) with ESMTP id B; {DATE}"
    for hidden in ("by 10.142.230.13 with SMTP id 4A1B2C3D4E", "by 10.142.230.13 with SMTP id c13cs10840wfh"):
        for said in ((), ("Authentication-Results: anything.example; spf=pass",)):
            for known in ELSEWHERE:
                one = traced(f"{hidden}; {DATE}", forged, known=known, headers=said)
                assert one.boundary is not None
                assert (one.boundary.hop, one.boundary.address) == (1, None)


def test_a_program_that_speaks_to_its_host_by_its_own_address_may_write_lines() -> None:
    """Both lines name the host by the private address that is also the client's: Google writes so, and others may."""
    line = f"from web ([10.0.0.7]) by 10.0.0.7 with SMTP id 4A1B2C3D4E; {DATE}"
    forged = f"from innocent (innocent.example [{INNOCENT}]) by 10.0.0.7 with SMTP id 5B1B2C3D4E; {DATE}"
    for known in ELSEWHERE:
        one = traced(line, forged, known=known)
        assert one.boundary is not None
        assert (one.boundary.hop, one.boundary.address) == (1, "10.0.0.7")
