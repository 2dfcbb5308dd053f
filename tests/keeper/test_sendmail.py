"""The keeper on a recorded queue of Sendmail's: what is quarantined, let go and taken out, and what closes the tap."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.keeper.kit import World, fill_sendmail, readable_place
from tests.lab.machine import wait_until
from whosent.containing.installing import Installing
from whosent.keeper import servers, taps, work
from whosent.keeper.feeding import Feed
from whosent.keeper.servers import KeeperError, Server, mail_servers
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.queues.belonging import claim
from whosent.setups import CannotError, sendmail
from whosent.sources.spools import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "client:10.77.0.20"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    with readable_place() as place:
        program, config = fill_sendmail(place)
        monkeypatch.setattr(servers, "_SENDMAILS", ("/nowhere/sendmail", program))
        monkeypatch.setitem(servers.SENDMAIL_CF, "-Am", config)
        monkeypatch.setitem(servers.SENDMAIL_CF, "-Ac", "/nowhere/submit.cf")
        monkeypatch.setattr(servers, "_postfix_configs", list)
        monkeypatch.setitem(servers.ENVIRONMENT, "PATH", "/usr/bin:/bin")
        monkeypatch.setattr(work, "_PAUSE", 0.0)
        yield World(place, capsys)
    os.umask(0o022)


def kinds(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in world.place.joinpath("mqueue").rglob("?f*"):
        if path.is_file():
            found[path.name[:2]] = found.get(path.name[:2], 0) + 1
    return found


def test_hold_release_and_purge(world: World) -> None:
    before = kinds(world)
    (server,) = mail_servers()
    assert (server.spool.path, server.config.partition(" ")[2]) == (f"{world.place}/mqueue", "-Am")
    look = world.done("look", HOST)
    waiting = look["folders"]["queue"]
    assert look["messages"] == waiting + look["folders"].get("quarantined", 0)
    done = world.done("hold", HOST)
    assert (done["held"], kinds(world)["hf"]) == (waiting, before["hf"] + waiting)
    assert world.done("release", HOST)["released"] == waiting
    assert kinds(world) == before
    world.done("hold", HOST)
    purged = world.done("purge", HOST)
    assert purged["purged"] == waiting
    after = kinds(world)
    assert (after["hf"], after["qf"]) == (before["hf"], before["qf"] - waiting)
    assert after.get("df", 0) == max(0, before.get("df", 0) - waiting)


def test_logins_stand_in_no_queue_file(world: World) -> None:
    assert "no queue file of Sendmail" in world.keep("hold", "account:bob@corp.test")["error"]


def test_what_sendmail_works_on_and_what_is_gone_stays(world: World) -> None:
    world.done("hold", HOST)
    held = [path for path in world.place.joinpath("mqueue").rglob("hf*") if path.is_file()]
    with held[0].open("rb") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        feed = Feed(mail_servers()[0], "delete")
        feed.give([path.name[2:] for path in held] + ["6ARE8JsK000000"])
    assert [path.exists() for path in held] == [True] + [False] * (len(held) - 1)


def test_an_id_that_stands_within_another_is_let_alone(world: World) -> None:
    first = next(path for path in world.place.joinpath("mqueue").rglob("qf*") if path.is_file())
    first.with_name(f"{first.name}1").write_bytes(first.read_bytes())
    feed = Feed(mail_servers()[0], "hold")
    feed.give([first.name[2:]])
    feed.finish()
    assert first.exists()
    feed.give([f"{first.name[2:]}1"])
    feed.finish()
    assert first.exists()
    assert not first.with_name(f"{first.name}1").exists()


def test_a_program_that_fails_or_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    program = world.place / "sendmail"
    program.write_text("#!/bin/sh\nexit 75\n")
    assert "failed with 75" in world.keep("hold", HOST)["error"]
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    monkeypatch.setattr("whosent.keeper.feeding.PATIENCE", -20.0)
    assert "did not end in time" in world.keep("hold", HOST)["error"]


@pytest.fixture
def config(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = world.place / "sendmail.cf"
    path.write_text(
        f"Djmx.corp.test\nFw-o {world.place}/names\nO PidFile={world.place}/pid\n{path.read_text()}R$*\t$@ OK\n"
    )
    (world.place / "names").write_text("corp.test\nlocalhost\n")
    (world.place / "submit.cf").write_text("Djmx.corp.test\n")
    monkeypatch.setitem(servers.SENDMAIL_CF, "-Ac", f"{world.place}/submit.cf")
    for module in (sendmail, taps):
        monkeypatch.setattr(module, "SENDMAIL_HOME", world.place / "whosent")
    return path


def test_set_up_and_taken_back(world: World, config: Path) -> None:
    before, submit = config.read_text(), world.place / "submit.cf"
    installing = Installing("sendmail", Containment(folder=str(world.place / "kept")))
    done = installing.install()
    assert all(one.stands for one in done.changes)
    assert installing.install().changed == 0
    home = world.place / "whosent"
    assert (home / "administrators").read_text().splitlines() == [
        "postmaster@mx.corp.test pass", "abuse@mx.corp.test pass", "postmaster@corp.test pass", "abuse@corp.test pass",
    ]  # fmt: skip
    assert config.read_text().count("SLocal_check_rcpt\n# whosent begins\n") == 1
    assert config.read_text().endswith("# whosent ends\nR$*\t$@ OK\n")
    for text in ("account:Bob@corp.test", "client:2001:db8::1", "everything:"):
        world.done("close", text)
    assert (home / "taps").read_text() == "account:bob@corp.test hold\nclient:2001:db8::1 hold\neverything: hold\n"
    world.done("close", "account:bob@corp.test", "refuse")
    world.done("open", "client:2001:db8::1")
    assert (home / "taps").read_text() == "everything: hold\naccount:bob@corp.test refuse\n"
    world.done("open", "everything:")
    world.done("close", "script:33:Contact.php")
    world.done("close", "local_user:0", "refuse")
    assert (home / "taps").read_text().splitlines()[1:] == [
        "script:contact.php hold", "local_user:root@localhost refuse"
    ]  # fmt: skip
    world.done("open", "script:33:Contact.php")
    assert "switch its file off" in world.keep("close", "script:www.corp.test/a/b.php")["error"]
    assert "no tap" in world.keep("close", "bounces:")["error"]
    assert "by their names" in world.keep("close", "local_user:4000000000")["error"]
    with pytest.raises(KeeperError, match="no single program"):
        taps.turn(mail_servers()[0], claim("local_user:0"), "pass")
    submit.write_text("Djmx.corp.test\n")  # made anew from its macros
    assert "run `whosent setup sendmail`" in world.keep("close", "local_user:0")["error"]
    world.done("open", "local_user:0")
    assert installing.undo().changed == len(done.changes)
    assert config.read_text() == before
    assert submit.read_text() == "Djmx.corp.test\n"


def test_what_sendmail_cannot_read_is_not_put_in_its_place(
    world: World, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config.read_text()
    monkeypatch.setattr(sendmail, "_RULES", "# whosent begins\nBROKEN\n# whosent ends\n")
    with pytest.raises(Mistake, match="nothing was changed: broken"):
        Installing("sendmail", Containment(folder=str(world.place / "kept"))).install()
    assert config.read_text() == before
    config.write_text("Djmx\n")
    with pytest.raises(CannotError, match="no Local_check_rcpt"):
        sendmail.changes()


def test_the_daemon_takes_notice(world: World, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def started_anew(pids: list[int]) -> set[int]:
        told.extend(pids)
        return set()

    monkeypatch.setattr(sendmail, "started_anew", started_anew)
    argv = ["/usr/sbin/sendmail", "30"]
    with subprocess.Popen(argv, executable="/bin/sleep") as daemon:
        wait_until(lambda: Path(f"/proc/{daemon.pid}/cmdline").read_bytes() != b"", "its name")
        (world.place / "pid").write_text(f"{daemon.pid}\n/usr/sbin/sendmail -bd\n")
        sendmail.heed()
        monkeypatch.setattr(sendmail, "started_anew", set)
        with pytest.raises(CannotError, match=f"process {daemon.pid}.* restart it"):
            sendmail.heed()
        subprocess.run(["kill", str(daemon.pid)], check=True)
    assert told.pop() == daemon.pid
    (world.place / "pid").write_text(f"{os.getpid()}\n/usr/sbin/sendmail -bd\n")
    sendmail.heed()  # this process is none of Sendmail's
    (world.place / "pid").write_text("none\n")
    sendmail.heed()
    config.unlink()
    assert told == []


def test_no_sendmail_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_SENDMAILS", ())
    with pytest.raises(CannotError, match="not installed"):
        sendmail.changes()
    monkeypatch.setattr(taps, "SENDMAIL_HOME", Path("/nowhere/whosent"))
    server = Server(Spool("/nowhere", "sendmail"), "x -Am", steady=True, lifetime=1.0)
    with pytest.raises(KeeperError, match="run `whosent setup sendmail`"):
        taps.turn(server, claim("account:a"), "hold")
