"""What makes a server, or a filter, take mail from outside for our own: the line, and the step that mends it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.checks.test_servers import STRANGER, postfix_says
from whosent.model.check import Arrived, Content, Heard, Problem, Ran, Replies, Reply
from whosent.probing import forgeries
from whosent.servers import outgoing
from whosent.servers.attempt import Forged

IN_OUR_NAME = Forged(STRANGER._replace(sender="postmaster@corp.test"), "From: A <postmaster@corp.test>",
                     "audit@sink.test", "From: A <audit@sink.test>")  # fmt: skip
AMAVIS = """$enable_dkim_signing = 1;
$policy_bank{MYNETS} = {};
@mynetworks = qw(0.0.0.0/0);
dkim_key('corp.test', 'other', '/k');
"""
FILTERS = "/usr/sbin/opendkim -f -x /etc/o.conf\nclamav-milter\n/usr/bin/vi /etc/clamav-milter\n"


def filters_say(more: dict[str, str], **settings: str) -> Heard:
    texts = {"/etc/o.conf": "Mode sv\nInternalHosts refile:/etc/hosts.ours\n",
             "/etc/hosts.ours": "10.0.0.0/8 # ours\n0.0.0.0/0 # for a test\n",
             "/etc/clamav/clamav-milter.conf": "Whitelist /etc/clamav/white\n",
             "/etc/clamav/white": "To:x\nFrom:[\nFrom:^<?.*@corp.test>?$\n", **more}  # fmt: skip
    heard = dict(postfix_says(maps=None, **settings))
    heard |= {"ps": Ran(key="ps", at=0, output=FILTERS)}
    return heard | {path: Content(key=path, at=0, text=text) for path, text in texts.items()}


def test_what_makes_mail_in_our_name_outgoing_is_named() -> None:
    heard = filters_say({})
    assert {one.key for one in outgoing.lookups(heard, IN_OUR_NAME)} >= {
        "/etc/o.conf", "/etc/hosts.ours", "/etc/clamav/clamav-milter.conf", "/etc/clamav/white",
    }  # fmt: skip
    found = outgoing.guilty(heard, IN_OUR_NAME, ["signed", "unfiltered"])
    assert [(one.file, one.line, one.text) for one, _ in found] == [
        ("/etc/hosts.ours", 2, "0.0.0.0/0 # for a test"), ("/etc/clamav/white", 3, "From:^<?.*@corp.test>?$"),
    ]  # fmt: skip
    assert found[0][1][0].commands == ["sed -i.whosent '2s/^/#/' /etc/hosts.ours", "systemctl restart opendkim"]
    assert outgoing.guilty(heard, IN_OUR_NAME, ["changed"]) == []
    bare = filters_say({"/etc/o.conf": "InternalHosts 10.0.0.0/8, 203.0.113.0/24\n"})
    ((opening, (step,)),) = outgoing.guilty(bare, IN_OUR_NAME, ["signed"])
    assert (opening.file, opening.line) == ("/etc/o.conf", 1)
    assert step.commands[0] == "sed -i.whosent '1c\\InternalHosts 10.0.0.0/8' /etc/o.conf"
    assert outgoing.guilty({}, IN_OUR_NAME, ["signed", "unfiltered", "changed"]) == []


def test_an_entry_that_sends_our_name_another_way_is_named() -> None:
    heard = dict(
        filters_say({}, smtpd_sender_restrictions="check_sender_access hash:/etc/f", header_checks="pcre:/etc/h")
    )
    asked = {one.key for one in outgoing.lookups(heard, IN_OUR_NAME)}
    assert asked >= {"hash:/etc/f corp.test", f"pcre:/etc/h {IN_OUR_NAME.header}", "/etc/f", "/etc/h"}
    heard |= {"hash:/etc/f corp.test": Ran(key="a", at=0, output="FILTER sign:\n"),
              "/etc/f": Content(key="f", at=0, text="corp.test FILTER sign:\n")}  # fmt: skip
    ((opening, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["changed"])
    assert (opening.file, opening.line, opening.text) == ("/etc/f", 1, "corp.test FILTER sign:")
    assert step.commands == ["sed -i '1s/^/#/' /etc/f", "postmap hash:/etc/f", "postfix reload"]
    heard |= {"hash:/etc/f sink.test": Ran(key="a", at=0, output="FILTER sign:\n")}  # a stranger's goes there as well
    assert outgoing.guilty(heard, IN_OUR_NAME, ["changed"]) == []


def test_a_transport_by_sender_is_named() -> None:
    table = "texthash:/etc/t"
    heard = dict(filters_say({"/etc/t": "@corp.test signing:\n"}, sender_dependent_default_transport_maps=table))
    heard |= {f"{table} @corp.test": Ran(key="a", at=0, output="signing:\n")}
    found = [one for one, _ in outgoing.guilty(heard, IN_OUR_NAME, ["signed"])]
    assert [(one.file, one.line) for one in found if one.file == "/etc/t"] == [("/etc/t", 1)]


def test_the_name_of_a_port_that_opendkim_signs_for_is_named() -> None:
    more = {"/etc/o.conf": "MTA ORIGINATING\n"}
    heard = filters_say(more, milter_macro_daemon_name="ORIGINATING")
    ((opening, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["signed"])
    assert (opening.file, opening.text) == ("/etc/postfix/main.cf", "milter_macro_daemon_name = ORIGINATING")
    assert step.commands[0] == "postconf -P smtp/inet/milter_macro_daemon_name=smtpd"
    assert step.undo[0] == "postconf -PX smtp/inet/milter_macro_daemon_name"
    assert outgoing.guilty(filters_say(more), IN_OUR_NAME, ["signed"]) == []
    taken = filters_say({"/etc/o.conf": "MTA smtpd\n"}, milter_macro_daemon_name="smtpd")
    ((_, (step,)),) = outgoing.guilty(taken, IN_OUR_NAME, ["signed"])
    assert (
        step.commands[0] == "postconf -P smtp/inet/milter_macro_daemon_name=smtpd-in"
    )  # one that it does not sign for


def test_milters_that_look_a_second_time_are_a_place_to_look() -> None:
    overrides = "127.0.0.1:10025/inet/receive_override_options = no_address_mappings\n"
    heard = postfix_says("", overrides, content_filter="f:[127.0.0.1]:10024", smtpd_milters="inet:127.0.0.1:8891")
    ((opening, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["signed"])
    assert (opening.strength, opening.why.partition(":")[0]) == ("candidates", "Not proven, the place to look")
    assert step.commands[0].endswith("receive_override_options=no_address_mappings,no_milters")
    alone = postfix_says("", f"{overrides}127.0.0.1:10025/inet/smtpd_milters = inet:127.0.0.1:8891\n",
                         content_filter="f:[127.0.0.1]:10024")  # fmt: skip
    unmilted = f"{overrides}submission/inet/smtpd_milters =\n"
    other = postfix_says("", unmilted, content_filter="f:[127.0.0.1]:10024", smtpd_milters="inet:127.0.0.1:8891")
    for heard in (alone, other):
        ((_, (step,)),) = outgoing.guilty(heard, IN_OUR_NAME, ["signed"])
        assert step.commands == []  # nothing else signs our own people's mail
    quiet = postfix_says("", overrides.replace("no_address_mappings", "no_milters"),
                         content_filter="f:[127.0.0.1]:10024", smtpd_milters="x")  # fmt: skip
    assert outgoing.guilty(quiet, IN_OUR_NAME, ["signed"]) == []
    assert "read here of Postfix does not decide" in outgoing.unexplained(quiet)
    shut = {"x": Content(key="x", at=0, problem=Problem("permission", "/etc/x may not be read."))}
    assert outgoing.unexplained(shut) == ("No line is named: what was read here of no mail server does not decide it. "
                                          "/etc/x may not be read. Look at what else handles this mail.")  # fmt: skip


def test_of_two_filters_that_would_sign_the_one_with_the_selector_is_named() -> None:
    opendkim = {"/etc/o.conf": "Selector lab\nInternalHosts 0.0.0.0/0\n"}
    rspamd = {"/etc/rspamd/local.d/dkim_signing.conf": "sign_networks = [0.0.0.0/0];\n"}
    heard = dict(filters_say({**opendkim, **rspamd}))
    dumped = '{"selector":"mail","sign_networks":["0.0.0.0/0"]}\n{}\n{}\n'
    heard |= {"ps": Ran(key="ps", at=0, output=f"{FILTERS}rspamd: main process\n/usr/sbin/amavisd (master)\n"),
              "rspamadm configdump": Ran(key="r", at=0, output=dumped),
              "run-parts /etc/amavis/conf.d": Ran(key="r", at=0, output="/etc/amavis/conf.d/50-user\n"),
              "/etc/amavis/conf.d/50-user": Content(key="a", at=0, text=(
                  AMAVIS
              ))}  # fmt: skip
    places = {"lab": "/etc/o.conf", "mail": "/etc/rspamd/local.d/dkim_signing.conf",
              "other": "/etc/amavis/conf.d/50-user"}  # fmt: skip
    for selector, place in places.items():
        forged = IN_OUR_NAME._replace(selectors=frozenset({selector}))
        assert [one.file for one, _ in outgoing.guilty(heard, forged, ["signed"])] == [place]
    assert len(outgoing.guilty(heard, IN_OUR_NAME, ["signed"])) == 3  # nothing tells them apart
    unknown = outgoing.guilty(heard, IN_OUR_NAME._replace(selectors=frozenset({"x"})), ["signed"])
    assert [(one.strength, steps[0].commands) for one, steps in unknown] == [("candidates", [])] * 3
    text = "DKIM-Signature: v=1; a=rsa; d=corp.test;\n\ts=lab; h=from\nDKIM-Signature: d=x.test; s=y\nSubject: s=z\n"
    arrived = Arrived("t", 1.0, "203.0.113.2", "mail", headers=text)
    assert forgeries.selectors(arrived, {"corp.test"}) == {"lab"}


def test_how_our_own_senders_would_be_refused_from_outside() -> None:
    found = outgoing.refusing(postfix_says(smtpd_sender_restrictions="reject_unknown_sender_domain"), "corp.test")
    assert found
    opening, (step,) = found
    assert (opening.file, opening.line) == ("/etc/postfix/main.cf", 2)
    assert step.commands[0] == (
        "postconf -e 'smtpd_sender_restrictions=reject_unknown_sender_domain, permit_mynetworks, "
        "permit_sasl_authenticated, check_sender_access inline:{corp.test=REJECT}'"
    )
    assert step.undo[0] == "postconf -e smtpd_sender_restrictions=reject_unknown_sender_domain"
    unset = outgoing.refusing(postfix_says(), "corp.test")
    assert unset
    assert unset[1][0].undo[0] == "postconf -X smtpd_sender_restrictions"
    assert outgoing.refusing({}, "corp.test") is None


@given(st.text(), st.text())
def test_no_text_of_theirs_breaks_the_reading(one: str, two: str) -> None:
    files = {"/c": Content(key="c", at=0, text=one), "/a": Content(key="a", at=0, text=f"InternalHosts {two}\n{one}"),
             "/b": Content(key="b", at=0, text="Whitelist /c")}  # fmt: skip
    running = Ran(key="ps", at=0, output=f"opendkim -x /a\nclamav-milter -c /b\nrspamd:\namavisd -c /d\n{two}")
    files |= {path: Content(key=path, at=0, text=text) for path, text in (
        ("/d", (f"$enable_dkim_signing = 1;\n{two}\n"
               f"@mynetworks = {one};\n$policy_bank{{'MYNETS'}} = {{{one}}};")), ("/e", f"{two}:\n{one}"),
        ("/etc/rspamd/local.d/dkim_signing.conf", f"sign_networks = {two}\n{one}"),
        ("/etc/rspamd/local.d/settings.conf", f"{one} {{ from = {two}; }}"))}  # fmt: skip
    asked = {key: Ran(key=key, at=0, output=text) for key, text in (
        ("exim -bP", "/e"), ("rspamadm configdump", f"{one}\n{two}"), ("exim -bP system_filter", two),
        ("exim -bh in our name", one), ("exim -bh a stranger's", two), (f"exim -bt {two}", one))}  # fmt: skip
    forged = Forged(STRANGER._replace(sender=two), two, one, one)
    on_exim: Heard = {**files, **asked, "ps": running}
    for heard in (on_exim, {**postfix_says(smtpd_sender_restrictions=one), **on_exim}):
        list(outgoing.lookups(heard, forged))
        assert outgoing.guilty(heard, forged, []) == []
        outgoing.guilty(heard, forged, ["signed", "unfiltered", "changed"])
        outgoing.sparing(heard, "203.0.113.9", "virus")


def test_what_became_of_a_message_in_our_name_is_told() -> None:
    probe = forgeries.PROBES[1]
    took = Replies(key="a", at=0, replies=(Reply(".", 250, ("queued",)),))
    lost = Replies(key="a", at=0, problem=Problem("timeout", "No answer."))
    assert forgeries.Fate(probe, took, None).told == "taken, and not delivered"
    assert forgeries.Fate(probe, lost, None).told == "No answer."
    assert forgeries.Fate(probe, Replies(key="a", at=0), None).told == "no clear answer"
    plain = Arrived("t", 1.0, "203.0.113.2", "mail", headers="X-Virus-Scanned: yes", body="text")
    forged = Arrived("t", 1.0, "203.0.113.2", "mail", headers="DKIM-Signature: d=corp.test", body="text\nConfidential.")
    shown = dict(forgeries.treated(plain, forged, {"corp.test"}))
    assert set(shown) == {"signed", "unfiltered", "changed"}
    assert dict(forgeries.treated(plain, plain, {"corp.test"})) == {}
