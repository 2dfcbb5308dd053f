"""The keeper on real queues: it holds the suspect's mail and nobody else's, whatever lies there and whoever asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.keeper.kit import OTHERS, SCRIPT, SPAM, World, fill_exim, fill_postfix, frozen, readable_place, why_not
from whosent import keeper
from whosent.keeper import search, servers, work
from whosent.keeper.memory import Memory, secured
from whosent.keeper.servers import Feed, KeeperError, Server
from whosent.queues.belonging import claim, judge
from whosent.sources.spools import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    def raced(*arguments: object) -> Iterator[list[search.Hit]]:
        for hits in real(*arguments):  # type: ignore[arg-type]  # as given
            yield [*hits, hits[0]._replace(queue_id=innocent.name)]

    monkeypatch.setattr(work, "search", raced)
    memory = Memory(secured(world.place / "kept"), claim(SCRIPT))
    with memory.alone():
        work._hold_once(server, memory, work.Progress(print, "held"), 0)  # noqa: SLF001
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
    [("exec sleep 30", "ended"), ("exit 3", "ended early with 3"), ("exec 0<&-; exec sleep 30", "ended")],
)
def test_programs_that_hang_or_fail(world: World, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str) -> None:
    fake = world.place / "bin"
    fake.mkdir()
    (fake / "postsuper").write_text(f"#!/bin/sh\n{script}\n")
    (fake / "postsuper").chmod(0o755)
    monkeypatch.setitem(servers.ENVIRONMENT, "PATH", f"{fake}:{servers.ENVIRONMENT['PATH']}")
    monkeypatch.setattr(servers, "PATIENCE", 0.5)
    monkeypatch.setenv("PATH", f"{fake}:{os.environ['PATH']}")
    began = time.monotonic()
    assert sentence in world.keep("hold", SCRIPT)["error"]
    assert time.monotonic() - began < 10
    monkeypatch.undo()
    monkeypatch.setattr(servers, "_postfix_configs", lambda: [f"{world.place}/etc"])
    assert world.done("hold", SCRIPT)["held"] == SPAM  # and again, without the fault


@pytest.mark.usefixtures("world")
def test_a_program_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "PATIENCE", 0.3)
    (server,) = servers.mail_servers()
    feed = Feed(server, "hold")
    feed._postsuper = subprocess.Popen(["sleep", "30"], stdin=subprocess.PIPE)  # noqa: SLF001
    assert feed._postsuper.stdin  # noqa: SLF001
    os.set_blocking(feed._postsuper.stdin.fileno(), False)  # noqa: SLF001
    with pytest.raises(KeeperError, match="took nothing"):
        feed.give(["4jABCDEFGHzAA"] * 20_000)
    feed._postsuper.stdin.close()  # noqa: SLF001


def test_a_reader_that_dies_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_arguments: object) -> Iterator[bytes]:
        yield b""
        raise RuntimeError

    monkeypatch.setattr(search, "_blocks", dies)
    assert "ended early" in world.keep("hold", SCRIPT)["error"]


@pytest.mark.usefixtures("world")
def test_parts_tile_the_queue() -> None:
    (server,) = servers.mail_servers()
    mine = judge(claim(SCRIPT))
    found = [
        line
        for part in range(3)
        for block in search._blocks(server, mine, search.WAITING, part, 3)  # noqa: SLF001
        for line in block.splitlines()
        if not line.startswith(b"=")
    ]
    assert len(found) == len(set(found)) == SPAM


def test_two_at_once_on_the_same_suspect(world: World) -> None:
    memory = Memory(secured(world.place / "kept"), claim(SCRIPT))
    with memory.alone():
        assert "being worked on" in world.keep("hold", SCRIPT)["error"]
    assert world.done("hold", SCRIPT)["held"] == SPAM


def test_a_list_cut_short_by_a_crash(world: World) -> None:
    world.done("hold", SCRIPT)
    (held,) = (world.place / "kept").glob("*.held")
    with held.open("ab") as file:
        file.write(f"{world.place}/etc\t4jHALF".encode())
    assert world.done("release", SCRIPT) == {"released": SPAM, "queued_anew": 0, "gone": 0, "left": 0}


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
    assert not {name.split(".")[0] for name in loaded} & {"msgspec", "typer", "rich", "jinja2", "zstandard", "sqlite3"}
    lines = sum(len(path.read_text().splitlines()) for path in Path(keeper.__file__).parent.glob("*.py"))
    assert lines < 1000


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
        assert sum(frozen(place).values()) == sum(before.values()) + waiting
        assert world.done("release", "account:bob@corp.test")["released"] == waiting
        assert frozen(place) == before
        world.done("hold", "account:bob@corp.test")
        done = world.done("purge", "account:bob@corp.test")
        assert done["purged"] == waiting
        assert len(frozen(place)) == len(before) - waiting
