"""What configurations say: who is to blame for what got through, and the commands that close it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whosent.model.check import Answer, Content, Heard, Opening, Ran
from whosent.servers import exim, firewall, handing_in, here, mending, postfix, proxies, withdrawal
from whosent.servers.attempt import Attempt
from whosent.servers.firewall import Policy, Speaker

STRANGER = Attempt("203.0.113.9", "localhost", "boss@corp.test", "t@victim.test")
SERVICES = """smtp inet n - y - - smtpd
submission inet n - y - - smtpd
127.0.0.1:10025 inet n - n - - smtpd
x unix - - n - - y
"""


def postfix_says(master: str = "", overrides: str = "", maps: dict[str, str] | None = None, **settings: str) -> Heard:
    main = "".join(f"{name} = {value}\n" for name, value in settings.items())
    heard: dict[str, Answer] = {
        "postconf": Ran(key="postconf", at=0, output=main),
        "postconf -M": Ran(key="postconf -M", at=0, output=SERVICES),
        "postconf -P": Ran(key="postconf -P", at=0, output=overrides),
        "/etc/postfix/main.cf": Content(key="main", at=0, text=f"# ours\n{main}"),
        "/etc/postfix/master.cf": Content(key="master", at=0, text=master),
    }
    for key, answer in (maps or {}).items():
        heard[key] = Content(key=key, at=0, text=answer) if key.startswith("/") else Ran(key=key, at=0, output=answer)
    return heard


def blamed(heard: Heard, attempt: Attempt = STRANGER, port: int = 25) -> Opening | None:
    found = here.guilty(heard, "key", port, attempt)
    return found[0] if found else None


GUARD = "reject_unauth_destination"


@pytest.mark.parametrize(
    ("settings", "maps", "file", "line", "text"),
    [
        ({"mynetworks": "127.0.0.0/8 0.0.0.0/0", "smtpd_relay_restrictions": f"permit_mynetworks {GUARD}"}, {},
         "/etc/postfix/main.cf", 2, "mynetworks = 127.0.0.0/8 0.0.0.0/0"),
        ({"smtpd_relay_restrictions": f"permit, {GUARD}"}, {}, "/etc/postfix/main.cf", 2,
         f"smtpd_relay_restrictions = permit, {GUARD}"),
        ({"smtpd_relay_restrictions": "permit_sasl_authenticated"}, {}, "/etc/postfix/main.cf", 2,
         "smtpd_relay_restrictions = permit_sasl_authenticated"),
        ({"smtpd_recipient_restrictions": "reject_unknown_sender_domain"}, {}, "/etc/postfix/main.cf", 2,
         "smtpd_recipient_restrictions = reject_unknown_sender_domain"),
        ({"smtpd_relay_restrictions": f"check_sender_access hash:/etc/f, {GUARD}"},
         {"hash:/etc/f corp.test": "OK\n", "/etc/f": "# x\na.test REJECT\ncorp.test   OK\n"}, "/etc/f", 3,
         "corp.test   OK"),
        ({"smtpd_relay_restrictions": f"check_helo_access pcre:/etc/h, {GUARD}"},
         {"pcre:/etc/h localhost": "PERMIT\n", "/etc/h": "/^local/ PERMIT\n"}, "/etc/h", 1, "/^local/ PERMIT"),
        ({"smtpd_relay_restrictions": f"check_client_access inline:{{203.0.113=OK}} {GUARD}"},
         {"inline:{203.0.113=OK} 203.0.113": "OK\n"}, "inline:{203.0.113=OK}", None, "203.0.113 OK"),
        ({"smtpd_restriction_classes": "friends", "friends": "permit", "smtpd_relay_restrictions": f"friends {GUARD}"},
         {}, "/etc/postfix/main.cf", 3, "friends = permit"),
        ({"relay_domains": "a.test victim.test", "smtpd_relay_restrictions": GUARD}, {}, "/etc/postfix/main.cf", 2,
         "relay_domains = a.test victim.test"),
    ],
)  # fmt: skip
def test_postfix_blames_the_line(
    settings: dict[str, str], maps: dict[str, str], file: str, line: int | None, text: str
) -> None:
    opening = blamed(postfix_says(maps=maps, **settings))
    assert opening
    assert (opening.file, opening.line, opening.text) == (file, line, text)
    assert opening.why


@pytest.mark.parametrize(
    ("settings", "maps"),
    [
        ({"mynetworks": "127.0.0.0/8", "smtpd_relay_restrictions": f"permit_mynetworks {GUARD}"}, {}),
        ({"smtpd_relay_restrictions": "reject"}, {}),
        (
            {"smtpd_relay_restrictions": f"check_sender_access hash:/etc/f, {GUARD}"},
            {"hash:/etc/f corp.test": "REJECT x"},
        ),
        ({"smtpd_relay_restrictions": f"check_sender_access hash:/etc/f, {GUARD}"}, {}),
    ],
)
def test_postfix_blames_nobody_without_a_reason(settings: dict[str, str], maps: dict[str, str]) -> None:
    assert blamed(postfix_says(maps=maps, **settings)) is None


def test_what_maps_are_asked_is_what_smtpd_would_ask() -> None:
    restrictions = f"check_sender_access hash:/etc/f, check_client_access cidr:/etc/c, {GUARD}"
    heard = postfix_says(smtpd_relay_restrictions=restrictions, relay_domains="lmdb:/etc/r")
    asked = {question.key for question in here.lookups(heard, "key", 25, STRANGER)}
    assert asked >= {"hash:/etc/f boss@corp.test", "hash:/etc/f corp.test", "hash:/etc/f .test", "hash:/etc/f boss@"}
    assert asked >= {"cidr:/etc/c 203.0.113.9", "cidr:/etc/c 203.0.113", "/etc/f", "/etc/c", "lmdb:/etc/r victim.test"}
    nobody = Attempt("203.0.113.9", "x", "", "t@victim.test")
    assert "hash:/etc/f <>" in {question.key for question in here.lookups(heard, "key", 25, nobody)}


def test_an_override_of_one_service_is_found_in_master_cf() -> None:
    master = (
        "smtp inet n - y - - smtpd\n  -o mynetworks=10.0.0.0/8\n"
        "submission inet n - y - - smtpd\n  -o mynetworks=0.0.0.0/0\n"
    )
    heard = postfix_says(master, "submission/inet/mynetworks = 0.0.0.0/0\n", mynetworks="127.0.0.0/8",
                         smtpd_relay_restrictions=f"permit_mynetworks {GUARD}")  # fmt: skip
    assert blamed(heard) is None
    opening = blamed(heard, port=587)
    assert opening
    assert (opening.file, opening.line, opening.setting) == ("/etc/postfix/master.cf", 4, "submission/inet/mynetworks")
    assert here.ports(heard) == (25, 587)
    assert here.trusts(heard, 587, "203.0.113.9")
    assert not here.trusts(heard, 25, "203.0.113.9")
    (remedy,) = mending.postfix(opening)
    assert remedy.commands[0] == "postconf -P 'submission/inet/mynetworks=127.0.0.0/8,[::1]/128'"
    assert remedy.undo[0] == "postconf -P submission/inet/mynetworks=0.0.0.0/0"


def test_routed_addresses_pass_only_with_untrusted_routing() -> None:
    routed = Attempt("203.0.113.9", "x", "a@b.test", "t%victim.test@backup.test")
    assert blamed(postfix_says(smtpd_relay_restrictions=GUARD), routed) is None
    opening = blamed(postfix_says(allow_untrusted_routing="yes", smtpd_relay_restrictions=GUARD), routed)
    assert opening
    assert opening.setting == "allow_untrusted_routing"
    assert mending.postfix(opening)[0].commands[0] == "postconf -e allow_untrusted_routing=no"


def test_no_step_is_proposed_where_none_is_known() -> None:
    assert mending.postfix(Opening(file="inline:{x=OK}", line=None, text="x OK", why="")) == []
    assert mending.postfix(Opening(file="/etc/postfix/main.cf", line=1, text="x = y", why="", setting="x")) == []
    assert mending.exim(Opening(file="/etc/exim4/exim4.conf", line=None, text="", why="")) == []
    assert mending.exim(Opening(file="/etc/exim4/exim4.conf", line=3, text="require verify = sender", why="")) == []


def test_domains_and_relayed_domains_are_read() -> None:
    heard = postfix_says(
        mydestination="corp.test, localhost", virtual_mailbox_domains="web.corp.test hash:/x", relay_domains="b.test"
    )
    assert here.domains(heard) == ("corp.test", "web.corp.test")
    assert here.relayed(heard) == ("b.test",)
    assert not any(read({}) for read in (here.domains, here.relayed, here.ports))


# ------------------------------------------------------------------ Exim

EXIM = """domainlist local_domains = corp.test : web.corp.test
hostlist relay_from_hosts = *
begin acl
acl_rcpt:
  accept hosts = +relay_from_hosts
  accept domains = +local_domains
begin routers
percent_hack:
  driver = redirect
  data = ${sg{$local_part}{%}{@}}
"""
SESSION = """>>> using ACL "acl_rcpt"
>>> processing "accept" (/etc/exim4/exim4.conf 5)
>>> check hosts = +relay_from_hosts
>>> host in "*"? yes (matched "*")
>>> host in "+relay_from_hosts"? yes (matched "+relay_from_hosts")
>>> accept: condition test succeeded in ACL "acl_rcpt"
>>> end of ACL "acl_rcpt": ACCEPT
"""


def exim_says(session: str, test: str = "") -> Heard:
    path = "/etc/exim4/exim4.conf"
    return {
        "exim -bP": Ran(key="exim -bP", at=0, output=f"{path}\n"),
        path: Content(key=path, at=0, text=EXIM),
        "exim -bh key": Ran(key="k", at=0, complaint=session),
        "exim -bt key": Ran(key="k", at=0, output=test),
    }


def test_exim_blames_the_list_the_statement_or_the_router() -> None:
    opening = exim.guilty(exim_says(SESSION), "key", STRANGER)
    assert opening
    assert (opening.line, opening.text) == (2, "hostlist relay_from_hosts = *")
    assert "sed -i.whosent '2s/=.*/= 127.0.0.1 : ::::1/'" in mending.exim(opening)[0].commands[0]
    bare = "\n".join(line for line in SESSION.splitlines() if "host in" not in line)
    opening = exim.guilty(exim_says(bare), "key", STRANGER)
    assert opening
    assert opening.line == 5
    assert mending.exim(opening)
    routed = STRANGER._replace(recipient="u%victim.test@corp.test")
    told = "u@victim.test\n    <-- u%victim.test@corp.test\n  router = dns, transport = smtp\n"
    opening = exim.guilty(exim_says(SESSION, told), "key", routed)
    assert opening
    assert (opening.line, "percent_hack" in opening.why) == (10, True)
    assert mending.exim(opening)[0].title == "Switch the router off"
    assert here.domains(exim_says("")) == ("corp.test", "web.corp.test")
    assert exim.guilty(exim_says(SESSION.replace("succeeded", "failed")), "key", STRANGER) is None
    assert exim.guilty({}, "key", STRANGER) is None


def test_a_pretended_session_holds_no_smuggled_line() -> None:
    asked = list(exim.lookups(exim_says(""), "key", 25, STRANGER._replace(sender="a\r\nQUIT@b.test")))
    session = next(question for question in asked if question.key == "exim -bh key")
    assert "MAIL FROM:<aQUIT@b.test>\r\n" in session.said  # type: ignore[attr-defined]  # a Run


@pytest.mark.parametrize(
    ("fault", "text", "line", "edit"),
    [
        ("auth_on_25", EXIM, None, "1i\\auth_advertise_hosts = ${if eq{$received_port}{25}{}{*}}"),
        ("auth_in_clear", "a = b\nauth_advertise_hosts = 10.0.0.0/8 : \\\n  *\nbegin acl\n", 2,
         "2,3c\\auth_advertise_hosts = ${if def:tls_in_cipher{10.0.0.0/8 : *}{}}"),
        ("no_password", EXIM, 5, "5i\\  deny message = Log in first\\n"),
    ],
)  # fmt: skip
def test_exim_names_what_lets_mail_in_without_a_password(
    fault: handing_in.Fault, text: str, line: int | None, edit: str
) -> None:
    path = "/etc/exim4/exim4.conf"
    heard = {**exim_says(""), path: Content(key=path, at=0, text=text),
             "exim -bh handed in at 587": Ran(key="k", at=0, complaint=SESSION)}  # fmt: skip
    found = handing_in.guilty(heard, fault, 587)
    assert found
    assert (found[0].file, found[0].line) == (path, line)
    assert f"'{edit}" in found[1].commands[0]
    assert found[1].undo[0] == f"mv {path}.whosent {path}"
    assert "exim -bh handed in at 587" in {one.key for one in handing_in.lookups(heard, 587, STRANGER)}
    assert [one.key for one in handing_in.reads(heard)] == [path]
    assert list(handing_in.reads({})) == []
    assert handing_in.guilty({}, fault, 587) is None
    assert handing_in.guilty(exim_says(""), "no_password", 587) is None


# ------------------------------------------------------------------ queues

TOKENS = ("a" * 32, "b" * 32)


def test_only_messages_whose_every_recipient_is_ours_are_withdrawn() -> None:
    def letter(name: str, *recipients: str) -> str:
        return json.dumps({"queue_id": name, "recipients": [{"address": one} for one in recipients]}) + "\n"

    ours = f"{TOKENS[0]}@sink.test"
    told = letter("4jOURS1", ours) + letter("4jMIXED", ours, "boss@corp.test") + letter("4jALIEN", "boss@corp.test")
    told += letter("--help", ours) + "{\n" + letter("4jNONE")
    heard = {"queue": Ran(key="queue", at=0, output=told)}
    assert withdrawal.queued(heard, TOKENS, postfix=True) == ["4jOURS1"]
    asked = list(withdrawal.questions(heard, TOKENS, postfix=True))
    assert asked[-1].argv == ("postsuper", "-d", "4jOURS1")  # type: ignore[attr-defined]  # a Run
    listed = (f"  3m   340 1xV1eT-00000V-2H <a@b.test>\n          {TOKENS[1]}@sink.test\n\n"
              " 0m   340 1xV1eT-00000c-2K <>\n        D boss@corp.test\n\n")  # fmt: skip
    heard = {"queue": Ran(key="queue", at=0, output=listed)}
    assert withdrawal.queued(heard, TOKENS, postfix=False) == ["1xV1eT-00000V-2H"]
    asked = list(withdrawal.questions(heard, TOKENS, postfix=False))
    assert asked[-1].argv == ("exim", "-Mrm", "1xV1eT-00000V-2H")  # type: ignore[attr-defined]  # a Run


# ------------------------------------------------------------------ proxies

SS = """LISTEN 0 1024 0.0.0.0:8888 0.0.0.0:* users:(("tinyproxy",pid=201,fd=0))
LISTEN 0 100 127.0.0.1:25 0.0.0.0:* users:(("master",pid=178,fd=13))
LISTEN 0 4096 *:3128 *:* users:(("squid",pid=192,fd=9))
LISTEN 0 1024 [::]:8888 [::]:* users:(("tinyproxy",pid=201,fd=1))
LISTEN 0 9 0.0.0.0:9999 0.0.0.0:*
"""


def test_ports_of_this_machine_and_whose_they_are() -> None:
    found = proxies.listening({"ss": Ran(key="ss", at=0, output=SS)})
    assert [(one.port, one.program) for one in found] == [(3128, "squid"), (8888, "tinyproxy"), (9999, "")]


@pytest.mark.parametrize(
    ("program", "path", "text", "line", "shown"),
    [
        ("squid", "/etc/squid/squid.conf", "#\nhttp_access allow localhost\nhttp_access allow all\n", 3,
         "http_access allow all"),
        ("squid", "/etc/squid/squid.conf", "http_access deny all\n", None, ""),
        ("tinyproxy", "/etc/tinyproxy/tinyproxy.conf", "# x\nPort 8888\n", 2, "(no Allow line)"),
        ("tinyproxy", "/etc/tinyproxy/tinyproxy.conf", "Port 8888\nAllow 10.0.0.0/8\n", 1, "(no ConnectPort line)"),
        ("danted", "/etc/danted.conf", "client pass { }\nsocks pass {\n from: 0/0 to: 0/0\n}\n", 2,
         "socks pass { from: 0/0 to: 0/0 }"),
        ("danted", "/etc/danted.conf", "client pass { }\n", None, ""),
    ],
)  # fmt: skip
def test_a_proxy_blames_its_line(program: str, path: str, text: str, line: int | None, shown: str) -> None:
    listening = proxies.Listening(1, program, 7)
    started = {"cmdline 7": Content(key="cmdline 7", at=0, text=f"{program}\0-D\0")}
    assert {question.key for question in proxies.lookups(listening, {})} == {"cmdline 7"}
    assert path in {question.key for question in proxies.lookups(listening, started)}
    assert path in {question.key for question in proxies.lookups(listening._replace(pid=0), {})}
    found = proxies.guilty(listening, {path: Content(key=path, at=0, text=text)})
    if not shown:
        assert found is None
        return
    assert found
    assert (found[0].line, found[0].text) == (line, shown)
    assert found[1][0].commands
    assert found[1][0].undo


def test_the_configuration_that_a_proxy_was_started_with_is_read() -> None:
    listening = proxies.Listening(3130, "squid", 7)
    told = Content(key="cmdline 7", at=0, text="(squid-1)\0--kid\0squid-1\0-f\0/etc/squid/second.conf\0")
    assert [one.key for one in proxies.lookups(listening, {"cmdline 7": told})] == [
        "cmdline 7",
        "/etc/squid/second.conf",
    ]
    rules = Content(key="r", at=0, text="http_access allow all\n")
    found = proxies.guilty(listening, {"cmdline 7": told, "/etc/squid/second.conf": rules})
    assert found
    assert found[0].file == "/etc/squid/second.conf"
    assert found[1][0].commands[1] == "squid -k reconfigure -f /etc/squid/second.conf"


def test_a_proxy_without_a_file_blames_its_command_line() -> None:
    command = Content(key="c", at=0, text="microsocks\0-p\x001081\0")
    found = proxies.guilty(proxies.Listening(1081, "microsocks", 7), {"cmdline 7": command})
    assert found
    assert found[0].text == "microsocks -p 1081"
    assert proxies.guilty(proxies.Listening(1081, "other", 7), {"cmdline 7": command}) is None
    assert proxies.guilty(proxies.Listening(1081, "", 0), {}) is None


# ------------------------------------------------------------------ firewall


def test_rules_name_who_may_and_end_by_themselves() -> None:
    told = firewall.rules(Policy((0, 102), ("10.77.0.10", "2001:db8::/64"), gateway=True, minutes=5))
    assert "meta skuid { 0, 102 }" in told
    assert "ip saddr { 10.77.0.10/32 }" in told
    assert "ip6 saddr { 2001:db8::/64 }" in told
    assert "elements = { 25 timeout 5m }" in told
    counting = firewall.rules(Policy((0,), refuse=False))
    assert "reject" not in counting
    assert "elements" not in counting
    assert "forward" not in counting


def test_who_would_be_cut_off_is_told_by_logs_sockets_and_counters() -> None:
    kernel = [
        "kernel: x IN= OUT=eth0 SRC=10.77.0.20 DST=198.51.100.25 PROTO=TCP SPT=5 DPT=25 UID=33 GID=33",
        "kernel: x IN= OUT=eth0 SRC=10.77.0.20 DST=198.51.100.25 PROTO=TCP SPT=5 DPT=25 UID=102 GID=1",
        "kernel: x IN=lan OUT=wan SRC=10.77.0.14 DST=198.51.100.25 PROTO=TCP SPT=5 DPT=25",
        "kernel: x IN=lan OUT=wan SRC=10.77.0.10 DST=198.51.100.25 PROTO=TCP SPT=5 DPT=25",
        "kernel: x IN=lan OUT=wan SRC=10.77.0.14 DST=198.51.100.25 PROTO=TCP SPT=5 DPT=2525",
    ]
    sockets = "ESTAB 0 0 10.0.0.1:5 198.51.100.25:25 uid:33 ino:1\nESTAB 0 0 10.0.0.1:5 198.51.100.25:443\nx\n"
    policy = Policy((0, 102), ("10.77.0.10",), gateway=True)
    found = firewall.cut_off([*firewall.speakers_in_log(kernel), *firewall.speakers_now(sockets)], policy)
    assert set(found) == {Speaker(33, "", 1), Speaker(None, "10.77.0.14", 1)}
    assert Speaker(None, "no address", 1) in firewall.cut_off([Speaker(None, "no address", 1)], policy)


def test_counters_are_read() -> None:
    held: dict[str, object] = {"name": "held", "elem": [{"elem": {"val": 25, "timeout": 60, "expires": 46}}]}
    listed = {"nftables": [
        {"metainfo": {}},
        {"set": held},
        {"set": {"name": "refused_users", "elem": [{"elem": {"val": 33, "counter": {"packets": 4, "bytes": 9}}}, 34]}},
        {"set": {"name": "refused_hosts"}},
        {"counter": {"name": "refused", "packets": 4, "bytes": 9}},
    ]}  # fmt: skip
    told = firewall.counted(json.dumps(listed))
    assert told
    assert (told.refuses, told.seconds, told.refused, told.users) == (True, 46, 4, {33: 4, 34: 0})
    held["elem"] = [25]
    told = firewall.counted(json.dumps(listed))
    assert told
    assert (told.refuses, told.seconds) == (True, None)


# ------------------------------------------------------------------ whatever they say


@given(st.text(), st.text(), st.text())
def test_no_text_of_theirs_breaks_the_reading(one: str, two: str, three: str) -> None:
    heard: dict[str, Answer] = {
        "postconf": Ran(key="p", at=0, output=one), "postconf -M": Ran(key="m", at=0, output=two),
        "postconf -P": Ran(key="o", at=0, output=three), "queue": Ran(key="q", at=0, output=one),
        "ss": Ran(key="s", at=0, output=two), "/etc/postfix/main.cf": Content(key="c", at=0, text=three),
        **exim_says(two, three), "/etc/exim4/exim4.conf": Content(key="e", at=0, text=one),
    }  # fmt: skip
    attempt = Attempt(one[:20], two, three, one)
    for _ in here.lookups(heard, "key", 25, attempt):
        pass
    here.guilty(heard, "key", 25, attempt)
    exim.guilty(heard, "key", attempt)
    withdrawal.queued(heard, TOKENS, postfix=True)
    withdrawal.queued(heard, TOKENS, postfix=False)
    for program in ("squid", "tinyproxy", "danted"):
        listening = proxies.Listening(1, program, 0)
        path = next(iter(proxies.lookups(listening, {}))).key
        proxies.guilty(listening, {path: Content(key=path, at=0, text=one)})
    no_postfix = {key: answer for key, answer in heard.items() if key != "postconf"}
    for fault in ("auth_on_25", "auth_in_clear", "no_password"):
        handing_in.guilty(no_postfix, fault, 587)
    firewall.counted(one)
    firewall.speakers_in_log([one, f"DPT=25 {two}"])
    firewall.speakers_now(three)
    assert isinstance(postfix.configuration(heard), postfix.Configuration)
