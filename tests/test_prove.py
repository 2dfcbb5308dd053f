"""What is tried once more alone has passed only where it was run and passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import prove

if TYPE_CHECKING:
    from pathlib import Path

_SECOND = "import pathlib, pytest\np = pathlib.Path('seen')\nseen = p.exists()\np.touch()\n"


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        ("def test_it():\n    assert seen\n", True),
        ("def test_it():\n    assert 0\n", False),
        ("def test_it():\n    if seen:\n        pytest.skip('not alone')\n    assert 0\n", False),
        ("assert seen\ndef test_it():\n    pass\n", False),
    ],
    ids=["unsteady", "broken", "skipped-alone", "not-read"],
)
def test_only_what_passes_alone_is_unsteady(
    body: str,
    passes: bool,  # noqa: FBT001  # what is expected
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "test_it.py").write_text(_SECOND + body)
    monkeypatch.setattr(prove, "ROOT", tmp_path)
    monkeypatch.setattr(prove, "FAILED", tmp_path / ".pytest_cache" / "v" / "cache" / "lastfailed")
    monkeypatch.setattr(prove, "ALONE", tmp_path / "alone.xml")
    monkeypatch.setattr(prove, "_SPREAD", ())
    if passes:
        prove.tests("test_it.py")
    else:
        with pytest.raises(SystemExit):
            prove.tests("test_it.py")
    assert ("UNSTEADY" in capfd.readouterr().out) == passes
