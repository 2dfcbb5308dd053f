"""Rspamd and amavis: by which line a stranger's message in our name is signed, or spared, as they decide it."""

from __future__ import annotations

import json
import re
import subprocess
from time import process_time
from typing import Any

import pytest

from tests.checks.test_outgoing import IN_OUR_NAME
from tests.checks.test_servers import postfix_says
from whosent.model.check import Answer, Content, Heard, Ran
from whosent.servers import amavis, outgoing, rspamd
from whosent.servers.attempt import Blamed

DKIM, OPTIONS = "/etc/rspamd/local.d/dkim_signing.conf", "/etc/rspamd/options.inc"
SETTINGS = "/etc/rspamd/local.d/settings.conf"
USER, PACKAGED = "/etc/amavis/conf.d/50-user", "/usr/share/amavis/conf.d/20-package"


def content(files: dict[str, str]) -> dict[str, Answer]:
    return {path: Content(key=path, at=0, text=text) for path, text in files.items()}


def rspamd_says(dumped: list[Any] | None, **files: str) -> Heard:
    """``dumped``: the sections dkim_signing, options and settings; ``files`` by the end of their names."""
    places = {"dkim": DKIM, "over": DKIM.replace("local.d", "override.d"), "options": OPTIONS, "settings": SETTINGS,
              "map": "/etc/rspamd/nets"}  # fmt: skip
    heard: dict[str, Answer] = {"ps": Ran(key="ps", at=0, output="rspamd: main process\n")}
    if dumped is not None:
        told = "\n".join(json.dumps(one) if one else "Section x NOT FOUND" for one in dumped)
        heard["rspamadm configdump"] = Ran(key="dump", at=0, output=told)
    return heard | content({places[name]: text for name, text in files.items()})


def shown(found: list[Blamed]) -> list[tuple[str, int | None, str]]:
    return [(opening.file, opening.line, steps[0].commands[0] if steps[0].commands else "") for opening, steps in found]


def blamed(heard: Heard, *kinds: str) -> list[tuple[str, int | None, str]]:
    return shown(list(rspamd.guilty(heard, IN_OUR_NAME, set(kinds or ["signed"]))))


WIDE = 'selector = "a";\nsign_networks = [10.0.0.0/8, # ours\n  "0.0.0.0/0",\n];\n'


def test_the_network_that_rspamd_signs_for_is_named_and_taken_out() -> None:
    edit = "sed -i.whosent '2,4c\\sign_networks = [\"10.0.0.0/8\"];' " + DKIM
    assert blamed(rspamd_says([{"sign_networks": ["10.0.0.0/8", "0.0.0.0/0"]}, {}, {}], dkim=WIDE)) == [(DKIM, 2, edit)]
    assert blamed(rspamd_says(None, dkim=WIDE)) == [(DKIM, 2, edit)]  # nobody dumps it: the files say so
    over = rspamd_says(None, dkim=WIDE, over="sign_networks = 10.0.0.0/8;\n")
    assert blamed(over) == []  # a stronger file says something else
    mapped = rspamd_says([{"sign_networks": "file://$LOCAL_CONFDIR/nets"}, {}, {}], map="# ours\n203.0.113.0/24 x\n")
    assert {one.key for one in rspamd.lookups(mapped)} >= {"/etc/rspamd/nets", DKIM, OPTIONS, SETTINGS}
    assert blamed(mapped) == [("/etc/rspamd/nets", 2, "sed -i.whosent '2s/^/#/' /etc/rspamd/nets")]
    unseen = rspamd_says([{"sign_networks": ["0.0.0.0/0"]}, {}, {}])
    assert blamed(unseen) == [("rspamadm configdump", None, "")]


def test_local_addresses_inbound_signing_and_programs_are_named() -> None:
    local = [{"sign_local": True}, {"local_addrs": ["10.0.0.0/8", "203.0.113.0/24"]}, {}]
    found = blamed(rspamd_says(local, options="local_addrs = [10.0.0.0/8, 203.0.113.0/24];\n"))
    assert found == [(OPTIONS, 1, "sed -i.whosent '1,1c\\local_addrs = [\"10.0.0.0/8\"];' " + OPTIONS)]
    assert blamed(rspamd_says([{"sign_local": False}, local[1], {}])) == []
    assert blamed(rspamd_says([{}, {}, {}])) == []  # as packaged
    inbound = rspamd_says([{"sign_inbound": True}, {}, {}], dkim="x = 1;\nsign_inbound: yes\n")
    assert blamed(inbound) == [(DKIM, 2, "sed -i.whosent '2c\\sign_inbound = false;' " + DKIM)]
    tabled = {"sign_inbound": True, "signing_table": "/x"}
    assert blamed(rspamd_says([{**tabled, "key_table": "/k"}, {}, {}])) == []
    assert blamed(rspamd_says([tabled, {}, {}])) == [("rspamadm configdump", None, "")]  # half a table is none
    assert blamed(rspamd_says([{"sign_inbound": True}, {}, {}])) == [("rspamadm configdump", None, "")]
    asked = rspamd_says([{"sign_condition": "return function(task) end"}, {}, {}], dkim="sign_condition = <<EOD\n")
    ((opening, (step,)),) = rspamd.guilty(asked, IN_OUR_NAME, {"signed"})
    assert (opening.line, opening.strength, step.commands) == (1, "candidates", [])
    assert blamed(rspamd_says([{"use_http_headers": True}, {}, {}])) == []
    assert list(rspamd.guilty({}, IN_OUR_NAME, {"signed", "unfiltered"})) == []


@pytest.mark.parametrize(
    ("rule", "text", "line"),
    [
        ({"from": "@corp.test", "whitelist": True}, 'ours {\n  from = "@corp.test";\n}\n', 2),
        (
            {"from": ["@a.test", "/@CORP/i"], "apply": {"want_spam": True}},
            'ours {\n\n  from = ["@a.test", "/@CORP/i"];\n}\n',
            3,
        ),
        ({"from_mime": "postmaster@corp.test", "whitelist": True}, 'ours { from_mime = "postmaster@corp.test"; }\n', 1),
    ],
)
def test_settings_for_our_name_are_named(rule: dict[str, Any], text: str, line: int) -> None:
    ((file, number, command),) = blamed(rspamd_says([{}, {}, {"ours": rule}], settings=text), "unfiltered")
    assert (file, number) == (SETTINGS, line)
    edit = f"sed -i.whosent '{line}i\\  authenticated = true;' {SETTINGS}"
    assert command == ("" if text.startswith("ours { ") else edit)


def test_settings_that_a_stranger_cannot_meet_are_nobodys_hole() -> None:
    rules = {"mine": {"from": "@corp.test", "ip": "10.0.0.0/8"}, "known": {"from": "@corp.test", "authenticated": True},
             "other": {"from": ["@b.test", "/[/"]}, "odd": 7}  # fmt: skip
    assert blamed(rspamd_says([{}, {}, rules]), "unfiltered") == []
    assert blamed(rspamd_says([{}, {}, {"ours": {"from": "@corp.test", "whitelist": True}}]), "unfiltered") == [
        ("rspamadm configdump", None, "")
    ]


# ------------------------------------------------------------------ amavis


def amavis_says(text: str, packaged: str = "1;\n", more: dict[str, str] | None = None, **settings: str) -> Heard:
    listed = {"/usr/share/amavis/conf.d": f"{PACKAGED}\n", "/etc/amavis/conf.d": f"{USER}\n"}
    heard: dict[str, Answer] = {
        "ps": Ran(key="ps", at=0, output="/usr/sbin/amavisd (master)\n"),
        **postfix_says(maps=None, **settings),
    }
    heard |= {f"run-parts {folder}": Ran(key="r", at=0, output=output) for folder, output in listed.items()}
    signing = "$enable_dkim_signing = 1; # by whoever is ours\n$policy_bank{'MYNETS'} = { };\n"
    return heard | content({PACKAGED: f"{packaged}{signing}", USER: text, **(more or {})})


def originating(heard: Heard) -> list[tuple[str, int | None, str]]:
    return shown(list(amavis.guilty(heard, IN_OUR_NAME, {"signed"})))


def narrowed(line: int, wide: str) -> str:
    """This host where a network was, and nowhere else: an empty entry would stop amavis."""
    apart, ended = r"\(^\|[^][0-9A-Za-z.:/!]\)", r"\([^][0-9A-Za-z.:/]\|$\)"
    return f"sed -i.whosent '{line}s,{apart}{re.escape(wide)}{ended},\\1127.0.0.1\\2,' {USER}"


@pytest.mark.parametrize(
    ("text", "line", "edit"),
    [
        ("@mynetworks = qw( 10/8\n 203.0.113.0/24 );\n", 2, "203.0.113.0/24"),
        ("# @mynetworks = qw(0/0);\n@mynetworks = ('!10.0.0.0/8', '0.0.0.0/0'); 1;\n", 2, "0.0.0.0/0"),
        ("@mynetworks = qw(10/8);\n$originating = 1; # all of it\n", 2, ""),
        ("@client_ipaddr_policy = ([qw(203.0.113.9)] => 'MYNETS');\n", 1, ""),
        ("@mynetworks = map { $_ } split(/ /, `cat /x`);\n", 1, ""),
        ("=pod\n\n@mynetworks = qw(0/0);\n\n=cut\n\n@mynetworks = qw(203.0.113.9);\n__END__\n@mynetworks = ();\n",
         7, "203.0.113.9"),
    ],
)  # fmt: skip
def test_what_makes_amavis_take_a_client_for_ours_is_named(text: str, line: int, edit: str) -> None:
    ((file, number, command),) = originating(amavis_says(text))
    assert (file, number) == (USER, line)
    assert command == (narrowed(line, edit) if edit else "")


def test_what_does_not_sign_has_signed_nothing() -> None:
    heard = {**amavis_says("@mynetworks = qw(0/0);\n"), **content({PACKAGED: "$enable_dkim_signing = 0;\n"})}
    assert originating(heard) == []
    bankless = content(
        {PACKAGED: "$enable_dkim_signing = 1;\n"}
    )  # as real amavis has it: no such bank, nothing is ours
    assert originating({**amavis_says("@mynetworks = qw(0/0);\n"), **bankless}) == []
    assert list(amavis.guilty(heard, IN_OUR_NAME, {"changed"})) == []
    bank = "@mynetworks = qw(0/0);\n$policy_bank{'MYNETS'} = { allow_disclaimers => 1 };\n"
    found = list(amavis.guilty(amavis_says(bank), IN_OUR_NAME, {"changed"}))
    assert [one.line for one, _ in found] == [1]


def test_what_perl_computes_is_a_place_to_look() -> None:
    ((opening, (step,)),) = amavis.guilty(amavis_says("@mynetworks_maps = (lookup($x));\n"), IN_OUR_NAME, {"signed"})
    assert (opening.strength, step.commands) == ("candidates", [])
    assert "computed by Perl, which is not run here" in opening.why


@pytest.mark.parametrize("text", ["@mynetworks = qw(10/8 [::1]);\n", "@mynetworks = qw(!203.0.113.9 0/0);\n", "1;\n",
                                  "$originating = 0;\n@mynetworks_maps = (\\@mynetworks);\n"])  # fmt: skip
def test_networks_of_our_own_are_nobodys_hole(text: str) -> None:
    assert originating(amavis_says(text)) == []
    assert originating({}) == []


def test_a_list_of_networks_in_a_file_of_its_own_is_read() -> None:
    heard = amavis_says(
        "@mynetworks_maps = (read_array('/etc/n'), \\@mynetworks);\n", more={"/etc/n": "10/8\n0/0 # x\n"}
    )
    assert "/etc/n" in {one.key for one in amavis.lookups(heard)}
    assert originating(heard) == [("/etc/n", 2, "sed -i.whosent '2s/^/#/' /etc/n")]


BANKS = """$inet_socket_port = [10024, 10026];
$interface_policy{'10026'} = 'ORIGINATING';
$policy_bank{'ORIGINATING'} = { originating => 1, bypass_virus_checks_maps => [1] };
"""


def test_a_port_for_our_own_that_strangers_mail_is_handed_to_is_named() -> None:
    heard = amavis_says(BANKS, content_filter="amavis:[127.0.0.1]:10026")
    found = ("/etc/postfix/main.cf", 2, "postconf -P 'smtp/inet/content_filter=amavis:[127.0.0.1]:10024'")
    assert originating(heard) == [found]
    assert shown(outgoing.sparing(heard, "203.0.113.9", "virus")) == [found]
    assert originating(amavis_says(BANKS, content_filter="amavis:[127.0.0.1]:10024")) == []
    alone = amavis_says(BANKS.replace("10024, ", ""), smtpd_proxy_filter="127.0.0.1:10026")
    assert originating(alone) == [(USER, 2, "")]  # our own people's mail comes to that port as well
    screened = {**heard, "postconf -M": Ran(key="m", at=0, output="smtp inet n - y - 1 postscreen\n")}
    assert originating(screened) == [("/etc/postfix/main.cf", 2, "")]  # main.cf is submission's as well
    together = amavis_says(BANKS.replace("10024, ", "").replace("\n", " "), content_filter="amavis:[127.0.0.1]:10026")
    assert originating(together) == [(USER, 1, "")]  # the line does more: by hand


def test_a_check_that_amavis_makes_of_no_mail_is_named() -> None:
    off = "@bypass_virus_checks_maps = (1);\n"
    told = f"sed -i.whosent '1i\\@bypass_virus_checks_maps = (0);' {USER}"
    assert shown(outgoing.sparing(amavis_says("1;\n", off), "203.0.113.9", "virus")) == [(PACKAGED, 1, told)]
    own = f"sed -i.whosent '1c\\@bypass_virus_checks_maps = (0);' {USER}"
    assert shown(outgoing.sparing(amavis_says(off), "203.0.113.9", "virus")) == [(USER, 1, own)]
    assert shown(outgoing.sparing(amavis_says(off.replace("\n", " $x = 1;\n")), "203.0.113.9", "virus")) == [
        (USER, 1, "")
    ]
    mended = amavis_says("@bypass_virus_checks_maps = (\\%x);\n", off)
    assert outgoing.sparing(mended, "203.0.113.9", "virus") == []
    assert outgoing.sparing({}, "203.0.113.9", "virus") == []
    nets = "@mynetworks = qw(0/0);\n$policy_bank{MYNETS} = { bypass_spam_checks_maps => [1] };\n"
    assert shown(outgoing.sparing(amavis_says(nets), "203.0.113.9", "spam")) == [(USER, 1, narrowed(1, "0/0"))]


def test_where_amavis_was_started_with_a_file_that_file_is_read() -> None:
    heard: dict[str, Answer] = {"ps": Ran(key="ps", at=0, output="/usr/sbin/amavisd -c /opt/a.conf\n")}
    heard |= {
        f"run-parts {folder}": Ran(key="r", at=0) for folder in ("/usr/share/amavis/conf.d", "/etc/amavis/conf.d")
    }
    assert {one.key for one in amavis.lookups(heard)} >= {"/opt/a.conf"}
    heard["ps"] = Ran(key="ps", at=0, output="amavisd-new (master)\n")
    assert {one.key for one in amavis.lookups(heard)} >= {"/etc/amavisd/amavisd.conf", "/etc/amavisd.conf"}


@pytest.mark.parametrize("line", ["@mynetworks = ", "; " * 900, " " * 1900, "@mynetworks_maps = (read_array('/x') "])
def test_a_huge_configuration_is_read_in_bounded_time(line: str) -> None:
    heard = amavis_says(f"{line}\n" * 4000, more={"/etc/rspamd/local.d/settings.conf": f"{line}\n" * 4000})
    before = process_time()
    originating(heard)
    assert process_time() - before < 10


def test_a_thousand_ports_are_read_in_bounded_time() -> None:
    policies = "".join(f"$interface_policy{{'{port}'}} = 'A';\n" for port in range(10000, 20000))
    text = (
        f"$inet_socket_port = [{','.join(map(str, range(10000, 11200)))}];\n$policy_bank{{A}} = {{originating => 1}};\n"
    )
    heard = amavis_says(text + policies, content_filter="amavis:[127.0.0.1]:10026")
    everything = amavis_says(f"$originating = 1;\n{policies}")
    before = process_time()
    assert len(originating(heard)) == len(originating(everything)) == 1
    assert process_time() - before < 10


# ------------------------------------------------------------------ what must not be said, nor done


@pytest.mark.parametrize(("text", "left"), [
    ("@mynetworks = qw(203.0.113.90 203.0.113.9);\n", "@mynetworks = qw(203.0.113.90 127.0.0.1);\n"),
    ("@mynetworks = ('10.0.0.0/8', '0.0.0.0/0');\n", "@mynetworks = ('10.0.0.0/8', '127.0.0.1');\n"),
    ("@mynetworks = qw(10.0.0.0/8\n0.0.0.0/0\n[::1]);\n", "@mynetworks = qw(10.0.0.0/8\n127.0.0.1\n[::1]);\n"),
])  # fmt: skip
def test_the_edit_of_a_network_touches_no_other_and_leaves_no_empty_entry(text: str, left: str) -> None:
    ((_, _, command),) = originating(amavis_says(text))
    edit = command.partition("'")[2].rpartition("'")[0]
    told = subprocess.run(["/usr/bin/sed", edit], input=text, capture_output=True, text=True, check=True)
    assert told.stdout == left


def test_amavis_signs_by_the_last_statement() -> None:
    assert originating(amavis_says("$enable_dkim_signing = 0;\n@mynetworks = qw(0/0);\n")) == []


def test_a_policy_bank_counts_as_it_was_written_last_however_its_name_is_quoted() -> None:
    banks = "$policy_bank{'MYNETS'} = { bypass_spam_checks_maps => [1] };\n$policy_bank{MYNETS} = {};\n"
    heard = amavis_says(f"@mynetworks = qw(0/0);\n{banks}")
    assert outgoing.sparing(heard, "203.0.113.9", "spam") == []


def test_everything_ours_is_taken_out_by_hand_where_submission_has_no_port_of_its_own() -> None:
    ((_, _, command),) = originating(amavis_says("$originating = 1;\n"))
    assert command == ""
    assert originating(amavis_says(f"$originating = 1;\n{BANKS}")) == [(USER, 1, f"sed -i.whosent '1s/^/#/' {USER}")]


@pytest.mark.parametrize("text", [
    'sign_networks = ["10.0.0.0/8", "0.0.0.0/0"]; selector = "x";\n', 'sign_networks = "0.0.0.0/0"; }\n',
    "sign_inbound = yes; use_esld = false;\n",
])  # fmt: skip
def test_a_line_with_more_settings_is_edited_by_hand(text: str) -> None:
    told = {"sign_inbound": True} if "inbound" in text else {"sign_networks": ["0.0.0.0/0"]}
    assert blamed(rspamd_says([told, {}, {}], dkim=text)) == [(DKIM, 1, "")]


def test_what_rspamd_does_not_read_is_not_named() -> None:
    everybody = {"sign_networks": ["0.0.0.0/0"]}
    assert blamed(rspamd_says([{**everybody, "enabled": False}, {}, {}])) == []
    commented = rspamd_says([everybody, {}, {}], dkim='/* until spring:\nsign_networks = "0.0.0.0/0";\n*/\n')
    assert blamed(commented) == [("rspamadm configdump", None, "")]


def test_lines_are_counted_as_sed_counts_them() -> None:
    text = '# \x0c page \u2028 two\nsign_networks = "0.0.0.0/0";\n'
    ((_, number, command),) = blamed(rspamd_says([{"sign_networks": ["0.0.0.0/0"], "x": "\u2028"}, {}, {}], dkim=text))
    assert number == 2
    assert "2,2c" in command


def test_settings_of_another_rule_are_not_taken_for_those_of_the_guilty_one() -> None:
    rules = {
        "ours": {"from": ["@corp.test"], "whitelist": True},
        "known": {"from": "@corp.test", "authenticated": True},
    }
    text = (
        'ours {\n  from = [\n    "@corp.test"\n  ];\n}\nknown {\n  from = "@corp.test";\n  authenticated = true;\n}\n'
    )
    assert blamed(rspamd_says([{}, {}, rules], settings=text), "unfiltered") == [(SETTINGS, 1, "")]


@pytest.mark.parametrize(("rule", "strength"), [
    ({"from": "@corp.test", "apply": {"default": {"actions": {"reject": 900}}}}, "candidates"),
    ({"from": "@corp.test", "rcpt": "x@corp.test", "whitelist": True}, "candidates"),
    ({"from": "@corp.test", "apply": {"subject": "x"}}, ""),
    ({"from": "@corp.test", "from_mime": "x@y.test", "whitelist": True}, ""),
    ({"from": "/(([a-z]*)*)*!/", "whitelist": True}, ""),
])  # fmt: skip
def test_settings_that_may_not_spare_it_are_at_most_a_place_to_look(rule: dict[str, Any], strength: str) -> None:
    found = list(rspamd.guilty(rspamd_says([{}, {}, {"one": rule}]), IN_OUR_NAME, {"unfiltered"}))
    assert [one.strength for one, _ in found] == ([strength] if strength else [])
    assert all(not step.commands for _, steps in found for step in steps)


@pytest.mark.parametrize("text", ["sign_networks = [ a\n" * 50_000, "sign_networks" + " " * 500_000 + "\n"])
def test_a_huge_file_of_rspamd_is_read_in_bounded_time(text: str) -> None:
    before = process_time()
    assert blamed(rspamd_says(None, dkim=text)) == []
    assert process_time() - before < 10
