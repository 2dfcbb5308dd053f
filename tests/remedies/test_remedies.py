from __future__ import annotations

import subprocess

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from whosent.model.finding import Cause, Strength, Suspect, SuspectKind
from whosent.model.incident import Remedy
from whosent.remedies import propose

KINDS: list[SuspectKind] = [
    *("account", "local_user", "script", "form", "host", "relay", "proxy", "forwarder", "backscatter", "list"),
]
NAMES: dict[str, str] = {
    "local_user": "www-data",
    "script": "/srv/www/shop/mailer.php",
    "form": "/var/www/html/contact.php",
    "host": "192.0.2.7",
    "relay": "2001:db8::7",
    "proxy": "192.0.2.8",
}


def steps(
    kind: SuspectKind,
    name: str | None = None,
    cause: Cause = Cause.COMPROMISED_ACCOUNT,
    strength: Strength = Strength.SHOWN,
) -> list[Remedy]:
    suspect = Suspect(kind=kind, name=NAMES.get(kind, "alice@example.org") if name is None else name, host="mx")
    return propose(incident="3f9a1c20b7de", suspect=suspect, cause=cause, strength=strength)


def commands(remedies: list[Remedy]) -> list[str]:
    return [command for remedy in remedies for command in [*remedy.commands, *remedy.undo]]


def bash(script: str) -> str:
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, (script, done.stderr)
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_is_shell_and_every_change_has_its_undo(kind: SuspectKind) -> None:
    told = steps(kind)
    for command in commands(told):
        subprocess.run(["bash", "-n", "-c", command], check=True, capture_output=True)
        subprocess.run(["sh", "-n", "-c", command], check=True, capture_output=True)
    for remedy in told:
        changes = remedy.step in {"hold", "block"}
        assert bool(remedy.undo) >= (changes and bool(remedy.commands)), remedy.title
        assert remedy.reach


@pytest.mark.parametrize("kind", KINDS)
def test_looking_comes_first_and_closing_last(kind: SuspectKind) -> None:
    order = [remedy.step for remedy in steps(kind)]
    assert order == sorted(order, key=["inspect", "hold", "block", "close"].index)
    stop = "block" if kind == "proxy" else "hold"  # what a proxy carries is in no queue of ours
    assert {"inspect", stop, "close"} <= set(order)


@pytest.mark.parametrize("strength", [Strength.CANDIDATES, Strength.UNPROVABLE])
def test_where_nobody_is_named_only_looking_is_proposed(strength: Strength) -> None:
    assert {remedy.step for remedy in steps("account", strength=strength)} == {"inspect"}


def test_unusual_volume_alone_is_looked_at_only() -> None:
    assert {remedy.step for remedy in steps("account", cause=Cause.UNUSUAL_VOLUME)} == {"inspect"}


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40))
@example("$(touch /tmp/x)`id`")
@example("-rf")
@example("a'b\"c\\d")
@example("!!:s/a/b/")
@example("*")
@example("~root #x")
def test_a_login_name_reaches_the_shell_as_itself_or_not_at_all(name: str) -> None:
    told = steps("account", name)
    if not name.isprintable():
        assert commands(told) == []
        assert "characters that do not print" in told[0].note
        return
    line = told[0].commands[0].partition("\nif command")[0]
    assert bash(f'{line}\nprintf %s "$line"') == f"named_attribute: sasl_username={name}"
    for command in commands(told):
        subprocess.run(["bash", "-n", "-c", command], check=True, capture_output=True)


def test_kick_takes_a_mask_so_a_name_that_is_one_is_not_kicked() -> None:
    assert any("doveadm kick" in command for command in commands(steps("account", "alice")))
    for mask in ("*", "a?", "al*@example.org"):
        assert not any("doveadm kick" in command for command in commands(steps("account", mask)))


@pytest.mark.parametrize("name", ["a b", '"a"', "#a", "ä@example.org"])
def test_a_name_no_table_can_hold_gets_a_sentence(name: str) -> None:
    block = next(remedy for remedy in steps("account", name) if remedy.step == "block")
    assert block.commands == []
    assert "lookup table" in block.note


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_characters="/"), min_size=1, max_size=30))
@example("x.php")
@example("a+b-c@d~e=f%g.php")
@example("x.php([(]|$)")
def test_a_scripts_pattern_matches_its_own_name_alone(name: str) -> None:
    told = steps("script", f"/var/www/{name}")
    if not commands(told):
        assert len(told) == 1
        return
    line = told[0].commands[0].partition("\nif command")[0]
    header = "X-PHP-Originating-Script: 33:"
    match = 'grep -Eq -e "$pattern" && echo yes || echo no'
    assume(name.isascii())
    script = f"{line}\nprintf '%s\\n' '{header}{name}' | {match}\nprintf '%s\\n' '{header}x{name}' | {match}"
    script += f"\nprintf '%s\\n' '{header}{name.replace('.', 'x')}y' | {match}"
    assert bash(script).split() == ["yes", "no", "no"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("script", "/var/www/a b.php"),
        ("script", "/var/www/"),
        ("script", "/var/www/x.php\n"),
        ("local_user", "root; reboot"),
        ("local_user", "-x"),
        ("host", "evil.example"),
        ("host", "fe80::1%eth0"),
        ("relay", "192.0.2.7; reboot"),
        ("list", "a\x1bb"),
        ("account", ""),
        ("account", "x" * 2000),
        ("account", "a\u202eb"),
    ],
)
def test_a_name_that_cannot_be_quoted_safely_gets_a_sentence_instead(kind: SuspectKind, name: str) -> None:
    told = steps(kind, name)
    assert commands(told) == []
    assert len(told) == 1
    assert told[0].note


def test_a_uid_in_digits_will_do() -> None:
    assert any("from userid 1001" in command for command in commands(steps("local_user", "1001")))


def test_a_script_without_a_path_is_held_but_not_switched_off() -> None:
    titles = [remedy.title for remedy in steps("script", "mailer.php")]
    assert "Hold new mail of mailer.php" in titles
    assert "Switch the script off" not in titles


def test_an_open_relay_is_closed_by_the_restriction_that_decides() -> None:
    close = steps("relay", cause=Cause.OPEN_RELAY)[-1]
    assert any("reject_unauth_destination" in command for command in close.commands)
    assert close.undo


def test_an_incident_id_that_is_no_file_name_is_not_used_as_one() -> None:
    suspect = Suspect(kind="account", name="alice")
    told = propose(incident="../x; y", suspect=suspect, cause=Cause.UNKNOWN, strength=Strength.PROVEN)
    assert "../x" not in "".join(commands(told))


def test_addresses_are_canonical() -> None:
    assert "client_address=2001:db8::7" in steps("host", "IPv6:2001:DB8:0::7")[0].commands[0]


# ------------------------------------------------------------------ trouble without a break-in


CAUSES: list[tuple[Suspect, Cause]] = [
    (Suspect(kind="forwarder", name="old@corp.test", host="mx"), Cause.FORWARDED_SPAM),
    (Suspect(kind="forwarder", name="old@corp.test", host="mx", address="x@big.test"), Cause.FORWARDED_SPAM),
    (Suspect(kind="backscatter", name="corp.test", host="mx"), Cause.BACKSCATTER),
    (Suspect(kind="backscatter", name="bob@corp.test", host="mx", account="bob@corp.test"), Cause.BACKSCATTER),
    (Suspect(kind="list", name="news@lists.test", host="mx"), Cause.DIRTY_LIST),
    (Suspect(kind="list", name="news@lists.test", account="news@lists.test"), Cause.DIRTY_LIST),
    (Suspect(kind="relay", name="192.0.2.7", address="192.0.2.7"), Cause.DIRECTION_CONFUSION),
    (Suspect(kind="forwarder", name="round.test"), Cause.MAIL_LOOP),
    (Suspect(kind="account", name="desk@corp.test"), Cause.MAIL_LOOP),
    (Suspect(kind="local_user", name="vmail", uid=5000), Cause.MAIL_LOOP),
    (Suspect(kind="host", name="10.0.0.7", address="10.0.0.7"), Cause.MAIL_LOOP),
]


@pytest.mark.parametrize(("suspect", "cause"), CAUSES, ids=lambda value: getattr(value, "kind", value))
def test_each_cause_has_its_own_steps_each_with_its_undo(suspect: Suspect, cause: Cause) -> None:
    told = propose(incident="3f9a1c20b7de", suspect=suspect, cause=cause, strength=Strength.SHOWN)
    for command in commands(told):
        subprocess.run(["bash", "-n", "-c", command], check=True, capture_output=True)
        subprocess.run(["sh", "-n", "-c", command], check=True, capture_output=True)
    order = [remedy.step for remedy in told]
    assert order == sorted(order, key=["inspect", "hold", "block", "close"].index)
    assert {"inspect", "hold", "close"} <= set(order)
    assert all(remedy.undo for remedy in told if remedy.step in {"hold", "block"})
    assert not any("password" in remedy.title for remedy in told)


@pytest.mark.parametrize("name", ["a b@corp.test", '"a"@corp.test', "#a@corp.test", "ä@corp.test"])
@pytest.mark.parametrize("kind", ["forwarder", "backscatter", "list"])
def test_a_name_no_table_can_hold_gets_a_sentence_there_too(kind: SuspectKind, name: str) -> None:
    told = steps(kind, name, Cause.UNKNOWN)
    assert [remedy.commands for remedy in told if remedy.step == "block"] == [[]]
    assert all("lookup table" in remedy.note for remedy in told if remedy.step == "block")


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=40), st.sampled_from(CAUSES))
@example("$(touch /tmp/x)`id`", CAUSES[0])
@example("-rf", CAUSES[4])
@example("a'b\"c\\d", CAUSES[7])
@example("{who}%@*", CAUSES[3])
def test_whatever_the_name_the_commands_stay_shell(name: str, known: tuple[Suspect, Cause]) -> None:
    suspect = Suspect(kind=known[0].kind, name=name, account=name if known[0].account else None)
    told = propose(incident="3f9a1c20b7de", suspect=suspect, cause=known[1], strength=Strength.SHOWN)
    if not name.isprintable():
        assert commands(told) == []
    for command in commands(told):
        subprocess.run(["bash", "-n", "-c", command], check=True, capture_output=True)


def test_one_word_of_a_stranger_stays_one_word_in_the_list_command() -> None:
    told = steps("list", "a'b;touch /tmp/x", Cause.DIRTY_LIST)
    command = next(remedy.commands[0] for remedy in told if "suppress" in "".join(remedy.commands))
    assert "who='a'\"'\"'b;touch /tmp/x' awk" in command


def test_a_program_gone_wild_is_looked_at_only() -> None:
    told = steps("account", cause=Cause.UNUSUAL_VOLUME)
    assert told[-1].title == "See which mail repeats"
