"""Rspamd and amavis: by which line a stranger's message in our name is signed, or spared, as they decide it."""

from __future__ import annotations

import json
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
    assert blamed(rspamd_says([{"sign_inbound": True, "signing_table": "/x"}, {}, {}])) == []
    assert blamed(rspamd_says([{"sign_inbound": True}, {}, {}])) == [("rspamadm configdump", None, "")]
    asked = rspamd_says([{"sign_condition": "return function(task) end"}, {}, {}], dkim="sign_condition = <<EOD\n")
    ((opening, (step,)),) = rspamd.guilty(asked, IN_OUR_NAME, {"signed"})
    assert (opening.line, opening.strength, step.commands) == (1, "candidates", [])
    assert blamed(rspamd_says([{"use_http_headers": True}, {}, {}])) == []
    assert list(rspamd.guilty({}, IN_OUR_NAME, {"signed", "unfiltered"})) == []


@pytest.mark.parametrize(
    ("rule", "text", "line"),
    [
        ({"from": "@corp.test", "apply": {}}, 'ours {\n  from = "@corp.test";\n}\n', 2),
        ({"from": ["@a.test", "/@CORP/i"], "apply": {}}, 'ours {\n\n  from = ["@a.test", "/@CORP/i"];\n}\n', 3),
        ({"from_mime": "postmaster@corp.test"}, 'ours { from_mime = "postmaster@corp.test"; }\n', 1),
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
    assert blamed(rspamd_says([{}, {}, {"ours": {"from": "@corp.test"}}]), "unfiltered") == [
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


@pytest.mark.parametrize(
    ("text", "line", "edit"),
    [
        ("@mynetworks = qw( 10/8\n 203.0.113.0/24 );\n", 2, r"2s,203\.0\.113\.0/24,,"),
        ("# @mynetworks = qw(0/0);\n@mynetworks = ('!10.0.0.0/8', '0.0.0.0/0'); 1;\n", 2, r"2s,0\.0\.0\.0/0,,"),
        ("@mynetworks = qw(10/8);\n$originating = 1; # all of it\n", 2, "2s/^/#/"),
        ("@client_ipaddr_policy = ([qw(203.0.113.9)] => 'MYNETS');\n", 1, ""),
        ("@mynetworks = map { $_ } split(/ /, `cat /x`);\n", 1, ""),
        ("=pod\n\n@mynetworks = qw(0/0);\n\n=cut\n\n@mynetworks = qw(203.0.113.9);\n__END__\n@mynetworks = ();\n",
         7, r"7s,203\.0\.113\.9,,"),
    ],
)  # fmt: skip
def test_what_makes_amavis_take_a_client_for_ours_is_named(text: str, line: int, edit: str) -> None:
    ((file, number, command),) = originating(amavis_says(text))
    assert (file, number) == (USER, line)
    assert command == (f"sed -i.whosent '{edit}' {USER}" if edit else "")


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
    found = ("/etc/postfix/main.cf", 2, "postconf -e 'content_filter=amavis:[127.0.0.1]:10024'")
    assert originating(heard) == [found]
    assert shown(outgoing.sparing(heard, "203.0.113.9", "virus")) == [found]
    assert originating(amavis_says(BANKS, content_filter="amavis:[127.0.0.1]:10024")) == []
    alone = amavis_says(BANKS.replace("10024, ", ""), smtpd_proxy_filter="127.0.0.1:10026")
    assert originating(alone) == [(USER, 2, f"sed -i.whosent '2s/^/#/' {USER}")]
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
    nets = "@mynetworks = qw(0/0);\n$policy_bank{'MYNETS'} = { bypass_spam_checks_maps => [1] };\n"
    assert shown(outgoing.sparing(amavis_says(nets), "203.0.113.9", "spam")) == [
        (USER, 1, f"sed -i.whosent 1s,0/0,, {USER}")
    ]


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
