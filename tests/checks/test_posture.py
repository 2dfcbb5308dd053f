"""Updates, signatures and log settings: what programs really print, read; and what cannot be known, said."""

from __future__ import annotations

from tests.checks.namespace import MOMENT, World
from whosent.auditing import examine
from whosent.checks.posture import check
from whosent.model.check import Knowledge, Result, Target
from whosent.model.settings import Settings
from whosent.upkeep import logging, packages, signatures

APT = """\
NOTE: This is only a simulation!
Inst libssl3 [3.0.19-1~deb12u2] (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64]) []
Inst bash [5.2.15-2+b8] (5.2.15-2+b13 Debian:12.15/oldstable [amd64])
Inst postfix [3.7.10-0+deb12u1] (3.7.11-0+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64])
Inst liblzma-dev [5.4.1-1] (5.4.1-1+deb12u2 Debian-Security:12/oldstable-security [amd64])
Conf libssl3 (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
"""
DNF = """\
RHSA-2024:1234 Important/Sec. postfix-2:3.5.8-7.el8.x86_64
RHSA-2024:1300 Moderate/Sec.  vim-enhanced-2:8.0.1763-19.el8.x86_64
RHBA-2024:1400 bugfix         dovecot-1:2.3.16-5.el8.x86_64
FEDORA-2024-1f security Moderate php-common-8.3.6-1.fc40.x86_64 2024-05-01
"""
ASK = "apt-get -s -o Debug::NoLocking=1 upgrade"
LISTS = "find /var/lib/apt/lists -maxdepth 1 -name *Release -printf %T@\n"
DAILY = "ClamAV-VDB:{} 08-30 -0500:27000:2067000:90:abc:def:builder:1800000000"
FRESH = f"{MOMENT - 3600}.0000\n{MOMENT - 90 * 86400}.5\n"
POSTFIX = "postconf enable_long_queue_ids maillog_file"
PHP = "/etc/php/8.2/fpm/php.ini"
GOOD_PHP = "mail.add_x_header = On\n;mail.log =\nmail.log = syslog\n"


def told(
    programs: dict[str, str] | None = None, files: dict[str, str] | None = None, *, here: bool = True
) -> dict[str, Result]:
    world = World("a.test A 192.0.2.1", files, programs)
    knowledge = Knowledge(settings=Settings(), moment=MOMENT, host="mx")
    found = examine(check, Target("mx", here=here), knowledge, world.ask)
    return {one.about: one for one in found}


def test_a_host_in_order_is_told_so() -> None:
    found = told(
        {ASK: "0 upgraded\n", LISTS: FRESH, POSTFIX: "enable_long_queue_ids = yes\nmaillog_file =\n",
         "exim4 -bP log_selector": "log_selector = +arguments +pid +received_recipients +subject"},
        {"/etc/clamav/clamd.conf": "User clamav\n", PHP: GOOD_PHP,
         "/var/lib/clamav/daily.cld": DAILY.format("15 Jan 2027")},
    )  # fmt: skip
    assert {one.about: one.verdict for one in found.values()} == {
        "security updates": "closed", "virus signatures": "closed", "log settings": "closed",
    }  # fmt: skip


def test_security_updates_of_what_touches_mail_are_named_with_the_way_back() -> None:
    found = told({ASK: APT, LISTS: FRESH})["security updates"]
    assert found.verdict == "open"
    assert "2 packages" in found.sentence
    assert found.fix[0].commands == ["apt-get update", "apt-get install --only-upgrade libssl3 postfix"]
    assert found.fix[0].undo == ["apt-get install --allow-downgrades libssl3=3.0.19-1~deb12u2 postfix=3.7.10-0+deb12u1"]
    assert len(found.evidence[0].lines) == 2


def test_dnf_is_read_too() -> None:
    found = told({"dnf -q --cacheonly updateinfo list --security": DNF})["security updates"]
    assert [one.package for one in packages.of_dnf(DNF)] == ["postfix"]
    assert found.fix[0].commands == ["dnf upgrade --security postfix"]


def test_old_package_lists_prove_nothing() -> None:
    found = told({ASK: "0 upgraded\n", LISTS: f"{MOMENT - 30 * 86400}\nnonsense\n"})
    assert "security updates" not in found
    assert found["package lists"].verdict == "undecided"
    assert "30 days old" in found["package lists"].sentence
    assert told({ASK: "", LISTS: ""})["package lists"].verdict == "undecided"
    assert told()["security updates"].verdict == "undecided"


def test_the_age_of_signatures_is_what_their_head_says() -> None:
    files = {"/etc/clamav/clamd.conf": "DatabaseDirectory /srv/clam\n"}
    old = told(
        files=files
        | {"/srv/clam/daily.cvd": DAILY.format("05 Jan 2027"), "/srv/clam/main.cvd": DAILY.format("16 Sep 2021")}
    )
    assert old["virus signatures"].severity == "warning"
    assert "10 days old" in old["virus signatures"].sentence
    assert (
        told(files=files | {"/srv/clam/daily.cvd": DAILY.format("05 Nov 2026")})["virus signatures"].severity
        == "critical"
    )
    none = told(files=files)["virus signatures"]
    assert none.verdict == "open"
    assert "no official signatures" in none.sentence
    assert "virus signatures" not in told()
    assert signatures.built("ClamAV-VDB:25 Nov 2026 03-25 -0500:27000:") == 1795595100.0
    for head in ("", "ClamAV-VDB:99 Nov 2026 03-25 -0500:1:", "ClamAV-VDB:1 Foo 2026 03-25 +0000:1:"):
        assert signatures.built(head) is None


def test_each_blind_spot_has_its_line_and_adding_it_closes_it() -> None:
    programs = {POSTFIX: "enable_long_queue_ids = no\nmaillog_file = /dev/null\n",
                "exim -bP log_selector": "log_selector = +subject -pid"}  # fmt: skip
    found = told(programs, {PHP: "mail.add_x_header = Off\n"})
    opened = {name: one for name, one in found.items() if one.verdict == "open"}
    assert set(opened) == {
        "Postfix queue ids", "Postfix log", "Exim log_selector", "PHP header (/etc/php/8.2/fpm)",
        "PHP mail log (/etc/php/8.2/fpm)",
    }  # fmt: skip
    assert opened["Postfix queue ids"].fix[0].commands == [
        "postconf -e 'enable_long_queue_ids = yes'",
        "postfix reload",
    ]
    assert opened["Postfix queue ids"].fix[0].undo == ["postconf -X enable_long_queue_ids", "postfix reload"]
    line = opened["Exim log_selector"].causes[0].text
    assert line == "log_selector = +arguments +pid +received_recipients +subject"
    assert not logging.of_exim(line)
    assert not logging.of_exim("log_selector = +all")
    assert not logging.of_postfix(logging.parameters("enable_long_queue_ids = yes"))
    assert not logging.of_php("x", ["mail.add_x_header = Off", "mail.add_x_header = On\nmail.log = /var/log/mail.log"])
    closed = told(
        {POSTFIX: "enable_long_queue_ids = yes\n"}, {PHP: "x", "/etc/php/8.2/fpm/conf.d/99-whosent.ini": GOOD_PHP}
    )
    assert closed["log settings"].verdict == "closed"


def test_another_host_cannot_be_looked_at_from_here() -> None:
    assert told(here=False)[""].verdict == "undecided"


def test_names_of_packages_that_are_none_reach_no_command() -> None:
    odd = packages.Update("postfix;reboot", "1", "2", "")
    assert not packages.plain(odd)
    assert packages.plain(packages.Update("postfix", "3.7.10-0+deb12u1", "2:3", ""))
