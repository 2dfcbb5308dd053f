"""The check of forms on folders: each script once, worst first, with the way to close it; mended it is closed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from whosent.auditing import examine
from whosent.checks.forms import check
from whosent.model.check import Knowledge, Result, Target
from whosent.model.settings import Settings, Sites
from whosent.sources.prober import ask

SAMPLES = Path(__file__).parents[1] / "forms"


def told(folder: Path | str, roots: tuple[str, ...] = ()) -> dict[str, Result]:
    knowledge = Knowledge(settings=Settings(sites=Sites(web_roots=roots)), host="web")
    return {one.about: one for one in examine(check, Target(str(folder), here=True), knowledge, ask)}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES, tmp_path / "site"))


def test_each_script_is_told_once_with_its_lines_and_its_way_out(site: Path) -> None:
    found = told(site)
    guilty = {f"guilty/{one.name}" for one in (SAMPLES / "guilty").iterdir()}
    assert {name for name, one in found.items() if one.verdict == "open"} == guilty
    old = found["guilty/formmail-19.pl"]
    assert "is FormMail by Matt Wright 1.6 and sends what a visitor writes" in old.sentence
    assert "CVE-2001-0357" in old.why
    assert "keeps nobody out" in old.why
    assert old.fix[-1].title == "Replace the script"
    contact = found["guilty/contact-old.php"]
    assert contact.causes[0].line == 12
    assert contact.fix[0].undo == [f"chmod 644 -- {site}/guilty/contact-old.php"]
    assert "filter_var" in contact.fix[1].lines[0]
    assert contact.verify == f"whosent audit forms {site}"
    assert {found[name].verdict for name in found if name.startswith("undecided/")} == {"undecided"}
    assert "keep them in their place" in found["other scripts"].sentence


def test_mended_as_advised_it_is_closed(site: Path) -> None:
    script = site / "guilty" / "contact-old.php"
    lines = script.read_text().splitlines()
    lines[5:6] = told(script)[str(script)].fix[1].lines
    assert "header_injection" in lines[12]  # the name is the visitor's, too
    lines[4] = """$name = str_replace(["\\r", "\\n"], '', $_POST['name']);"""
    script.write_text("\n".join(lines))
    assert {one.verdict for one in told(script).values()} == {"closed"}


def test_what_is_missing_or_empty_is_said(tmp_path: Path) -> None:
    assert told("/nowhere/at/all", roots=("/nowhere/at/all",)) == {}
    assert told("/nowhere/at/all")[""].verdict == "undecided"
    assert "no script takes" in told(tmp_path)["other scripts"].sentence
    (tmp_path / "big.php").write_bytes(b"<?php mail($_POST['a'])" + b" " * 2_000_000)
    (tmp_path / "closed").mkdir()
    assert "longer than is followed" in told(tmp_path)["not looked at"].sentence


def test_targets_are_the_web_roots() -> None:
    settings = Settings(sites=Sites(web_roots=("/a", "/b")))
    assert [str(one) for one in check.targets(Knowledge(settings=settings))] == ["/a", "/b"]
