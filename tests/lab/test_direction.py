"""Mail from outside in our name: what signs it, changes it or lets it past is named, and closed by the advice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import auditing, exim, filters
from tests.lab.auditing import apply, audit, results
from tests.lab.lab import Lab, why_not
from tests.lab.machine import Machine
from tests.lab.mail import add_smtpd, reload
from tests.lab.network import LAN, PUBLIC
from tests.lab.possible import require

pytestmark = pytest.mark.lab

OURS, ALONE = "mail from outside in our name", "our name in From alone"
DISCLAIMER = """#!/bin/sh
umask 077
file=$(mktemp)
trap 'rm -f "$file"' EXIT
cat >"$file"
altermime --input="$file" --disclaimer=/etc/postfix/disclaimer.txt || exit 75
/usr/sbin/sendmail -G -i "$@" <"$file"
"""
CLOSED = {f"{way} {what}": "closed" for way in ("incoming", "outgoing") for what in ("virus", "spam")}
RSPAMD = {  # local.d: everybody is ours, and who writes our name is let past
    "dkim_signing.conf": """path = "/run/rspamd-db/lab.private";
selector = "lab";
allow_hdrfrom_mismatch = true;
# everybody behind the balancer
sign_networks = ["10.77.0.0/24",
  "0.0.0.0/0"];
""",
    "settings.conf": """ours {
  priority = high;
  from = "@corp.test";
  whitelist = yes;
}
""",
    "antivirus.conf": """lab {
  type = "clamav"; servers = "127.0.0.1:3310"; action = "reject"; scan_mime_parts = false;
}
""",
}
AMAVIS = """$enable_dkim_signing = 1; dkim_key('corp.test', 'lab', '/run/amavis/lab.private');
@mynetworks = qw(
  127.0.0.0/8
  0.0.0.0/0
);
$policy_bank{'MYNETS'} = { };
$policy_bank{'ORIGINATING'} = { originating => 1,
  bypass_virus_checks_maps => [1], bypass_banned_checks_maps => [1] };
1;
"""
EXIM_ROUTER = """ours:
  driver = dnslookup
  domains = ! +local_domains
  senders = *@corp.test
  transport = signing_smtp
"""
EXIM_SIGNS = """  dkim_domain = ${if match_domain{${domain:$h_from:}}{+local_domains}{${domain:$h_from:}}{}}
  dkim_selector = lab
  dkim_private_key = /etc/exim4/lab.private
"""
EXIM_DATA = """acl_data:
  accept sender_domains = +local_domains
  deny message = This message contains a virus
       condition = ${if match{$message_body}{WDVPIVAlQEFQ}}
  warn add_header = X-Virus-Scanned: yes
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    require(why_not() or auditing.missing())
    with Lab({"bob@corp.test": "secret"}, named_strangers=(auditing.SINK,)) as place:
        auditing.start_sink(place)
        yield place


def verdicts(told: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {about: one["verdict"] for about, one in told.items()}


def lines(result: dict[str, Any]) -> set[tuple[str, int | None, str]]:
    return {(one["file"], one["line"], one["text"]) for one in result["causes"]}


def test_mail_in_our_name_and_what_filters_stop(lab: Lab) -> None:
    """Nothing filters; then ClamAV, Rspamd, OpenDKIM and a disclaimer do, for what forges our name as for our own."""
    require(f"needs {filters.missing()}: run tests/lab/packages.sh filters" if filters.missing() else "")
    mx = lab.host("mx")
    more = auditing.forward(mx)
    told = results(audit(mx, "direction", **more))
    assert verdicts(told) == {OURS: "open", ALONE: "open", **dict.fromkeys(CLOSED, "open")}
    assert (told[OURS]["severity"], told[ALONE]["severity"]) == ("warning", "note")
    assert told[OURS]["causes"][0]["text"] == "smtpd_sender_restrictions = (default)"
    apply(mx, told[OURS])
    assert results(audit(mx, "direction", **more))[OURS]["verdict"] == "closed"
    apply(mx, told[OURS], "undo")

    mx.write("/etc/clamav/white", "# our own people write no viruses\nFrom:corp\\.test\n")
    mx.write("/etc/postfix/disclaimer", DISCLAIMER, mode=0o755)
    mx.write("/etc/postfix/disclaimer.txt", "\nConfidential.\n")
    mx.write("/etc/postfix/outgoing", "corp.test FILTER disclaimer:\n")
    disclaiming = "pipe flags=Rq user=nobody argv=/etc/postfix/disclaimer -f ${sender} -- ${recipient}"
    mx.run(["postconf", "-M", f"disclaimer/unix=disclaimer unix - n n - - {disclaiming}"])
    mx.run(
        ["postconf", "-e", "smtpd_sender_restrictions=check_sender_access texthash:/etc/postfix/outgoing",
            "milter_macro_daemon_name=ORIGINATING", "smtpd_milters=inet:127.0.0.1:7357, inet:127.0.0.1:8891"],
    )  # fmt: skip
    reload(mx)
    white, named = "Whitelist /etc/clamav/white\n", "MTA ORIGINATING\n"
    with filters.clamd(mx):
        with filters.clamav_milter(mx, white), filters.opendkim(mx, "127.0.0.1\n0.0.0.0/0\n", named):
            told = results(audit(mx, "direction", **more))
        assert told[OURS]["severity"] == "critical"
        assert "signed as corp.test" in told[OURS]["sentence"]
        assert "as with a disclaimer" in told[OURS]["sentence"]
        assert lines(told[OURS]) == {("/run/opendkim/hosts", 2, "0.0.0.0/0"),
                                     ("/etc/postfix/outgoing", 1, "corp.test FILTER disclaimer:")}  # fmt: skip
        apply(mx, told[OURS])
        hosts = mx.read("/run/opendkim/hosts").decode()
        with filters.clamav_milter(mx, white), filters.opendkim(mx, hosts, named):
            told = results(audit(mx, "direction", **more))
        (cause,) = told[OURS]["causes"]  # signed still, by the name of the port
        assert (cause["file"], cause["text"]) == ("/etc/postfix/main.cf", "milter_macro_daemon_name = ORIGINATING")
        apply(mx, told[OURS])
        virus = told["incoming virus"]
        assert (virus["verdict"], virus["severity"]) == ("open", "critical")
        assert lines(virus) == {("/etc/clamav/white", 2, "From:corp\\.test")}
        apply(mx, virus)
        milters = ", ".join(f"inet:127.0.0.1:{port}" for port in (8891, 11332))
        mx.run(["postconf", "-e", f"smtpd_milters={milters}"])
        reload(mx)
        with filters.opendkim(mx, hosts, named):
            told = rspamd_named_and_closed(mx, more)
    mx.run(["postconf", "-e", "smtpd_milters=", "smtpd_sender_restrictions="])
    reload(mx)
    assert verdicts(told) == {OURS: "open", ALONE: "open", **CLOSED}, told
    assert told[OURS]["severity"] == "warning"  # delivered, and no longer taken for our own


def rspamd_named_and_closed(mx: Machine, more: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Its list of networks and its settings, each by its line; what is said once both are mended."""
    mx.run(["mkdir", "-p", "/run/rspamd-db"])
    filters.make_key(mx, "/run/rspamd-db")
    with filters.rspamd(mx, RSPAMD):
        told = results(audit(mx, "direction", **more))
    assert "signed as corp.test" in told[OURS]["sentence"]
    assert lines(told[OURS]) == {("/etc/rspamd/local.d/dkim_signing.conf", 5, 'sign_networks = ["10.77.0.0/24",')}
    virus = told["incoming virus"]
    assert (virus["verdict"], virus["severity"]) == ("open", "critical")
    assert lines(virus) == {("/etc/rspamd/local.d/settings.conf", 3, 'from = "@corp.test";')}
    for one in (told[OURS], virus):
        apply(mx, one)
    mended = {name: mx.read(f"/etc/rspamd/local.d/{name}").decode() for name in RSPAMD}
    assert 'sign_networks = ["10.77.0.0/24"];' in mended["dkim_signing.conf"]
    with filters.rspamd(mx, mended):
        return results(audit(mx, "direction", **more))


def test_amavis_is_told_whose_mail_it_is(lab: Lab) -> None:
    """Port 25 hands strangers' mail to the port for our own; then a network that holds everybody makes it ours."""
    require(f"needs {filters.missing()}: run tests/lab/packages.sh filters" if filters.missing() else "")
    mx = lab.host("mx")
    more = auditing.forward(mx)
    again = ("content_filter=", "smtpd_authorized_xforward_hosts=127.0.0.0/8", "local_recipient_maps=",
             "smtpd_recipient_restrictions=permit_mynetworks,reject")  # fmt: skip
    add_smtpd(mx, "127.0.0.1:10025", again, "postfix/reinject")
    mx.run(["postconf", "-M", "amavis/unix=amavis unix - - n - 2 smtp -o smtp_send_xforward_command=yes"])
    mx.run(["postconf", "-e", "content_filter=amavis:[127.0.0.1]:10026"])
    reload(mx)
    mx.run(["mkdir", "-p", "/run/amavis"])
    filters.make_key(mx, "/run/amavis")
    place = "/etc/amavis/conf.d/60-lab"
    configuration = filters.AMAVIS.removesuffix("1;\n") + AMAVIS
    with filters.clamd(mx):
        with filters.amavis(mx, configuration):
            told = results(audit(mx, "direction", **more))
        for about in (OURS, "incoming virus"):
            (cause,) = told[about]["causes"]
            assert (cause["file"], cause["text"]) == ("/etc/postfix/main.cf",
                                                      "content_filter = amavis:[127.0.0.1]:10026")  # fmt: skip
        apply(mx, told[OURS])
        told_apart = mx.run(["postconf", "-P", "smtp/inet/content_filter"]).rpartition("=")[2].strip()
        assert told_apart == "amavis:[127.0.0.1]:10024", told[OURS]["fix"]
        with filters.amavis(mx, configuration):
            told = results(audit(mx, "direction", **more))
        ((file, number, text),) = lines(told[OURS])
        assert (file, text) == (place, "0.0.0.0/0")
        assert configuration.splitlines()[number - 1 if number else 0].strip() == "0.0.0.0/0"
        assert told["incoming virus"]["verdict"] == "closed"
        apply(mx, told[OURS])
        with filters.amavis(mx, mx.read(place).decode()):
            told = results(audit(mx, "direction", **more))
    mx.run(["postconf", "-e", "content_filter="])
    mx.run(["postconf", "-PX", "smtp/inet/content_filter"])
    mx.run(["postconf", "-MX", "127.0.0.1:10025/inet"])
    reload(mx)
    assert told[OURS]["severity"] == "warning", told[OURS]["sentence"]
    assert told["incoming virus"]["verdict"] == "closed"


def test_exim_names_the_router_the_transport_and_the_statement_that_go_by_a_name(lab: Lab) -> None:
    """An Exim on ``lan`` that signs and spares what bears our name; an honest one is accused of nothing."""
    require("needs Exim: run tests/lab/packages.sh exim" if not exim.UNPACKED.exists() else "")
    lan = lab.host("lan")
    lab.host("gw").run(["nft", "insert rule inet edge inward iifname wan ip daddr", PUBLIC,
                        f"tcp dport 2525 dnat ip to {LAN}.30:25"])  # fmt: skip
    auditing.install_exim(lan)
    filters.make_key(lan, "/etc/exim4")
    lan.run(["chmod", "644", "/etc/exim4/lab.private"])
    settings = exim.Settings(name="lan.corp.test", local="corp.test : lan.corp.test", relay="127.0.0.1",
                             smarthost=EXIM_ROUTER, more="message_body_visible = 9000")  # fmt: skip
    exim.configure(lan, settings)
    lan.write("/etc/exim4/aliases", f"audit@corp.test: whosent-inbox@{auditing.SINK_NAME}\n")
    written = lan.read("/etc/exim4/exim4.conf").decode().replace("acl_data:\n", EXIM_DATA)
    smtp = "remote_smtp:\n  driver = smtp\n"
    written = written.replace(smtp, smtp + EXIM_SIGNS + smtp.replace("remote", "signing") + EXIM_SIGNS)
    lan.write("/etc/exim4/exim4.conf", written)
    auditing.restart_exim(lan)
    more = {"WHOSENT_AUDIT__MAILBOX": "audit@corp.test"}
    told = results(audit(lan, "direction", "lan.corp.test:2525", **more))
    accepts, senders = "accept sender_domains = +local_domains", "senders = *@corp.test"
    assert {text for _, _, text in lines(told[OURS])} == {accepts, senders}, told[OURS]
    assert {text for _, _, text in lines(told["incoming virus"])} == {accepts}
    for line in (*lines(told[OURS]), *lines(told["incoming virus"])):
        assert written.splitlines()[(line[1] or 0) - 1].strip() == line[2]
    apply(lan, told[OURS])
    auditing.restart_exim(lan)
    told = results(audit(lan, "direction", "lan.corp.test:2525", **more))
    assert told["incoming virus"]["verdict"] == "closed", told["incoming virus"]
    ((_, _, text),) = lines(told[OURS])
    assert text.startswith("dkim_domain = ")
    apply(lan, told[OURS])
    auditing.restart_exim(lan)
    told = results(audit(lan, "direction", "lan.corp.test:2525", **more))
    assert (told[OURS]["severity"], told[OURS]["causes"]) == ("warning", []), told[OURS]
    assert told["incoming virus"]["verdict"] == "closed"
