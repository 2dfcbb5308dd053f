"""What a reading process of the keeper says of its share: digests, what it could not read, what is gone meanwhile."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.keeper.kit import OTHERS, SAMPLES, SCRIPT, SPAM, fill_postfix, readable_place, why_not
from whosent.keeper import reading, search, servers
from whosent.keeper.reading import Hit, Known, Question, Whose
from whosent.keeper.servers import KeeperError, Server
from whosent.queues.belonging import claim
from whosent.sources import spools
from whosent.sources.spools import FORMS, Mta, Opened, Proven, Sought, Spool, Where, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def said(server: Server, suspect: str, among: tuple[str, ...]) -> tuple[list[list[str]], list[int]]:
    """The fields of each line, and files, others and unread in all."""
    lines = [
        line
        for block in reading._blocks(Question(server, Whose.claimed(claim(suspect)), among, digests=True), (0, 1))  # noqa: SLF001
        for line in block.decode().splitlines()
    ]
    counts = [list(map(int, line[1:].split())) for line in lines if line[0] == "="]
    return [line.split("\t") for line in lines if line[0] != "="], [sum(column) for column in zip(*counts, strict=True)]


def exim_of(place: Path) -> Server:
    shutil.copytree(SAMPLES / "input", place / "exim" / "input")
    return Server(Spool(f"{place}/exim", "exim"), "exim4", steady=True, lifetime=0.0)


@pytest.mark.lab
def test_digests_are_what_sha256sum_says_and_a_damaged_file_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    why_not("postsuper", "postconf")
    with readable_place() as place:
        fill_postfix(place)
        monkeypatch.setattr(servers, "_postfix_configs", lambda: [f"{place}/etc"])
        monkeypatch.setattr(reading, "_OFTEN", 10)
        (server,) = servers.mail_servers()
        deferred = place / "spool" / "deferred"
        (deferred / "4jABCDEFGHzAA").write_bytes(b"no queue file at all")
        (deferred / "no folder of Postfix").mkdir()
        (deferred / "no folder of Postfix" / "4jABCDEFGHzAB").write_bytes(b"x")
        found, (files, others, unread) = said(server, SCRIPT, reading.WAITING)
        assert (len(found), files, others, unread) == (SPAM, SPAM + OTHERS + 2, OTHERS, 2)
        for queue_id, _, folder, inner, digest, size in found[:5]:
            path = place / "spool" / folder / f"{inner}{queue_id}"
            told = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
            assert (digest, int(size)) == (told.split()[0], path.stat().st_size)


def test_exims_two_files_are_digested_together_and_frozen_ones_are_another_question(tmp_path: Path) -> None:
    server = exim_of(tmp_path)
    waiting, _ = said(server, "account:bob@corp.test", reading.WAITING)
    frozen, _ = said(server, "account:bob@corp.test", reading.HELD)
    everything, _ = said(server, "account:bob@corp.test", reading.ALL)
    assert waiting
    assert len(everything) == len(waiting) + len(frozen)
    queue_id, _, _, inner, digest, size = waiting[0]
    content = b"".join((tmp_path / "exim" / "input" / f"{inner}{queue_id}-{kind}").read_bytes() for kind in "HD")
    assert (digest, int(size)) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_message_that_leaves_while_it_is_read_is_not_told(tmp_path: Path) -> None:
    server = exim_of(tmp_path)
    every = reading._found(Question(server, Whose.claimed(claim("bounces:")), reading.ALL), (0, 1))  # noqa: SLF001
    found = [one for one, *_ in every if isinstance(one, Opened)]
    told = [reading._told(server, one, digests=True) for one in found]  # noqa: SLF001
    assert all(told)
    shutil.rmtree(tmp_path / "exim")
    assert [reading._told(server, one, digests=True) for one in found] == [b""] * len(found)  # noqa: SLF001


def test_what_did_not_change_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = exim_of(tmp_path)
    known: Known = {}
    question = Question(server, Whose.claimed(claim("account:bob@corp.test")), reading.WAITING, known=known)
    heads = list((tmp_path / "exim" / "input").rglob("*-H"))
    opened: list[str] = []

    def opens(spool: Spool, folder: str, where: Where, name: str, sought: Sought) -> object:
        opened.append(name)
        return message(spool, folder, where, name, sought)

    monkeypatch.setattr(reading, "message", opens)
    tick = reading._COARSE  # noqa: SLF001
    monkeypatch.setattr(reading, "_COARSE", 10**12)  # however long the copying took
    first = one_pass(question)
    monkeypatch.setattr(reading, "_COARSE", tick)
    assert len(opened) == 2 * len(heads)  # all that lies there
    assert not known  # too fresh: another change within the clock's tick could not be told from this one
    time.sleep(0.1)
    assert one_pass(question) == first
    left = {path.name for path in heads} - {f"{hit.queue_id}-H" for hit in first[0]}
    assert set(known) == left
    opened.clear()
    assert one_pass(question) == first
    assert left.isdisjoint(opened)
    changed = next(
        path for path in heads if b"\n-frozen " in path.read_bytes() and b"auth_id bob@" in path.read_bytes()
    )
    thawed = re.sub(rb"\n-frozen .*", b"", changed.read_bytes())
    changed.with_name("new").write_bytes(thawed)
    changed.with_name("new").replace(changed)  # as Exim writes it
    hits, seen = one_pass(question)
    assert {hit.queue_id for hit in hits} == {hit.queue_id for hit in first[0]} | {changed.name[:-2]}
    assert seen == first[1]


def test_text_that_looks_like_a_setting_freezes_nothing(tmp_path: Path) -> None:
    """A variable of an ACL holds whatever a stranger wrote."""
    server = exim_of(tmp_path)
    question = Question(server, Whose.claimed(claim("account:bob@corp.test")), reading.WAITING)
    hits, _ = one_pass(question)
    path = next((tmp_path / "exim" / "input").rglob(f"{hits[0].queue_id}-H"))
    text = b"x\n-frozen 1795776215\n-auth_id carol@corp.test\n"
    path.write_bytes(path.read_bytes().replace(b"\n-", b"\n-aclm forged %d\n%b\n-" % (len(text), text), 1))
    assert one_pass(question)[0] == hits


@pytest.mark.parametrize(("folder", "inner"), [("..", ""), ("hold", "../../"), ("hold", "a/../../../"), ("", "../")])
def test_what_is_no_place_in_a_queue_is_opened_nowhere(folder: str, inner: str, tmp_path: Path) -> None:
    server = Server(Spool(f"{tmp_path}/spool", "postfix"), "postfix", steady=True, lifetime=0.0)
    (tmp_path / "passwd").write_bytes(b"x")
    (tmp_path / "spool" / "hold" / "a").mkdir(parents=True)
    assert (tmp_path / "spool" / folder / inner / "passwd").stat().st_size
    sample = tmp_path / "sample"
    sample.write_bytes(b"another's")
    hit = Hit("passwd", 0.0, folder, inner)
    assert reading.digested(hit, server, sample=sample) == hit
    assert sample.read_bytes() == b"another's"


def test_no_link_below_the_queue_is_followed_to_what_is_roots(tmp_path: Path) -> None:
    """Whose folders those are may put one where a folder was; a pipe is no file either."""
    server = Server(Spool(f"{tmp_path}/spool", "postfix"), "postfix", steady=True, lifetime=0.0)
    (tmp_path / "shadow").write_bytes(b"secret")
    (tmp_path / "spool" / "hold" / "B").mkdir(parents=True)
    (tmp_path / "spool" / "hold" / "A").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "spool" / "hold" / "B" / "shadow")
    sample = tmp_path / "sample"
    for inner in ("A/", "B/"):
        hit = Hit("shadow", 0.0, "hold", inner)
        assert reading.digested(hit, server, sample=sample) == hit
        assert not sample.read_bytes()


@pytest.mark.parametrize("mta", ["exim", "postfix"])
def test_a_folder_that_is_a_link_is_said_and_not_taken_for_an_empty_one(mta: Mta, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "spool" / ("input" if mta == "exim" else "deferred")).symlink_to(tmp_path / "kept")
    (tmp_path / "spool" / "active").mkdir()
    server = Server(Spool(f"{tmp_path}/spool", mta), mta, steady=True, lifetime=0.0)
    with pytest.raises(KeeperError, match="one of them is a link"):
        list(search.search(Question(server, Whose.claimed(claim(SCRIPT)), reading.WAITING), search.Seen()))


_WHEN = "\t1795776215.000000\t"


@pytest.mark.parametrize(
    "line",
    [f"../victim{_WHEN}hold\t\t\t0", f"4jABCDEFGHzAA{_WHEN}hold\t../\t\t0", f"4jABCDEFGHzAA{_WHEN}..\t\t\t0",
     "4jABCDEFGHzAA\tnan\thold\t\t\t0", "4jABCDEFGHzAA\tinf\thold\t\t\t0", f"4jABCDEFGHzAA{_WHEN}hold\t\tx\t0",
     f"4jABCDEFGHzAA{_WHEN}hold\t\t\t" + "9" * 5000, "4jABCDEFGHzAA", "", "=1 2", "+name\t1", "\xe9",
     "=1 1 " + "9" * 4000, "x" * 10_000, f"4jABCDEFGHzAA{_WHEN}frozen\t\t\t0", f"4jABCDEFGHzAA{_WHEN}hold\t\t\t0\r",
     f"4jABCDEFGHzAA{_WHEN}hold\t\t\t0\x0b4jABCDEFGHzAB{_WHEN}hold\t\t\t0",
     f"1vabcd-000000000AA-0000{_WHEN}hold\t\t\t0", f"4jABCDEFGHzAA{_WHEN}hold\t{'a/' * 6}\t\t0",
     "+4jABCDEFGHzAA\t1\t1\t1\t2",
     f"4jABCDEFGHzAA{_WHEN}hold\t\t\t٣"],
)  # fmt: skip
def test_what_none_of_our_processes_says_ends_it(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who took one over can name a message, and nothing else."""
    for folder in reading.ALL:
        (tmp_path / folder).mkdir(exist_ok=True)
    server = Server(Spool(f"{tmp_path}", "postfix"), "postfix", steady=True, lifetime=0.0)
    monkeypatch.setattr(reading, "_blocks", lambda *_: iter([(line + "\n" * (len(line) != 10_000)).encode()]))
    found = search.search(Question(server, Whose.claimed(claim(SCRIPT)), reading.WAITING, known={}), search.Seen())
    with pytest.raises(KeeperError, match="said what it never says"):
        list(found)


IDS = {"postfix": "4jABCDEFGHzAA", "exim": "1vabcd-000000000AA-0000", "sendmail": "6ARBD6gi000148"}
LINES = st.one_of(
    st.tuples(
        st.sampled_from([*IDS.values(), *IDS.values(), "-d", "ALL", "", "ALL\n4jABCDEFGHzAA"]),
        st.sampled_from(["1795776215.954966", "0.000010", "0.000010", "nan", "-1.000000", "1795776215"]),
        st.sampled_from(["hold", "active", "input", "frozen", "queue", "quarantined", "..", ""]),
        st.sampled_from(["", "", "A/", "a/b/", "../", "/", "A"]),
        st.sampled_from(["", "", "0f" * 32, "0F" * 32, "0f"]),
        st.sampled_from(["0", "320", "320", "-1", "3 20", "9" * 40]),
    ).map("\t".join),
    st.sampled_from(["=1 2 3", "=1 2", "+1vabcd-000000000AA-0000-H\t1\t2\t3\t1", "+\t1\t2\t3\t1", ""]),
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\x0b", "\x1c", "\n\n", ""])


@given(st.lists(st.tuples(LINES, ENDS), max_size=3), st.sampled_from(list(FORMS)))
def test_what_has_the_form_says_nothing_else(told: list[tuple[str, str]], mta: Mta) -> None:
    """Each line that passes is counted, or names one message by the form of an id, in a folder of its queue."""
    server = Server(Spool("/nowhere", mta), mta, steady=True, lifetime=0.0)
    block = "".join(line + end for line, end in told)
    if not reading.SAID[mta].fullmatch(block):
        return
    seen, known = search.Seen(), Known()
    question = Question(server, Whose.claimed(claim(SCRIPT)), reading.ALL, known=known)
    lines = block.splitlines()
    assert "".join(f"{line}\n" for line in lines) == block
    for line in lines:
        hit = search._line(line, seen, question)  # noqa: SLF001
        assert (hit is None) == (line[0] in "=+")
        assert hit is None or (hit.told(server) == f"{line}\n" and hit.paths(server))
    assert (seen.files, seen.unread) == (lines.count("=1 2 3"), 3 * lines.count("=1 2 3"))


@pytest.mark.parametrize(("mta", "folder"), [("postfix", "hold"), ("exim", "frozen"), ("sendmail", "quarantined")])
def test_a_line_is_read_as_it_was_told(mta: Mta, folder: str) -> None:
    server = Server(Spool("/nowhere", mta), mta, steady=True, lifetime=0.0)
    question = Question(server, Whose.claimed(claim(SCRIPT)), reading.ALL)
    for hit in (Hit(IDS[mta], 1795776215.954966, folder, ""), Hit(IDS[mta], 0.0, folder, "A/b/", "0f" * 32, 10**12)):
        line = hit.told(server)
        assert reading.SAID[mta].fullmatch(line + "=1 0 0\n" + line)
        assert search._line(line.rstrip("\n"), search.Seen(), question) == hit  # noqa: SLF001
        assert not hit._replace(folder="elsewhere").told(server)
        assert not hit._replace(queue_id="../../etc").paths(server)


@pytest.mark.parametrize("mta", ["exim", "sendmail"])
def test_what_is_asked_for_is_told_by_what_it_says(mta: Mta) -> None:
    """Not by which object it is: the wheel's compiled code makes them anew."""
    server = Server(Spool("/nowhere", mta), mta, steady=True, lifetime=0.0)
    for among, frozen in ((reading.ALL, None), (reading.HELD, True), (reading.WAITING, False)):
        another = list(among)
        assert Question(server, Whose.claimed(claim("account:a")), another).frozen is frozen


def test_only_these_are_opened(tmp_path: Path) -> None:
    (tmp_path / "hold").mkdir()
    for number in range(30):
        (tmp_path / "hold" / f"ABCDEF{number:02}").write_bytes(b"x")
    server = Server(Spool(f"{tmp_path}", "postfix"), "postfix", steady=False, lifetime=0.0)
    question = Question(server, Whose.claimed(claim(SCRIPT)), reading.HELD, only={"ABCDEF07"})
    assert [name for _, name, _ in reading._found(question, (0, 1))] == ["ABCDEF07"]  # noqa: SLF001


def test_a_file_that_is_called_as_no_message_is_stops_nothing(tmp_path: Path) -> None:
    server = Server(Spool(f"{tmp_path}", "postfix"), "postfix", steady=True, lifetime=0.0)
    found = Proven(1.0, (f"{tmp_path}/hold", "x" * 70, "x" * 70, "hold", ""), 1, b"x")
    assert not reading._told(server, found, digests=False)  # noqa: SLF001


def test_a_long_envelope_is_digested_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "_READS", 1)
    server = exim_of(tmp_path)
    queue_id, _, _, inner, *_ = said(server, "account:bob@corp.test", reading.WAITING)[0][0]
    head = tmp_path / "exim" / "input" / f"{inner}{queue_id}-H"
    body = b"x" * 70 + b"\n"
    head.write_bytes(head.read_bytes() + b"%03d  X: %b" % (3 + len(body), body) * 2_000)
    content = head.read_bytes() + head.with_name(f"{queue_id}-D").read_bytes()
    (line,) = [one for one in said(server, "account:bob@corp.test", reading.WAITING)[0] if one[0] == queue_id]
    assert line[4:] == [hashlib.sha256(content).hexdigest(), str(len(content))]


@pytest.mark.parametrize("mta", ["exim", "postfix"])
def test_a_queue_is_read_where_its_user_cannot_go(mta: Literal["exim", "postfix"], tmp_path: Path) -> None:
    """Root's own folder above it is no hindrance for Postfix either; a closed folder of the queue is said."""
    why_not("true")
    place = tmp_path / "root's own" / "spool"
    place.mkdir(parents=True)
    place.parent.chmod(0o700)
    for path in [place] if mta == "exim" else [place / one for one in ("active", "deferred", "incoming", "deferred/A")]:
        path.mkdir(exist_ok=True)
        os.chown(path, 65_534, 65_534)
    names = ["4jABCDEFGHzAA", "4jABCDEFGHzAB"] if mta == "postfix" else ["1vabcd-000000000AA-0000-H"]
    for name in names:
        (place / ("deferred" if mta == "postfix" else "") / name).write_bytes(b"damaged")
    server = Server(Spool(f"{place}", mta), mta, steady=True, lifetime=0.0)
    question = Question(server, Whose.claimed(claim("account:a")), reading.WAITING)
    seen = search.Seen()
    assert not list(search.search(question, seen))
    assert (seen.files, seen.total) == (len(names), len(names))
    if mta == "postfix":
        os.chown(place / "deferred" / "A", 0, 0)
        (place / "deferred" / "A").chmod(0o700)
        again = search.Seen()
        assert not list(search.search(question, again))
        assert again.unread == len(names) + 1
        (place / "deferred").chmod(0o700)
        os.chown(place / "deferred", 0, 0)
    else:
        place.chmod(0o000)
    with pytest.raises(KeeperError, match="may not open the folders"):
        list(search.search(question, search.Seen()))


def test_what_reads_keeps_none_of_roots_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = exim_of(tmp_path)
    left = tmp_path / "left"
    left.mkdir()
    left.chmod(0o777)

    def tells(*_arguments: object) -> Iterator[bytes]:
        names = [os.path.realpath(one.path) for one in os.scandir("/proc/self/fd")]
        others = [one for one in names if one != os.devnull and not one.startswith("/proc/")]
        yield b"=%d %d 0\n" % (len(others), sum("pipe:" in one for one in names))

    monkeypatch.setattr(reading, "_blocks", tells)
    with (left / "of root").open("wb"):
        seen = search.Seen()
        assert not list(search.search(Question(server, Whose.claimed(claim("account:a")), reading.ALL), seen))
    assert (seen.files, seen.others) == (0, 1)


def one_pass(question: Question) -> tuple[list[Hit], tuple[int, int, int]]:
    seen = search.Seen()
    lines = [line for block in reading._blocks(question, (0, 1)) for line in block.decode().splitlines()]  # noqa: SLF001
    hits = [hit for line in lines if (hit := search._line(line, seen, question))]  # noqa: SLF001
    return sorted(hits), (seen.files, seen.others, seen.unread)


@pytest.mark.parametrize("owner", [0, 65_534, 60_321])
def test_the_queue_is_entered_before_root_is_given_up(
    owner: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By this process, which goes nowhere in truth: that the kernel heeds it is shown above."""
    why_not("true")
    (tmp_path / "active").mkdir()
    os.chown(tmp_path / "active", owner, owner)
    monkeypatch.chdir(tmp_path)  # and back
    done: list[str] = []
    for name in ("dup2", "closerange", "chdir", "setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(os, name, lambda *how, name=name: done.append(f"{name} {how[-1]}"))
    server = Server(Spool(f"{tmp_path}", "postfix"), "postfix", steady=True, lifetime=0.0)
    question = reading._confined(9, Question(server, Whose.claimed(claim("account:a")), reading.ALL))  # noqa: SLF001
    assert question.server.spool == Spool(".", "postfix")
    assert done[:3] == ["dup2 0", "dup2 1", "dup2 2"]
    assert done[3] == "closerange 9"
    assert done[5] == f"chdir {tmp_path}"
    assert done[6:] == ([f"setgroups [{owner}]", f"setresgid {owner}", f"setresuid {owner}"] if owner else [])


@pytest.mark.parametrize("linked", [True, False])
def test_whose_the_spool_is_cannot_have_it_read_as_root(
    linked: bool,  # noqa: FBT001  # what is tried
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exim's user owns its spool, and can put a folder of root's, or a link to one, where the queue was."""
    why_not("true")
    (tmp_path / "spool").mkdir()
    (tmp_path / "root's").mkdir()
    if linked:
        (tmp_path / "spool" / "input").symlink_to(tmp_path / "root's")
        os.lchown(tmp_path / "spool" / "input", 0, 0)
    else:
        (tmp_path / "spool" / "input").mkdir()
    os.chown(tmp_path / "spool", 65_534, 65_534)
    done: list[str] = []
    for name in ("setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(os, name, lambda *how, name=name: done.append(f"{name} {how[-1]}"))
    reading._give_up_root(Spool(f"{tmp_path}/spool", "exim"))  # noqa: SLF001
    assert done[-1:] == ["setresuid 65534"]


def test_a_closed_folder_is_counted_once_and_one_of_the_queues_own_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(Spool(f"{tmp_path}", "postfix"), "postfix", steady=True, lifetime=0.0)
    question = Question(server, Whose.claimed(claim("account:a")), reading.HELD)
    closed = f"{tmp_path}/hold/A"

    def folders(_spool: Spool, refused: Callable[[str], object], _among: object) -> Iterator[None]:
        refused(closed)
        yield from ()

    monkeypatch.setattr(reading, "folders", folders)
    counts = [list(reading._blocks(question, (part, 2))) for part in range(2)]  # noqa: SLF001
    assert counts == [[b"=1 0 1\n"], [b"=0 0 0\n"]]
    closed = f"{tmp_path}/hold"
    with pytest.raises(PermissionError):
        list(reading._blocks(question, (0, 1)))  # noqa: SLF001
    monkeypatch.setattr(reading, "_confined", lambda _pipe, asked: asked)
    monkeypatch.setattr(os, "nice", lambda _more: None)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as left:
        reading.run(-1, question, (0, 1))
    assert left.value.code == reading.CLOSED
