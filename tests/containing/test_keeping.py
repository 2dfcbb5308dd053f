"""The way to the keeper, and the site's own commands: bounded in time, and a name stays within its word."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.responders import command
from whosent.responders.keeping import Keeper


def keeper(monkeypatch: pytest.MonkeyPatch, code: str, patience: float = 5.0) -> Keeper:
    found = Keeper(Containment(), patience)
    monkeypatch.setattr(found, "_command", lambda: [sys.executable, "-c", code])
    return found


def test_progress_then_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "assert sys.argv[2:] == ['hold', 'account:a', 'refuse']"
    code = f'import sys; {wanted}; print(\'{{"held": 1}}\'); print(\'{{"done": {{"held": 2}}}}\')'
    heard: list[object] = []
    assert keeper(monkeypatch, code).call("hold", "account:a", "refuse", heard.append) == {"held": 2}
    assert heard == [{"held": 1}]


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ('print(\'{"error": "no such thing"}\')', "no such thing"),
        ("import sys; sys.exit(4)", "ended with 4 and said nothing"),
        ("import time; time.sleep(30)", "said nothing for 0 seconds"),
        ("import time; print('{\"done\": {}}', flush=True); time.sleep(30)", ""),
    ],
)
def test_a_keeper_that_fails_or_hangs(monkeypatch: pytest.MonkeyPatch, code: str, sentence: str) -> None:
    monkeypatch.setattr("whosent.responders.keeping._MOMENT", 0.2)
    one = keeper(monkeypatch, code, 0.4 if "sleep" in code and sentence else 60.0)
    if sentence:
        with pytest.raises(Mistake, match=sentence):
            one.call("look", "account:a")
    else:
        assert one.call("look", "account:a") == {}


def test_how_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Keeper(Containment())._command()[0] == sys.executable  # noqa: SLF001
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert Keeper(Containment())._command() == ["sudo", "-n", "whosent-keeper"]  # noqa: SLF001
    with pytest.raises(Mistake, match="cannot be run"):
        Keeper(Containment(keeper="/nowhere/keeper")).call("look", "account:a")


def test_a_name_stays_within_its_word(tmp_path: Path) -> None:
    name = "a b; touch x $(id) `id` && \"'"
    assert command.argv("lock --user={name} {name}", name) == ["lock", f"--user={name}", name]
    for wrong in ("", "-rf", "a\nb"):
        with pytest.raises(Mistake, match="run the command by hand"):
            command.argv("lock {name}", wrong)
    assert not list(tmp_path.iterdir())


def test_commands_that_hang_or_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.containing.kit import ALICE, CLAIM, desk  # noqa: PLC0415  # only here
    from whosent.responders import Wish  # noqa: PLC0415

    monkeypatch.setattr(command, "_WITHIN", 0.2)
    for number, (line, sentence) in enumerate((("sleep 30", "did not end"), ("/nowhere/lock {name}", "No such file"))):
        settings = Containment(contain_account=line, release_account="true")
        place, _ = desk(tmp_path / str(number), settings)
        done = place.contain(place.plan(Wish(ALICE, CLAIM, refuse=False, wall=False, hours=0)))
        assert sentence in done.problems[0]
