"""Plans are carried out in order, written down before they begin, and taken back; a crash is made good."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.containing.kit import ALICE, CLAIM, accuse, desk
from whosent.containing.desk import BRAKE
from whosent.model.action import Progressed
from whosent.model.finding import Suspect
from whosent.model.lifecycle import State, What
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.responders import Wish, responders

WISH = Wish(ALICE, CLAIM, refuse=False, wall=False, hours=24)


def test_narrowest_first_and_all_of_it_taken_back(tmp_path: Path) -> None:
    one = accuse(tmp_path)
    place, queue = desk(tmp_path)
    plan = place.plan(WISH, one.id, one.sentence)
    assert (plan.messages, plan.others, plan.touched) == (10, 3, [])
    assert [step.responder for step in plan.steps] == ["tap", "queue"]
    assert queue.calls == []
    done = place.contain(plan)
    assert queue.calls == [("close", CLAIM, "hold"), ("hold", CLAIM)]
    assert done.problems == []
    assert "10 of its queued messages are held, none of the 3 of others" in done.sentence
    assert done.command == f"whosent incident release {one.id}"
    kept = place.incidents.get(one.id)
    assert kept is not None
    assert kept.state is State.CONTAINED
    tap, held = place.actions.standing(Progressed.APPLIED)
    assert tap.expires is not None
    assert held.expires is None
    assert [state for _, state, _ in place.actions.history(tap.id)] == ["planned", "applying", "applied"]

    released = place.release(CLAIM, one.id)
    assert queue.calls[2:] == [("open", CLAIM), ("release", CLAIM)]
    assert released.sentence.startswith("10 messages go on their way; 2 of them were queued anew")
    assert "1 that we held are no longer in the queue" in released.sentence
    kept = place.incidents.get(one.id)
    assert kept is not None
    assert kept.state is State.OPEN
    assert place.actions.standing(Progressed.APPLIED) == []


def test_what_fails_is_said_and_the_rest_is_done(tmp_path: Path) -> None:
    one = accuse(tmp_path)
    place, queue = desk(tmp_path)
    queue.fails_at = "close"
    done = place.contain(place.plan(WISH, one.id))
    assert done.problems == ["tap: it was told to fail"]
    assert [action.state for action in done.actions] == ["failed", "applied"]
    queue.fails_at = "release"
    assert place.release(CLAIM).problems == ["queue: it was told to fail"]
    queue.fails_at = ""
    assert "10 messages go" in place.release(CLAIM).sentence


@pytest.mark.parametrize("verb", ["close", "hold"])
def test_what_a_crash_left_half_done_is_completed_and_said(tmp_path: Path, verb: str) -> None:
    one = accuse(tmp_path)
    place, queue = desk(tmp_path)
    queue.dies_at = verb
    with pytest.raises(KeyboardInterrupt):
        place.contain(place.plan(WISH, one.id))
    assert len(place.actions.standing(Progressed.APPLYING)) == 1
    again, other = desk(tmp_path)
    told = again.sweep()
    assert f"The {'tap' if verb == 'close' else 'queue'} against 'alice@example.org' was interrupted" in told[0]
    assert "now completed" in told[0]
    if verb == "close":
        assert "planned and never begun: called off" in told[1]
    assert other.calls[0][0] == verb
    assert again.sweep() == []


def test_a_tap_runs_out_by_itself_and_what_is_held_stays(tmp_path: Path) -> None:
    place, queue = desk(tmp_path)
    place.contain(place.plan(WISH))
    assert place.sweep() == []
    (tap, _) = place.actions.standing(Progressed.APPLIED)
    place.actions.write(msgspec.structs.replace(tap, expires="2020-01-01T00:00:00Z"))
    queue.fails_at = "open"
    assert place.sweep() == ["tap: it was told to fail"]
    queue.fails_at = ""
    assert "has run out and was taken back" in place.sweep()[0]
    assert [one.responder for one in place.actions.standing(Progressed.APPLIED)] == ["queue"]
    assert "10 messages go" in place.release(CLAIM).sentence


def test_purge_is_written_down_with_its_manifest(tmp_path: Path) -> None:
    place, queue = desk(tmp_path)
    place.contain(place.plan(WISH))
    done = place.purge(CLAIM)
    assert done.sentence.startswith("10 messages (1,000 bytes) were deleted, nobody was told")
    assert done.actions[0].note == "/kept/manifest.tsv"
    queue.dies_at = "purge"
    with pytest.raises(KeyboardInterrupt):
        place.purge(CLAIM)
    assert "run it again" in place.actions.standing(Progressed.FAILED)[0].note
    assert place.sweep() == []  # deleting is never completed by itself
    place.release(CLAIM)


def test_the_brake(tmp_path: Path) -> None:
    place, queue = desk(tmp_path)
    done = place.brake()
    assert queue.calls == [("close", BRAKE, "hold"), ("hold", BRAKE)]
    assert done.command == "whosent queue brake --off"
    assert len(place.status(BRAKE).in_force) == 2
    let = place.let_pass(CLAIM, ALICE)
    assert let.sentence.startswith("Mail of alice@example.org passes the brake; 10 messages go on their way")
    place.release(BRAKE)
    assert place.actions.standing(Progressed.APPLIED, claim=BRAKE) == []


def test_wishes_of_every_kind(tmp_path: Path) -> None:
    settings = Containment(contain_host="true {name}", release_host="true", contain_account="false {name}")
    place, queue = desk(tmp_path, settings)
    host = Suspect(kind="host", name="192.0.2.7", address="192.0.2.7")
    plan = place.plan(Wish(host, "client:192.0.2.7", refuse=True, wall=True, hours=1))
    assert [step.responder for step in plan.steps] == ["tap", "command", "nftables", "queue"]
    assert len(plan.touched) == 2
    done = place.contain(plan)
    assert done.problems == []
    assert ("wall", "client:192.0.2.7", "3600") in queue.calls
    assert "is refused until" in done.sentence
    assert "command was applied" in done.sentence
    assert place.release("client:192.0.2.7").problems == []
    failed = place.contain(place.plan(Wish(ALICE, CLAIM, refuse=False, wall=True, hours=0)))
    assert failed.problems == ["command: false left with 1: b''"]
    assert "no command is configured that takes it back" in place.release(CLAIM).problems[0]
    bounces = place.plan(Wish(Suspect(kind="backscatter", name="mx"), "bounces:", refuse=False, wall=False, hours=0))
    assert [step.responder for step in bounces.steps] == ["queue"]
    for kind, claim in (("script", "script:33:a.php"), ("local_user", "local_user:33")):
        suspect = Suspect(kind=kind, name="x")  # type: ignore[arg-type]  # two of them
        assert place.plan(Wish(suspect, claim, refuse=False, wall=False, hours=0)).touched
    only = place.plan(Wish(ALICE, CLAIM, refuse=False, wall=False, hours=0, queue=False), look=False)
    assert [step.responder for step in only.steps] == ["tap", "command"]


def test_its_owner_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\ncat > {tmp_path}/letter\n')
    program.chmod(0o755)
    monkeypatch.setattr("whosent.responders.letter._SENDMAIL", str(program))
    place, _ = desk(tmp_path)
    done = place.contain(place.plan(WISH._replace(tell=True)))
    assert [one.responder for one in done.actions] == ["tap", "queue", "letter"]
    assert (tmp_path / "words").read_text() == "-i -f <> -- alice@example.org\n"
    assert "Change your password" in (tmp_path / "letter").read_text()
    assert place.release(CLAIM).problems == []
    for name in ("alice", "-odi@example.org", "a b@example.org"):
        suspect = Suspect(kind="account", name=name)
        steps = place.plan(Wish(suspect, f"account:{name}", refuse=False, wall=False, hours=0, tell=True)).steps
        assert [step.responder for step in steps] == ["tap", "queue"]
    for text, sentence in (("#!/bin/sh\nexit 75\n", "left with 75"), ("", "could not be handed in")):
        program.write_text(text)
        assert sentence in place.contain(place.plan(WISH._replace(tell=True))).problems[0]


def test_mail_that_keeps_coming_is_said(tmp_path: Path) -> None:
    place, _ = desk(tmp_path)
    (step,) = [one for one in place.plan(WISH).steps if one.responder == "queue"]
    step = msgspec.structs.replace(step, counts={"still_coming": 1})
    assert "its tap is not closed" in responders()["queue"].verify(step, place.tools)


def test_one_command_acts_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whosent.containing.desk._WAIT", 0.2)
    place, _ = desk(tmp_path)
    other, _ = desk(tmp_path)
    with place._alone(), pytest.raises(Mistake, match="another command has been acting"):  # noqa: SLF001
        other.sweep()


def test_releasing_what_the_journal_does_not_know(tmp_path: Path) -> None:
    one = accuse(tmp_path)
    place, queue = desk(tmp_path)
    place.incidents.move(one.id, What.CONTAINED, "anna")
    place.release(CLAIM, one.id, "by hand")
    assert queue.calls == [("release", CLAIM)]
    assert place.incidents.history(one.id)[-1].text == "by hand"
