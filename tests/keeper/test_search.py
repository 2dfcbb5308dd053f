"""What a reading process of the keeper says of its share: digests, what it could not read, what is gone meanwhile."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.keeper.kit import OTHERS, SAMPLES, SCRIPT, SPAM, fill_postfix, readable_place, why_not
from whosent.keeper import reading, search, servers
from whosent.keeper.reading import Hit, Known, Question, Whose
from whosent.keeper.servers import Server
from whosent.queues.belonging import claim
from whosent.sources.spools import Opened, Sought, Spool, Where, message


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
    first = one_pass(question)
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
    assert reading.digested(Hit("passwd", 0.0, folder, inner), server, sample=tmp_path / "sample").size == 0


def one_pass(question: Question) -> tuple[list[Hit], tuple[int, int, int]]:
    seen = search.Seen()
    lines = [line for block in reading._blocks(question, (0, 1)) for line in block.decode().splitlines()]  # noqa: SLF001
    known = {} if question.known is None else question.known
    hits = [hit for line in lines if (hit := search._line(line, seen, known))]  # noqa: SLF001
    return sorted(hits), (seen.files, seen.others, seen.unread)
