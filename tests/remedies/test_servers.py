"""The steps of every mail server: shell that parses, names that stay names, an undo for each change."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.remedies.test_remedies import NAMES, bash, commands
from whosent.dialects import discover
from whosent.model.finding import Cause, Strength, Suspect, SuspectKind
from whosent.model.incident import Remedy
from whosent.remedies import propose, servers

KINDS: tuple[SuspectKind, ...] = get_args(SuspectKind)
ORDER = ["inspect", "hold", "block", "close"]


def steps(
    server: str, kind: SuspectKind, name: str | None = None, account: str = "www-data", cause: Cause = Cause.OPEN_RELAY
) -> list[Remedy]:
    told = NAMES.get(kind, "alice@example.org") if name is None else name
    suspect = Suspect(kind=kind, name=told, host="mx", account=account)
    return propose(incident="3f9a1c20b7de", suspect=suspect, cause=cause, strength=Strength.SHOWN, server=server)


def test_every_server_is_called_like_its_dialect() -> None:
    assert set(servers()) <= {dialect.name for dialect in discover()}


@pytest.mark.parametrize("server", servers())
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_steps_that_are_shell_with_their_undo(server: str, kind: SuspectKind) -> None:
    told = steps(server, kind)
    assert [step.step for step in told] == sorted((step.step for step in told), key=ORDER.index)
    assert commands(told)
    for command in commands(told):
        subprocess.run(["bash", "-n", "-c", command], check=True, capture_output=True)
    for step in told:
        assert step.reach
        assert step.undo or step.step in {"inspect", "close"} or not step.commands, step.title


def test_a_server_nobody_knows_gets_a_sentence() -> None:
    (told,) = steps("", "account")
    assert (told.commands, told.step) == ([], "inspect")
    assert "none that commands are known for" in told.note


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40))
@example("$(touch /tmp/x)`id`")
@example("-rf")
@example("a'b\"c\\d")
@example("!!:s/a/b/")
@example("END\n# whosent 3f9a1c20b7de ends")
@example("${run{/bin/id}}")
def test_a_login_name_reaches_exims_queue_as_itself_or_not_at_all(name: str) -> None:
    told = steps("exim", "account", name)
    if not name.isprintable():
        assert commands(told) == []
        return
    line = next(one for one in told[0].commands[0].splitlines() if "export want=" in one)
    assert bash(f'{line}\nprintf %s "$want"') == f"auth_id {name}"
    word = told[0].commands[0].partition("--arg who ")[2].partition(" \\\n")[0]
    assert bash(f"printf %s {word}") == name
    for command in commands(told):
        subprocess.run(["bash", "-n", "-c", command], check=True, capture_output=True)
        assert "END\n# whosent 3f9a1c20b7de ends\n# whosent" not in command


@pytest.mark.parametrize("name", ["a b", "a:b", '"a"', "#a", "a\\b", "ä@example.org"])
def test_a_name_no_table_of_exim_can_hold_gets_a_sentence(name: str) -> None:
    block = next(step for step in steps("exim", "account", name) if step.step == "block")
    assert block.commands == []
    assert "lookup table" in block.note


@pytest.mark.parametrize("name", ["root; reboot", "-x", "a b", ""])
def test_a_user_that_cannot_be_one_gets_a_sentence(name: str) -> None:
    for kind in ("local_user", "script"):
        told = steps("exim", kind, name if kind == "local_user" else "/var/www/x.php", account=name)
        assert (len(told), commands(told)) == (1, [])


def test_a_script_is_switched_off_and_a_folder_is_not() -> None:
    titles = {
        path: [step.title for step in steps("exim", "script", path)] for path in ("/var/www/a b/x.php", "/var/www/a")
    }
    assert "Switch the script off" in titles["/var/www/a b/x.php"]
    assert "Switch the script off" not in titles["/var/www/a"]
    assert "See what lies there" in titles["/var/www/a"]
    assert "See what lies there" not in [step.title for step in steps("exim", "script", "x.php")]


def test_an_account_without_domain_is_none_of_a_panel() -> None:
    assert not any("uapi" in command for command in commands(steps("exim", "account", "alice")))
    assert any("uapi" in command for command in commands(steps("exim", "account")))


@pytest.mark.parametrize("kind", ["host", "relay"])
def test_only_a_stranger_is_refused(kind: SuspectKind) -> None:
    block = next(step for step in steps("exim", kind, cause=Cause.INFECTED_HOST) if step.step == "block")
    assert ("deny" in block.commands[0]) == (kind == "relay")


def test_a_proxy_known_by_name_is_shut_as_on_any_server() -> None:
    suspect = Suspect(kind="proxy", name="192.0.2.8", host="mx", address="192.0.2.8")
    by_address = propose(incident="x", suspect=suspect, cause=Cause.OPEN_PROXY, strength=Strength.SHOWN, server="exim")
    assert any("exim -Mf" in command for command in commands(by_address))
    assert not any("exim" in command for command in commands(steps("exim", "proxy")))


def test_directadmins_lists_keep_everybody_else(tmp_path: Path) -> None:
    """Twice is once, the undo takes out what was put in, and no name is a pattern."""
    told = [step for step in steps("exim", "account", "b.b@corp.test") if "DirectAdmin" in step.title]
    told += [step for step in steps("exim", "local_user", "bob") if "DirectAdmin" in step.title]
    assert len(told) == 2
    for number, (step, who) in enumerate(zip(told, ("b.b@corp.test", "bob"), strict=True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        name = "blacklist_smtp_usernames" if "@" in who else "blacklist_script_usernames"
        before = "bxb@corp.test:1\nbobby:2\n"
        (folder / name).write_text(before, encoding="utf-8")
        do, undo = (one[0].replace("/etc/virtual", str(folder)) for one in (step.commands, step.undo))
        bash(do)
        bash(do)
        after = (folder / name).read_text(encoding="utf-8")
        assert after.startswith(before)
        assert [line.split(":")[0] for line in after.splitlines()] == ["bxb@corp.test", "bobby", who]
        bash(undo)
        assert (folder / name).read_text(encoding="utf-8") == before
        assert [path.name for path in folder.iterdir()] == [name]


def test_a_plesk_mailbox_is_named_as_one_word() -> None:
    (step,) = [one for one in steps("postfix", "account", "o'b@corp.test") if "Plesk" in one.title]
    assert step.commands[0].startswith("plesk bin mail --update 'o'")
    assert not any("Plesk" in one.title for one in steps("postfix", "account", "alice"))
