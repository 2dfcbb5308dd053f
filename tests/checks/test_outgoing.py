"""What makes a server, or a filter, take mail from outside for our own: the line, and the step that mends it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.checks.test_servers import STRANGER, postfix_says
from whosent.model.check import Arrived, Content, Heard, Problem, Ran, Replies, Reply
from whosent.probing import forgeries
from whosent.servers import outgoing

IN_OUR_NAME = outgoing.Forged(STRANGER._replace(sender="postmaster@corp.test"), "From: A <postmaster@corp.test>")
FILTERS = "/usr/sbin/opendkim -f -x /etc/o.conf\nclamav-milter\n/usr/bin/vi /etc/clamav-milter\n"


def filters_say(more: dict[str, str], **settings: str) -> Heard:
    texts = {"/etc/o.conf": "Mode sv\nInternalHosts refile:/etc/hosts.ours\n",
             "/etc/hosts.ours": "10.0.0.0/8\n0.0.0.0/0\n",
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
        ("/etc/hosts.ours", 2, "0.0.0.0/0"), ("/etc/clamav/white", 3, "From:^<?.*@corp.test>?$"),
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
    running = Ran(key="ps", at=0, output=f"opendkim -x /a\nclamav-milter -c /b\n{two}")
    forged = outgoing.Forged(STRANGER._replace(sender=two), two)
    heard = {**postfix_says(smtpd_sender_restrictions=one), **files, "ps": running}
    list(outgoing.lookups(heard, forged))
    assert outgoing.guilty(heard, forged, []) == []
    outgoing.guilty(heard, forged, ["signed", "unfiltered", "changed"])


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
