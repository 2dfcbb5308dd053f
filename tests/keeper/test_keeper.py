"""The keeper on real queues: it holds the suspect's mail and nobody else's, whatever lies there and whoever asks."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.keeper.kit import OTHERS, SCRIPT, SPAM, World, fill_exim, fill_postfix, frozen, readable_place, why_not
from whosent import keeper
from whosent.keeper import feeding, memory, reading, search, servers, taps, wall, work
from whosent.keeper.feeding import Feed
from whosent.keeper.memory import Memory, secured
from whosent.keeper.reading import Hit, Question, Whose
from whosent.keeper.servers import KeeperError, Server
from whosent.model.settings import Containment
from whosent.queues import postfix
from whosent.queues.belonging import claim
from whosent.sources.spools import Spool

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

pytestmark = pytest.mark.lab


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[World]:
    why_not("postsuper", "postconf")
    os.umask(0o022)  # the keeper sets its own
    with readable_place() as place:
        fill_postfix(place)
        monkeypatch.setattr(servers, "_postfix_configs", lambda: [f"{place}/etc"])
        monkeypatch.setattr(work, "_PAUSE", 0.01)
        monkeypatch.setattr(work, "_OFTEN", 0.0)
        yield World(place, capsys)
    os.umask(0o022)


def test_hold_look_release(world: World) -> None:
    assert world.done("look", SCRIPT)["messages"] == SPAM
    done = world.done("hold", SCRIPT)
    assert (done["held"], done["others"], done["still_coming"]) == (SPAM, OTHERS, False)
    assert world.folders() == {"hold": SPAM, "deferred": OTHERS}
    assert world.done("hold", SCRIPT)["held"] == 0
    look = world.done("look", SCRIPT)
    assert (look["held_by_us"], look["folders"]) == (SPAM, {"hold": SPAM})
    assert world.done("release", SCRIPT) == {"released": SPAM, "queued_anew": 0, "gone": 0, "left": 0}
    assert world.folders() == {"deferred": SPAM + OTHERS}
    assert world.done("look", SCRIPT)["held_by_us"] == 0


def test_purge_only_what_was_held_for_that_suspect(world: World) -> None:
    assert world.done("purge", SCRIPT)["purged"] == 0
    by_hand = next(path.name for path in (world.spool / "deferred").rglob("*z*") if b"contact.php" in path.read_bytes())
    subprocess.run(["postsuper", "-c", f"{world.place}/etc", "-h", by_hand], check=True, capture_output=True)
    held = world.done("hold", SCRIPT)["held"]
    done = world.done("purge", SCRIPT)
    assert done["purged"] == held
    assert world.folders()["hold"] == 1
    assert world.folders()["deferred"] + held == SPAM + OTHERS - 1
    manifest = Path(done["manifest"]).read_text().splitlines()
    assert len(manifest) == held + 1
    assert len(list(Path(done["manifest"]).parent.glob("*.sample"))) == 20
    assert done["left"] == 1
    assert "name a suspect" in world.keep("purge", "everything:")["error"]


def test_what_is_old_is_queued_anew(world: World) -> None:
    os.umask(0o022)
    fill_postfix(world.place, lifetime="1h", start=int(time.time()) - 40_000)
    world.done("hold", SCRIPT)
    done = world.done("release", SCRIPT)
    assert done["queued_anew"] >= SPAM
    assert world.folders()["maildrop"] >= SPAM  # where pickup takes it from, under a new id and with a new time


def test_what_is_gone_is_said(world: World) -> None:
    world.done("hold", SCRIPT)
    for path in sorted((world.spool / "hold").iterdir())[:7]:
        path.unlink()
    assert world.done("release", SCRIPT)["gone"] == 7


def test_the_brake_and_one_who_is_let_go(world: World) -> None:
    assert world.done("hold", "everything:")["held"] == SPAM + OTHERS
    assert world.done("release", SCRIPT)["released"] == SPAM
    assert world.folders() == {"deferred": SPAM, "hold": OTHERS}
    world.done("hold", "everything:")
    assert world.done("hold", SCRIPT)["held"] == SPAM  # from now on for the suspect
    assert world.done("purge", SCRIPT)["purged"] == SPAM
    assert world.done("release", "everything:")["released"] == OTHERS


def test_short_ids_that_were_used_again_are_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between reading and holding, another message got the id: it goes on its way at once."""
    fill_postfix(world.place, steady="no")
    (server,) = servers.mail_servers()
    assert not server.steady
    real = search.search
    innocent = next(path for path in (world.spool / "deferred").rglob("*z*") if b"contact.php" not in path.read_bytes())

    looked_at: list[Container[str] | None] = []

    def raced(question: Question, seen: search.Seen) -> Iterator[list[Hit]]:
        looked_at.append(question.only)
        for hits in real(question, seen):
            yield [*hits, hits[0]._replace(queue_id=innocent.name)]

    monkeypatch.setattr(work, "search", raced)
    kept = Memory(secured(world.place / "kept"), claim(SCRIPT))
    with kept.alone():
        given, _ = work._hold_once(server, kept, work.Progress(print, "held"), 0)  # noqa: SLF001
    assert looked_at == [None, given]  # what lay there before is not read again in each pass
    assert not (world.spool / "hold" / innocent.name).exists()
    assert world.folders()["hold"] == SPAM


def test_hostile_files(world: World) -> None:
    """Links, names that look like options or lines, folders, pipes: none is touched, nothing breaks."""
    deferred = world.spool / "deferred"
    target = next((world.spool / "deferred").rglob("*z*"))
    (deferred / "4jLINKLINKzAA").symlink_to(target)
    (deferred / "-h").mkdir()
    (deferred / "ALL\nALL").write_bytes(target.read_bytes())
    (deferred / "-d ALL").write_bytes(target.read_bytes())
    os.mkfifo(deferred / "4jPIPEPIPEzAA")
    (deferred / "4jEMPTYEMPzAA").write_bytes(b"")
    before = {path for path in deferred.iterdir() if path.name.startswith(("4j", "-", "ALL"))}
    done = world.done("hold", SCRIPT)
    assert done["held"] == SPAM
    assert done["unread"] >= 4
    assert {path for path in deferred.iterdir() if path in before} == before


def test_nothing_of_a_strangers_can_be_an_id() -> None:
    feed = Feed(Server(Spool("/nowhere", "postfix"), "/nowhere", steady=True, lifetime=1.0), "hold")
    feed.give(["ALL", "-h", "a b", "", "x" * 70, "../../etc", "4jABC\nALL"])
    assert feed.given == 0
    feed.finish()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [("exec sleep 600", "ended"), ("exit 3", "ended early with 3"), ("exec 0<&-; exec sleep 600", "ended")],
)
def test_programs_that_hang_or_fail(world: World, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str) -> None:
    fake = world.place / "bin"
    fake.mkdir()
    (fake / "postsuper").write_text(f"#!/bin/sh\n{script}\n")
    (fake / "postsuper").chmod(0o755)
    monkeypatch.setitem(servers.ENVIRONMENT, "PATH", f"{fake}:{servers.ENVIRONMENT['PATH']}")
    monkeypatch.setattr(feeding, "PATIENCE", 0.5)
    monkeypatch.setenv("PATH", f"{fake}:{os.environ['PATH']}")
    assert sentence in world.keep("hold", SCRIPT)["error"]
    monkeypatch.undo()
    monkeypatch.setattr(servers, "_postfix_configs", lambda: [f"{world.place}/etc"])
    assert world.done("hold", SCRIPT)["held"] == SPAM  # and again, without the fault


@pytest.mark.usefixtures("world")
def test_a_program_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "PATIENCE", 0.3)
    (server,) = servers.mail_servers()
    feed = Feed(server, "hold")
    feed._postsuper = subprocess.Popen(["sleep", "30"], stdin=subprocess.PIPE)  # noqa: SLF001
    assert feed._postsuper.stdin  # noqa: SLF001
    os.set_blocking(feed._postsuper.stdin.fileno(), False)  # noqa: SLF001
    with pytest.raises(KeeperError, match="took nothing"):
        feed.give(["4jABCDEFGHzAA"] * 20_000)
    feed.stop()
    feed._postsuper.stdin.close()  # noqa: SLF001


def test_a_reader_that_dies_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_arguments: object) -> Iterator[bytes]:
        yield b"=0 0 0\n"
        raise RuntimeError

    monkeypatch.setattr(reading, "_blocks", dies)
    assert "ended early" in world.keep("hold", SCRIPT)["error"]


def test_what_reads_is_the_queues_own_user_and_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be root again, nor open what root alone may; what it reads of is the same queue."""
    (server,) = servers.mail_servers()
    secret, owner = world.place / "etc" / "secret", (world.spool / "active").stat()
    secret.touch(0o600)

    def tells(*_arguments: object) -> Iterator[bytes]:
        refused = 0
        for attempt in (lambda: os.setuid(0), lambda: os.setgroups([0]), secret.read_bytes):
            try:
                attempt()
            except PermissionError:
                refused += 1
        yield b"=%d %d %d\n" % (os.getuid(), len(os.getgroups()), refused)

    monkeypatch.setattr(reading, "_blocks", tells)
    seen = search.Seen()
    assert not list(search.search(Question(server, Whose.claimed(claim(SCRIPT)), reading.WAITING), seen))
    assert owner.st_uid
    assert (seen.files, seen.others, seen.unread) == (owner.st_uid, 1, 3)


@pytest.mark.usefixtures("world")
def test_parts_tile_the_queue() -> None:
    (server,) = servers.mail_servers()
    question = Question(server, Whose.claimed(claim(SCRIPT)), reading.WAITING)
    found = [
        line
        for part in range(3)
        for block in reading._blocks(question, (part, 3))  # noqa: SLF001
        for line in block.splitlines()
        if not line.startswith(b"=")
    ]
    assert len(found) == len(set(found)) == SPAM


def test_two_at_once_on_the_same_suspect(world: World) -> None:
    kept = Memory(secured(world.place / "kept"), claim(SCRIPT))
    with kept.alone():
        assert "being worked on" in world.keep("hold", SCRIPT)["error"]
    assert world.done("hold", SCRIPT)["held"] == SPAM


@pytest.mark.parametrize(
    "torn",
    [
        "\t4jHALF",
        "\t4jHALFHALFzAA\t179",
        "/half",
        "\t4jHALFHALFzAA\t1\t7",
        "\t4jHALFHALFzAA\t",
        "\t4jHALFHALFzAA\t1e-",
        "\t4jHALFHALFzAA\t\0\0",
    ],
)
def test_a_list_cut_short_by_a_crash(world: World, torn: str) -> None:
    """What is noted after it counts all the same."""
    kept = world.place / "kept"
    world.done("look", SCRIPT)
    Memory(kept, claim(SCRIPT))._base.with_suffix(".held").write_text(  # noqa: SLF001
        f"{world.place}/etc{torn}"
    )
    world.done("hold", SCRIPT)
    done = world.done("release", SCRIPT)
    assert (done["released"], done["left"]) == (SPAM, 0)
    assert world.folders() == {"deferred": SPAM + OTHERS}


@pytest.mark.parametrize(
    "words",
    [[], ["hold"], ["FOLDER", "burn", "account:a"], ["FOLDER", "hold", "account:a", "kill"],
     ["FOLDER", "hold", "--help"], ["FOLDER", "hold", "account:a", "60"], ["FOLDER", "wall", "client:192.0.2.1", "-1"],
     ["FOLDER", "hold", "account:a", "hold", "more"]],
)  # fmt: skip
def test_words_that_are_no_order(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert keeper.main([str(tmp_path) if word == "FOLDER" else word for word in words]) == 1
    assert json.loads(capsys.readouterr().out)["error"]


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_place = tmp_path / "open"
    open_place.mkdir()
    open_place.chmod(0o777)
    assert keeper.main([str(open_place / "kept"), "look", SCRIPT]) == 1
    assert "name a folder of root's own" in capsys.readouterr().out
    assert keeper.main(["/proc/nothing", "look", SCRIPT]) == 1


def test_by_sudo_it_uses_no_folder_but_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUDO_COMMAND", "/usr/local/bin/whosent-keeper look")
    assert keeper.main([str(tmp_path / "kept"), "look", SCRIPT]) == 1
    assert keeper.FOLDER in capsys.readouterr().out
    assert Containment().folder == keeper.FOLDER
    assert not (tmp_path / "kept").exists()


def test_no_mail_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(servers.ENVIRONMENT, "PATH", str(tmp_path))
    assert keeper.main([str(tmp_path / "kept"), "look", SCRIPT]) == 1
    assert "no mail server" in capsys.readouterr().out


def test_it_is_small_and_imports_nothing_of_others() -> None:
    """What runs with privileges can be read in an hour, and nothing that is installed can change it."""
    code = "import sys, whosent.keeper; print('\\n'.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("whosent.")}
    assert all(name.split(".")[1] in {"keeper", "model", "queues", "sources"} for name in ours), ours
    assert not {name.split(".")[0] for name in loaded} & {"msgspec", "typer", "rich", "jinja2", "zstandard", "duckdb"}
    files = [path for path in Path(keeper.__file__).parent.glob("*.py") if path.name != "reading.py"]  # no root, that
    assert sum(len(path.read_text().splitlines()) for path in files) < 1130  # for three mail servers


def test_the_tap_and_what_it_caught(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was held by the tap, and never noted, is ours to release and to purge; what an operator held is not."""
    turned: list[tuple[str, object]] = []
    monkeypatch.setattr(taps, "turn", lambda _server, wanted, will: turned.append((str(wanted), will)))
    home = world.place / "etc" / "whosent"
    home.mkdir()
    (home / "accounts.type").write_text("lmdb\n")
    spam = [path for path in (world.spool / "deferred").rglob("*z*") if b"cheap" in path.read_bytes()]
    by_hand, *caught = sorted(spam, key=postfix_time)
    shutil.move(by_hand, world.spool / "hold" / by_hand.name)
    assert world.done("close", SCRIPT)["servers"] == 1
    monkeypatch.setattr(memory, "_LATE", 5.0)
    Memory(world.place / "kept", claim(SCRIPT)).tapped(postfix_time(caught[-1]))
    shutil.move(caught[-1], world.spool / "hold" / caught[-1].name)
    assert world.done("look", SCRIPT)["held_by_us"] == 1
    world.done("open", SCRIPT)
    assert world.done("release", SCRIPT)["left"] == 1
    assert [path.name for path in (world.spool / "hold").iterdir()] == [by_hand.name]
    assert "brake is not on" not in world.done("open", SCRIPT)
    world.done("close", "everything:")
    assert world.done("pass", "account:bob@corp.test")["servers"] == 1
    world.done("open", "everything:")
    assert "brake is not on" in world.keep("pass", "account:bob@corp.test")["error"]
    assert turned == [
        (SCRIPT, "hold"), (SCRIPT, None), (SCRIPT, None), ("everything:", "hold"), ("account:bob@corp.test", "pass"),
        ("everything:", None),
    ]  # fmt: skip


def postfix_time(path: Path) -> float:
    """When it came, as its queue file says."""
    return postfix.letter(path.name, path.read_bytes()).arrived


def test_a_tap_that_cannot_be_closed_is_open(world: World) -> None:
    assert "whosent setup postfix" in world.keep("close", SCRIPT)["error"]
    assert world.done("open", SCRIPT) == {"servers": 0}
    assert Memory(world.place / "kept", claim(SCRIPT)).tap[1] is not None


def test_the_wall(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That nftables takes it is shown in the lab."""
    batches: list[str] = []
    monkeypatch.setattr(wall, "ask", lambda _argv, batch: batches.append(batch))
    for words in (("wall", "client:192.0.2.7", "60"), ("wall", "client:2001:db8::1"), ("unwall", "client:192.0.2.7")):
        assert keeper.main([str(tmp_path / "kept"), *words]) == 0
    assert "talkers4 { 192.0.2.7 timeout 60s }" in batches[0]
    assert "talkers6 { 2001:db8::1 timeout 3600s }" in batches[1]
    assert batches[2].rstrip().endswith("delete element inet whosent talkers4 { 192.0.2.7 }")
    assert keeper.main([str(tmp_path / "kept"), "wall", "account:a"]) == 1
    assert "only an address" in capsys.readouterr().out


def test_a_reading_process_says_what_it_found_and_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (server,) = servers.mail_servers()
    monkeypatch.setattr(os, "_exit", sys.exit)
    monkeypatch.setattr(reading, "_confined", lambda _pipe, question: question)  # else this process would
    monkeypatch.setattr(os, "nice", lambda _more: None)
    for broken in (False, True):
        ours, theirs = os.pipe()
        if broken:
            os.close(ours)
        with pytest.raises(SystemExit) as left:
            reading.run(theirs, Question(server, Whose.claimed(claim(SCRIPT)), reading.WAITING), (0, 1))
        os.close(theirs)
        assert left.value.code == int(broken)
        if not broken:
            with os.fdopen(ours, "rb") as pipe:
                assert pipe.read().count(b"\n") == SPAM + 1
    assert world.folders().total() == SPAM + OTHERS


def test_run_as_a_module(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "whosent.keeper", str(tmp_path / "kept"), "burn", "account:a"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, "usage" in done.stdout) == (1, True)
    with pytest.raises(SystemExit):
        runpy.run_module("whosent.keeper", run_name="__main__")


@pytest.mark.parametrize(
    ("text", "seconds"), [("5d", 432_000.0), ("3600s", 3600.0), ("2", 172_800.0), ("$x", 432_000.0)]
)
def test_lifetimes_as_postfix_writes_them(text: str, seconds: float) -> None:
    assert servers._seconds(text) == seconds  # noqa: SLF001


def test_instances_of_postfix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(servers, "_MAIN", str(tmp_path))
    (tmp_path / "main.cf").touch()
    monkeypatch.setattr(servers, "ask", lambda _argv: "/etc/postfix-out, /etc/postfix-in\n")
    monkeypatch.setattr(servers, "_program", lambda *_names: "/usr/sbin/postconf")
    assert servers._postfix_configs() == [str(tmp_path), "/etc/postfix-out", "/etc/postfix-in"]  # noqa: SLF001

    def never(_argv: object) -> str:
        raise KeeperError("no main.cf")

    monkeypatch.setattr(servers, "ask", never)
    assert servers._postfix_configs() == []  # noqa: SLF001
    (tmp_path / "main.cf").unlink()  # installed, never configured: asked for it, Postfix would pause
    assert servers._postfix_configs() == []  # noqa: SLF001
    monkeypatch.undo()
    with pytest.raises(KeeperError, match="did not answer"):
        servers.ask(["sleep", "30"], within=0.1)
    with pytest.raises(KeeperError, match="No such file"):
        servers.ask(["/nowhere/program"])


def test_exim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    os.umask(0o022)
    with readable_place() as place:
        fill_exim(place)
        monkeypatch.setattr(servers, "_postfix_configs", list)
        monkeypatch.setattr(work, "_PAUSE", 0.01)
        monkeypatch.setitem(servers.ENVIRONMENT, "PATH", f"{place}/bin:{servers.ENVIRONMENT['PATH']}")
        world = World(place, capsys)
        before = frozen(place)
        look = world.done("look", "account:bob@corp.test")
        waiting = look["folders"].get("input", 0)
        assert waiting
        assert world.done("hold", "account:bob@corp.test")["held"] == waiting
        assert world.done("hold", "account:bob@corp.test")["held"] == 0
        assert sum(frozen(place).values()) == sum(before.values()) + waiting
        assert world.done("release", "account:bob@corp.test")["released"] == waiting
        assert frozen(place) == before
        world.done("hold", "account:bob@corp.test")
        done = world.done("purge", "account:bob@corp.test")
        assert done["purged"] == waiting
        assert len(frozen(place)) == len(before) - waiting


def test_a_search_that_fails_leaves_no_program_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.done("hold", SCRIPT)
    feeds: list[Feed] = []

    def fails(_question: Question, _seen: search.Seen) -> Iterator[list[Hit]]:
        (server,) = servers.mail_servers()
        yield [
            Hit(one, time.time(), "hold", "") for one in memory.Memory(world.place / "kept", claim(SCRIPT)).held(server)
        ]
        raise KeeperError("it fails")

    def begun(*arguments: object) -> Feed:
        feeds.append(Feed(*arguments))  # type: ignore[arg-type]  # as given
        return feeds[-1]

    monkeypatch.setattr(work, "Feed", begun)
    monkeypatch.setattr(work, "search", fails)
    (server,) = servers.mail_servers()
    with pytest.raises(KeeperError, match="it fails"):
        work._give_back(server, claim(SCRIPT), set(Memory(world.place / "kept", claim(SCRIPT)).held(server)))  # noqa: SLF001
    assert "it fails" in world.keep("release", SCRIPT)["error"]
    started = [one._postsuper for one in feeds if one._postsuper]  # noqa: SLF001
    assert started
    for one in started:
        assert one.poll() is not None
        assert one.stdin
        one.stdin.close()
