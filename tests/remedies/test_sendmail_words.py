"""Sendmail's commands: shell that parses, undo for each change, and nothing a stranger wrote that could act."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whosent.model.finding import Cause, Strength, Suspect, SuspectKind
from whosent.remedies import propose

if TYPE_CHECKING:
    from pathlib import Path

    from whosent.model.incident import Remedy

NAMES: dict[SuspectKind, str] = {
    "account": "alice@example.org",
    "local_user": "www-data",
    "script": "/srv/www/shop/mailer.php",
    "form": "contact.php",
    "host": "192.0.2.7",
    "relay": "2001:db8::7",
    "proxy": "192.0.2.8",
    "forwarder": "alice@example.org",
    "backscatter": "mx",
    "list": "news@example.org",
}
AWKWARD = ["a'b@x", "$(touch /tmp/x)@x", "`id`@x", "-n@x", "a\\b@x", "a b@x", 'a"b@x', "x!y@x", "*@x", "a#b@x"]


def steps(kind: SuspectKind, name: str, cause: Cause = Cause.UNKNOWN) -> list[Remedy]:
    address = name if name == NAMES["proxy"] else None
    suspect = Suspect(kind=kind, name=name, host="mx", address=address)
    return propose(incident="3f9a1c", suspect=suspect, cause=cause, strength=Strength.SHOWN, server="sendmail")


def commands(remedies: list[Remedy]) -> list[str]:
    return [command for remedy in remedies for command in [*remedy.commands, *remedy.undo]]


@pytest.mark.parametrize(("kind", "name"), NAMES.items())
def test_every_command_is_shell_and_every_change_has_its_undo(kind: SuspectKind, name: str) -> None:
    told = steps(kind, name, Cause.OPEN_RELAY if kind == "relay" else Cause.UNKNOWN)
    assert {"inspect", "hold", "close"} <= {remedy.step for remedy in told}
    for command in commands(told):
        subprocess.run(["sh", "-n", "-c", command], check=True, capture_output=True)
    for remedy in told:
        assert remedy.reach
        assert remedy.undo or remedy.step not in {"hold", "block"}


def test_a_proxy_known_by_its_name_is_shut_where_it_runs() -> None:
    (look, *_) = steps("proxy", "proxy.example.org")
    assert "ProxyRequests" in "".join(look.commands)


def test_a_user_that_no_login_name_can_be_gets_a_sentence() -> None:
    (refused,) = steps("local_user", "a b")
    assert refused.commands == []
    assert "login name" in refused.note


@settings(deadline=None)
@given(st.one_of(st.sampled_from(AWKWARD), st.text(min_size=1, max_size=30)))
def test_no_name_acts(name: str) -> None:
    for kind in ("account", "local_user", "script", "form", "host", "forwarder", "list"):
        told = steps(kind, name)
        for command in commands(told):
            subprocess.run(["sh", "-n", "-c", command], check=True, capture_output=True)


@pytest.mark.parametrize("who", [*AWKWARD, "alice@example.org"])
def test_the_log_tells_whose_login_a_message_came_with(who: str, tmp_path: Path) -> None:
    """The command as printed, on a log and a queue of this test; other logins and imitations are not named."""
    written = who.replace("\\", "\\\\")  # as Sendmail logs it
    stamp = "Nov 22 10:00:00 mx sm-mta"
    lines = [
        f"{stamp}[11]: AUTH=server, relay=pc [192.0.2.7], authid={written}, mech=PLAIN, bits=0",
        f"{stamp}[12]: AUTH=server, relay=pc [192.0.2.7], authid=other, mech=PLAIN, bits=0",
    ]
    for number, (pid, protocol) in enumerate(((11, "ESMTPA"), (12, "ESMTPA"), (11, "ESMTP"), (11, "ESMTPSA"))):
        lines.append(
            f"{stamp}[{pid}]: 6ARAmfG{number}0000{pid}: from=<x>, size=1, class=0, nrcpts=1, msgid=<[12]: "
            f"AUTH=server, authid={written}>, proto={protocol}, daemon=MSP, relay=pc [192.0.2.7]"
        )
    log, queue = tmp_path / "mail.log", tmp_path / "queue"
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    queue.mkdir()
    for number, pid in enumerate((11, 12, 11, 11)):
        (queue / f"qf6ARAmfG{number}0000{pid}").touch()
    command = steps("account", who)[0].commands[0].replace("/var/log/mail.log", str(log))
    command = command.replace("/var/spool/mqueue", str(queue))
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    expected = [] if "\\" in who else ["6ARAmfG0000011", "6ARAmfG3000011"]
    assert said.split() == expected


def test_what_is_on_its_way_to_a_forward_is_named_and_nothing_else(tmp_path: Path) -> None:
    """Recipient lines as sendmail's qf files have them: flags, a colon, the address with or without its brackets."""
    written = {
        "6A1": "RPFD:<me@far.example>",
        "6A2": "RA:me@far.example",
        "6A3": "RPFD:<notme@far.example>",
        "6A4": "S<me@far.example>",
        "6A5": "RPFD:<other@far.example>\nRPFD:<me@far.example>",
        "6A6": "H??Subject: R:me@far.example",
    }
    for queue_id, line in written.items():
        (tmp_path / f"qf{queue_id}").write_text(f"V8\n{line}\n.\n", encoding="utf-8")
    command = steps("forwarder", "me@far.example")[0].commands[0].replace("/var/spool/mqueue", str(tmp_path))
    plain = {"PATH": "/usr/bin:/bin"}  # without whosent: the way by awk
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, env=plain).stdout
    assert said.split() == ["6A1", "6A2", "6A5"]
