"""Web roots as strangers leave them: links in circles, files nobody may read, odd names, huge and binary ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.forms.scripts import script
from whosent.model.check import Knowledge
from whosent.model.settings import Settings
from whosent.model.site import Scanned, Scripts
from whosent.sources.prober import ask
from whosent.sources.web_roots import scan

GUILTY = (Path(__file__).parents[1] / "forms" / "guilty" / "bcc-field.php").read_bytes()
WORDS = [
    b"<?php ", b"$_POST['a']", b"mail(", b")", b"$x = ", b";", b"{", b"}", b"(", b"if (",
    b"foreach ($_POST as $k => $v)", b'"$x\\n"',
    b"preg_replace('/(a+)+$/', '', $x)", b"function f($a) ", b"f($x)",
    b"<<<EOT\n$x\nEOT;\n", b"\xff\0", b"#!/usr/bin/perl\n",
    b"print MAIL ", b"open(MAIL, '|sendmail -t');", b"$q->param('x')",
    b"import smtplib, cgi\n", b"def f(a):\n ", b"return ",
]  # fmt: skip


def found(folder: Path | str, **more: float) -> Scanned:
    [answer] = ask([Scripts(key="k", folder=str(folder), **more)], Knowledge(settings=Settings()))  # type: ignore[arg-type]  # limits
    assert isinstance(answer, Scanned)
    return answer


def test_a_tree_with_circles_and_odd_files_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "b" / "form.php").write_bytes(GUILTY)
    (tmp_path / "again.php").symlink_to(tmp_path / "a" / "b" / "form.php")
    (tmp_path / "gone.php").symlink_to(tmp_path / "nothing")
    (tmp_path / "endless.php").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.php")
    (tmp_path / "picture.jpg").write_bytes(GUILTY)
    (tmp_path / "binary.php").write_bytes(b"\0" + GUILTY)
    (tmp_path / "huge.php").write_bytes(GUILTY + b" " * 5_000)
    answer = found(tmp_path, most_bytes=4_000)
    assert [Path(one.path).name for one in answer.scripts] in (["form.php"], ["again.php"])
    assert answer.too_large == 1
    assert answer.problem is None


def test_names_that_are_no_words_are_spelled_out_and_reach_no_command(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff\x1b[31m<b>.php"
    Path(os.fsdecode(odd)).write_bytes(GUILTY)
    [one] = found(tmp_path).scripts
    assert one.path.endswith("\\xff\\x1b[31m<b>.php")
    assert not one.plain


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_counted(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    assert found(tmp_path).unreadable == 1


def test_limits_are_said(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.php").write_bytes(GUILTY)
    assert "more than 5 files" in found(tmp_path, most_files=5).cut
    assert "seconds were over" in found(tmp_path, within=-1.0).cut


def test_one_file_may_be_named_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "form.php").write_bytes(GUILTY)
    assert len(found(tmp_path / "form.php").scripts) == 1
    for name, obstacle in (("/nowhere/at/all", "missing"), ("/dev/null", "protocol"), ("a\0b", "missing")):
        answer = scan(Scripts(key="k", folder=name))
        assert answer.problem
        assert answer.problem.obstacle == obstacle


@given(st.lists(st.sampled_from(WORDS), max_size=60), st.sampled_from(["x.php", "x.pl", "x.py", "x.cgi", "x"]))
@settings(max_examples=200)
def test_any_script_is_followed_or_said_not_to_be(words: list[bytes], name: str) -> None:
    source = b"".join(words)
    told = script(name, source)
    if told is not None:
        lines = source.count(b"\n") + 1
        assert all(1 <= risk.line <= lines for risk in told.risks)


@pytest.mark.parametrize(("name", "source"), [
    ("deep.php", b"<?php mail($_POST['a'], 'x', " + b"(" * 30_000 + b"1" + b")" * 30_000 + b");"),
    ("blocks.php", b"<?php " + b"if ($_POST['a']) {" * 5_000 + b"mail($a, $b, $c);" + b"}" * 5_000),
    ("long.php", b"<?php $x = $_POST['a'];" + b'$x .= "$x$x";' * 9_000 + b"mail($x, $x, $x, $x);"),
    ("calls.php", b"<?php " + b"".join(b"function f%d($a) { f%d($a); f%d($a); }" % (n, n + 1, n + 1) for n in range(60))
     + b"f0($_POST['a']); mail($a, 'x', 'y');"),
    ("hash.pl", b"#!/usr/bin/perl\nuse CGI;\nopen(MAIL, '|sendmail -t');"
     + b"$h{$k} = param('x'); print MAIL $h{a};" * 1_200),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_scripts_made_to_choke_are_bounded(name: str, source: bytes) -> None:
    spent = time.process_time()  # of this process, whatever else the machine does
    script(name, source)
    assert time.process_time() - spent < 60
