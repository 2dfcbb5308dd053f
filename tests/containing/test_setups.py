"""What `whosent setup` writes is read by the real programs, changes nothing twice, and is taken back."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.keeper.kit import readable_place, why_not
from tests.lab.exim import CONFIGURATION
from whosent.containing.installing import Installing
from whosent.keeper import servers as programs
from whosent.keeper import taps
from whosent.keeper.servers import KeeperError, Server
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.queues.belonging import claim
from whosent.setups import CannotError, dovecot, exim, feedback, php, postfix
from whosent.sources.spools import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab
MAIN = "compatibility_level = 3.6\nmyhostname = mx.corp.test\nmynetworks = 127.0.0.0/8 [::1]/128 hash:/x\n"
SUBMISSION = "submission inet n - n - - smtpd\n  -o smtpd_data_restrictions=reject_unauth_pipelining\n"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    why_not("postconf", "postmap")
    with readable_place() as place:
        (place / "main.cf").write_text(MAIN + "header_checks = regexp:/etc/site\n")
        master = Path("/usr/share/postfix/master.cf.dist").read_text(encoding="utf-8")
        (place / "master.cf").write_text(master + SUBMISSION)
        monkeypatch.setattr(postfix, "CONFIG", str(place))
        monkeypatch.setattr(postfix.changes, "__defaults__", ((), str(place)))
        monkeypatch.setattr(postfix.heed, "__defaults__", (str(place),))
        real = programs.ask

        def ask(argv: Any, stdin: str = "", within: float = 60.0) -> str:  # noqa: ANN401  # as the real one
            calm(place)
            return "" if argv[0] == "postfix" else real(argv, stdin, within)  # there is no daemon to reload

        monkeypatch.setattr(postfix, "ask", ask)
        monkeypatch.setattr(feedback, "ask", ask)
        monkeypatch.setattr(taps, "ask", ask)
        yield place


def server(config: Path) -> Server:
    return Server(Spool("/nowhere", "postfix"), str(config), steady=True, lifetime=1.0)


def installing(config: Path) -> Installing:
    return Installing("postfix", Containment(folder=str(config / "kept")))


def calm(config: Path) -> None:
    """Postfix pauses before it reads a file that has just changed."""
    for name in ("main.cf", "master.cf"):
        os.utime(config / name, (1, 1))


def postconf(config: Path, *words: str) -> str:
    calm(config)
    return subprocess.run(
        ["postconf", "-c", str(config), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def words(config: Path) -> list[str]:
    """Both files but for their spacing: postconf sets the columns of a line it edits anew."""
    return [*(config / "main.cf").read_text().split(), *(config / "master.cf").read_text().split()]


def test_postfix_there_and_back(config: Path) -> None:
    before = words(config)
    assert not any(one.stands for one in installing(config).shown().changes)
    done = installing(config).install()
    assert done.changed == len(done.changes)
    assert all(one.stands for one in done.changes)
    assert installing(config).install().changed == 0
    assert postconf(config, "-h", "smtpd_data_restrictions").startswith("check_sasl_access lmdb:")
    assert "reject_unauth_pipelining" in postconf(config, "-P", "submission/inet/smtpd_data_restrictions")
    assert postconf(config, "-P", "whosent/unix/header_checks").endswith("whosent/headers,regexp:/etc/site")
    assert installing(config).undo().changed == done.changed
    assert words(config) == before
    assert list((config / "whosent").iterdir()) == []


def test_what_others_wrote_meanwhile_stays(config: Path) -> None:
    installing(config).install()
    restrictions = postconf(config, "-h", "smtpd_data_restrictions")
    postconf(config, "-e", f"smtpd_data_restrictions = {restrictions}, reject_multi_recipient_bounce")
    postconf(config, "-e", "header_checks = regexp:/etc/other")
    assert installing(config).install().changed == 1  # the copy of header_checks
    assert postconf(config, "-P", "whosent/unix/header_checks").endswith("whosent/headers,regexp:/etc/other")
    installing(config).undo()
    assert postconf(config, "-h", "smtpd_data_restrictions") == "reject_multi_recipient_bounce"


def test_pickup_that_had_a_cleanup_of_its_own(config: Path) -> None:
    postconf(config, "-M", "precleanup/unix=precleanup unix n - - - 0 cleanup")
    postconf(config, "-P", "precleanup/unix/header_checks=regexp:/etc/pre")
    postconf(config, "-P", "pickup/unix/cleanup_service_name=precleanup")
    before = words(config)
    installing(config).install()
    assert postconf(config, "-P", "whosent/unix/header_checks").endswith("whosent/headers,regexp:/etc/pre")
    installing(config).undo()
    assert words(config) == before


def test_the_taps_of_postfix(config: Path) -> None:
    one = server(config)
    with pytest.raises(KeeperError, match="whosent setup postfix"):
        taps.turn(one, claim("account:a"), "hold")
    installing(config).install()

    def asked(table: str, key: str) -> str:
        argv = ["postmap", "-c", str(config), "-q", key, f"{table}:{config}/whosent/"]
        argv[-1] += "headers" if table == "regexp" else "clients" if key[0].isdigit() else "accounts"
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

    taps.turn(one, claim("account:Alice@corp.test"), "hold")
    taps.turn(one, claim("account:bob"), "pass")
    taps.turn(one, claim("client:192.0.2.7"), "refuse")
    assert [asked("lmdb", key) for key in ("alice@corp.test", "bob", "192.0.2.7", "carol")] == [
        "whosent_hold", "OK", "whosent_refuse_host", ""]  # fmt: skip
    taps.turn(one, claim("script:33:a+b.php"), "hold")
    taps.turn(one, claim("local_user:33"), "hold")
    taps.turn(one, claim("everything:"), "hold")
    taps.turn(one, claim("local_user:34"), "pass")
    stamp = "Received: by mx.corp.test (Postfix, from userid {})"
    assert asked("regexp", "X-PHP-Originating-Script: 0:a+b.php") == "HOLD whosent script"
    assert asked("regexp", "X-PHP-Originating-Script: 0:aab.php") == ""
    assert asked("regexp", stamp.format(33)) == "HOLD whosent local_user"
    assert asked("regexp", stamp.format(34)) == "DUNNO"
    assert asked("regexp", stamp.format(35)) == "HOLD whosent everything"
    assert (config / "whosent" / "brake_clients").read_text().splitlines() == [
        "127.0.0.0/8 whosent_hold_host", "::1/128 whosent_hold_host"]  # fmt: skip
    for text in ("account:Alice@corp.test", "client:192.0.2.7", "script:33:a+b.php", "everything:", "account:nobody"):
        taps.turn(one, claim(text), None)
    assert asked("lmdb", "alice@corp.test") == asked("regexp", stamp.format(35)) == ""
    assert (config / "whosent" / "brake_clients").read_text() == ""

    for text in ("account:a b", 'account:a"b', "account:ü", "script:a#b.php", "script:x/y.php", "bounces:"):
        with pytest.raises(KeeperError):
            taps.turn(one, claim(text), "hold")


def test_the_last_resort_against_a_local_user(config: Path) -> None:
    installing(config).install()
    login, refused = pwd.getpwuid(33).pw_name, config / "whosent" / "refused_users"
    assert postconf(config, "-h", "authorized_submit_users") == f"!{refused}, static:anyone"
    taps.turn(server(config), claim("local_user:33"), "refuse")
    assert refused.read_text() == f"{login}\n"
    taps.turn(server(config), claim("local_user:999999"), "refuse")  # nobody of that number
    taps.turn(server(config), claim("local_user:33"), "hold")
    assert refused.read_text() == ""
    postconf(config, "-e", f"authorized_submit_users = !{refused}, !nobody, static:all")
    installing(config).undo()
    assert postconf(config, "-h", "authorized_submit_users") == "!nobody, static:all"


def test_identifiers_for_complaints(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback.changes, "__defaults__", ((), str(config)))
    monkeypatch.setattr(feedback.heed, "__defaults__", (str(config),))
    before = words(config)
    place = Installing("feedback", Containment(folder=str(config / "kept")))
    done = place.install()
    assert all(one.stands for one in done.changes)
    assert place.install().changed == 0
    assert postconf(config, "-P", "submission/inet/cleanup_service_name").endswith("= whosentsub")
    assert postconf(config, "-P", "whosentsub/unix/header_checks").endswith("whosent/feedback,regexp:/etc/site")

    def asked(header: str) -> str:
        argv = ["postmap", "-c", str(config), "-q", "-", f"regexp:{config}/whosent/feedback"]
        return subprocess.run(argv, input=header, capture_output=True, text=True, check=False).stdout.partition("\t")[2]

    forged = "Received: from x by mx.corp.test (Postfix) with ESMTPSA id 4jFORGED"
    stamp = forged + " by {} (Postfix) with {} id 4jTHhK0dxYzS4"
    assert asked(stamp.format("mx.corp.test", "ESMTPSA")).strip() == "PREPEND CFBL-Feedback-ID: q:4jTHhK0dxYzS4"
    assert (
        asked(stamp.format("mxxcorp.test", "ESMTPSA")).strip() == "PREPEND CFBL-Feedback-ID: q:4jFORGED"
    )  # no host of ours
    assert asked("Received: from x by mx.corp.test (Postfix) with ESMTP id 4jTHhK0dxYzS4") == ""
    assert asked("From: Bob <bob@corp.test>").strip() == "PREPEND CFBL-Address: abuse@corp.test; report=arf"
    assert asked("From: Bob <bob@corp.test.example>") == ""
    assert asked("CFBL-Feedback-ID: q:4jINNOCENT").strip() == "IGNORE"
    assert place.undo().changed == len(done.changes)
    assert words(config) == before
    postconf(config, "-P", "submission/inet/cleanup_service_name=other")
    with pytest.raises(CannotError, match="by hand"):
        feedback.changes()
    postconf(config, "-MX", "submission/inet")
    with pytest.raises(CannotError, match="no submission service"):
        feedback.changes()


def test_servers_that_are_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(programs.ENVIRONMENT, "PATH", str(tmp_path))
    monkeypatch.setattr(php, "_FOLDERS", ("nowhere/conf.d",))
    for module in (postfix, feedback, exim, dovecot, php):
        with pytest.raises(CannotError, match="not installed here"):
            module.changes()
    with pytest.raises(Mistake, match="not installed"):
        Installing("postfix", Containment(folder=str(tmp_path)))


def test_files_of_php(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    monkeypatch.setattr(php, "_FOLDERS", (str(tmp_path / "conf.d").lstrip("/"),))
    place = Installing("php", Containment(folder=str(tmp_path / "kept")))
    assert place.install().changed == 1
    assert "mail.add_x_header = On" in (tmp_path / "conf.d" / "99-whosent.ini").read_text()
    assert place.undo().changed == 1
    assert list((tmp_path / "conf.d").iterdir()) == []


ELEMENTS = "login_log_format_elements = user=<%u>"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("!include conf.d/*.conf\n", ("conf.d/99-whosent.conf", 1)),
        (f"{ELEMENTS}\n!include conf.d/*.conf\n", ("conf.d/99-whosent.conf", 2)),
        (f"{ELEMENTS} %{{rip}}\n!include_try local.conf\n#!include conf.d/*.conf\n", ("99-whosent.conf", 1)),
    ],
)
def test_dovecot_reads_the_settings_whatever_it_includes(
    doves: Path, monkeypatch: pytest.MonkeyPatch, text: str, made: tuple[str, int]
) -> None:
    doves.write_text(text)
    place = Installing("dovecot", Containment(folder=str(doves.parent / "kept")))
    assert all(one.stands for one in place.install().changes)
    assert Installing("dovecot", Containment(folder=str(doves.parent / "kept"))).install().changed == 0
    monkeypatch.setattr(dovecot, "_RUNNING", doves)  # as of a server that runs
    assert Installing("dovecot", Containment(folder=str(doves.parent / "kept"))).install().changed == 0
    assert [str(one.relative_to(doves.parent)) for one in doves.parent.rglob("*whosent.conf")] == [made[0]]
    assert (doves.parent / made[0]).read_text().count(" = ") == made[1]
    Installing("dovecot", Containment(folder=str(doves.parent / "kept"))).undo()
    assert doves.read_text() == text
    assert list(doves.parent.rglob("*whosent.conf")) == []


@pytest.mark.parametrize(
    ("text", "more", "why"),
    [
        ("!include conf.d/*.conf\n", "auth_verbose = no\n", "a later line"),
        ("!include conf.d/*.conf\n", "BROKEN\n", "doveconf"),
        ("ssl = no\n", "local_name x {\n", "nothing was changed"),
    ],
)
def test_dovecot_that_does_not_take_the_settings_stays_as_it_was(doves: Path, text: str, more: str, why: str) -> None:
    doves.write_text(text)
    place = Installing("dovecot", Containment(folder=str(doves.parent / "kept")))
    doves.write_text(text + more)
    with pytest.raises(Mistake, match=why):
        place.install()
    assert doves.read_text() == text + more
    assert list(doves.parent.rglob("*whosent.conf")) == []


@pytest.fixture
def doves(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A configuration of Dovecot's that its own doveconf reads; no server runs."""
    why_not("doveconf")
    real = programs.ask

    def ask(argv: list[str]) -> str:
        if argv[0] == "doveadm":
            raise KeeperError("it does not run")
        return real(argv)

    with readable_place() as place:
        (place / "conf.d").mkdir()
        (place / "conf.d" / "10-site.conf").write_text("ssl = no\n")
        config = place / "dovecot.conf"
        config.write_text("!include conf.d/*.conf\n")
        monkeypatch.setattr(dovecot, "_CONFIG", config)
        monkeypatch.setattr(dovecot, "_RUNNING", place / "nothing")
        monkeypatch.setattr(dovecot, "ask", ask)
        yield config


def test_exim_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration's text alone: that Exim reads it and obeys is shown in the lab."""
    why_not()
    from tests.lab.exim import Settings  # noqa: PLC0415  # only here

    with readable_place() as place:
        conf = place / "exim4.conf"
        before = CONFIGURATION.format(**vars(Settings()))
        conf.write_text(before)
        acl = {"acl_smtp_rcpt": "acl_rcpt", "acl_not_smtp": "acl_local", "configure_file": str(conf)}
        monkeypatch.setattr(exim.shutil, "which", lambda *_words, **_more: "/usr/sbin/exim4")  # type: ignore[attr-defined]

        def ask(argv: list[str], *_more: object) -> str:
            if "-bV" in argv and "BROKEN" in Path(argv[2]).read_text():
                raise KeeperError("cannot read it")
            name = argv[-1]
            return acl[name] if name == "configure_file" else f"{name} = {acl.get(name, 'mx.corp.test')}\n"

        monkeypatch.setattr(exim, "ask", ask)
        monkeypatch.setattr(taps, "ask", ask)
        monkeypatch.setattr(exim, "heed", lambda: None)
        place_of = Installing("exim", Containment(folder=str(place / "kept")))
        done = place_of.install()
        assert all(one.stands for one in done.changes)
        assert place_of.install().changed == 0
        one = Server(Spool("/nowhere", "exim"), "exim4", steady=True, lifetime=1.0)
        for text in ("account:alice", "client:2001:db8::1", "local_user:33", "script:33:a.php", "everything:"):
            taps.turn(one, claim(text), "hold")
        assert (place / "whosent" / "clients").read_text() == '"2001:db8::1": hold\n'
        assert (place / "whosent" / "brake").read_text() == '"on": hold\n'
        taps.turn(one, claim("client:2001:db8::1"), None)
        assert (place / "whosent" / "clients").read_text() == ""
        with pytest.raises(KeeperError, match="no tap"):
            taps.turn(one, claim("bounces:"), "hold")
        place_of.undo()
        assert conf.read_text() == before
        conf.write_text(before.replace("acl_not_smtp = acl_local\n", "") + "# BROKEN\n")
        acl["acl_not_smtp"] = ""
        with pytest.raises(Mistake, match="nothing was changed"):
            Installing("exim", Containment(folder=str(place / "kept"))).install()
        conf.write_text(before.replace("acl_not_smtp = acl_local\n", ""))
        Installing("exim", Containment(folder=str(place / "kept"))).install()
        assert "acl_not_smtp = whosent_local" in conf.read_text()
        acl["configure_file"] = "/var/lib/exim4/config.autogenerated"
        with pytest.raises(CannotError, match="is generated"):
            exim.changes()


def test_the_running_exim_takes_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon, other, copy = (
        (100, b"/usr/sbin/exim4\0-bd\0-q30m\0", 1),
        (101, b"exim\0-bd\0", 7),
        (102, b"exim\0-bd\0", 101),
    )
    for pid, words, parent in (daemon, other, copy, (103, b"exim4\0-q\0", 1), (104, b"vi\0-bd\0", 1)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_bytes(words)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (exim4 (x) 9) S {parent} 1 1\n")
    (tmp_path / "99").mkdir()
    told: list[int] = []

    def started_anew(pids: list[int], _processes: Path) -> set[int]:
        told.extend(pids)
        return set()

    monkeypatch.setattr(exim, "started_anew", started_anew)
    exim.heed(tmp_path)
    assert sorted(told) == [100, 101]  # not the copy that talks to a client
    monkeypatch.setattr(exim, "started_anew", lambda _pids, _processes: {101})
    with pytest.raises(CannotError, match=r"process 101.* restart it"):
        exim.heed(tmp_path)


def test_a_postfix_that_works_on_by_the_old_lines_is_said(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postfix, "reloaded", lambda *_: False)
    with pytest.raises(CannotError, match=r"still works by the old ones.*postfix stop"):
        postfix.heed(str(config))
