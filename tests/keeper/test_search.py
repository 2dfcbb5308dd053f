"""What a reading process of the keeper says of its share: digests, what it could not read, what is gone meanwhile."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.keeper.kit import OTHERS, SAMPLES, SCRIPT, SPAM, fill_postfix, readable_place, why_not
from whosent.keeper import search, servers
from whosent.keeper.servers import Server
from whosent.queues.belonging import claim
from whosent.sources.spools import Opened, Spool


def said(server: Server, suspect: str, among: tuple[str, ...]) -> tuple[list[list[str]], list[int]]:
    """The fields of each line, and files, others and unread in all."""
    lines = [
        line
        for block in search._blocks(server, search.Whose.claimed(claim(suspect)), among, (0, 1), digests=True)  # noqa: SLF001
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
        monkeypatch.setattr(search, "_OFTEN", 10)
        (server,) = servers.mail_servers()
        deferred = place / "spool" / "deferred"
        (deferred / "4jABCDEFGHzAA").write_bytes(b"no queue file at all")
        (deferred / "no folder of Postfix").mkdir()
        (deferred / "no folder of Postfix" / "4jABCDEFGHzAB").write_bytes(b"x")
        found, (files, others, unread) = said(server, SCRIPT, search.WAITING)
        assert (len(found), files, others, unread) == (SPAM, SPAM + OTHERS + 2, OTHERS, 2)
        for queue_id, _, folder, inner, digest, size in found[:5]:
            path = place / "spool" / folder / f"{inner}{queue_id}"
            told = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
            assert (digest, int(size)) == (told.split()[0], path.stat().st_size)


def test_exims_two_files_are_digested_together_and_frozen_ones_are_another_question(tmp_path: Path) -> None:
    server = exim_of(tmp_path)
    waiting, _ = said(server, "account:bob@corp.test", search.WAITING)
    frozen, _ = said(server, "account:bob@corp.test", search.HELD)
    everything, _ = said(server, "account:bob@corp.test", search.ALL)
    assert waiting
    assert len(everything) == len(waiting) + len(frozen)
    queue_id, _, _, inner, digest, size = waiting[0]
    content = b"".join((tmp_path / "exim" / "input" / f"{inner}{queue_id}-{kind}").read_bytes() for kind in "HD")
    assert (digest, int(size)) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_message_that_leaves_while_it_is_read_is_not_told(tmp_path: Path) -> None:
    server = exim_of(tmp_path)
    every = search._found(server, lambda _name, _head: None, search.ALL, (0, 1))  # noqa: SLF001
    found = [one for one in every if isinstance(one, Opened)]
    told = [search._told(server, one, digests=True) for one in found]  # noqa: SLF001
    assert all(told)
    shutil.rmtree(tmp_path / "exim")
    assert [search._told(server, one, digests=True) for one in found] == [b""] * len(found)  # noqa: SLF001
