"""Carries plans out: every action is written down before it is begun, looked at afterwards, and taken back in order.

What a crash left half done is completed when the next command begins (the steps are such that doing one twice changes
nothing), or called off if it never began; either way it is said.  One command at a time acts; the others wait.
"""

from __future__ import annotations

import fcntl
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from whosent.model.action import Action, Done, Plan, Progressed, QueueStatus
from whosent.model.finding import Suspect
from whosent.model.lifecycle import MACHINE, What
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.queues.belonging import Claim
from whosent.responders import Progress, Responder, Tools, Wish, responders
from whosent.responders.keeping import Keeper
from whosent.store.actions import Actions
from whosent.store.incidents import Incidents
from whosent.store.ledger import Ledger

_LOCK: Final = "acting.lock"
_WAIT: Final = 120.0  # seconds for another command that acts
_STANDING: Final = (Progressed.APPLIED, Progressed.APPLYING, Progressed.FAILED)
_UNSEEN: Final = {"messages": 0, "held_by_us": 0, "others": 0}
BRAKE: Final = str(Claim("everything", ""))


@dataclass
class Desk:
    """Where orders are carried out."""

    ledger: Ledger
    settings: Containment
    who: str  # the operator's login name, or "whosent"
    progress: Progress = field(default=lambda _said: None)

    def __post_init__(self) -> None:
        self.actions, self.incidents = Actions(self.ledger), Incidents(self.ledger)
        self.tools = Tools(Keeper(self.settings), self.settings, self.progress)

    def plan(self, wish: Wish, incident: str = "", reason: str = "", *, look: bool = True) -> Plan:
        """What would be done, narrowest tap first, and whom it touches; unless in haste, the queue is looked at."""
        seen = self.tools.keeper.call("look", wish.claim, progress=self.progress) if look else _UNSEEN
        begun = datetime.now(UTC)
        expires = _stamp(begun + timedelta(hours=wish.hours)) if wish.hours else None
        undo = f"whosent incident release {incident}" if incident else f"whosent queue release --suspect {_word(wish)}"
        steps, touched = [], []
        for name, one in responders().items():
            step = one.plan(wish, self.settings)
            if step is None:
                continue
            touched += [step.touches] if step.touches else []
            steps.append(
                Action(id=secrets.token_hex(6), incident=incident, responder=name, how=step.how, suspect=wish.suspect,
                       claim=wish.claim, reach=step.reach, reason=reason, who=self.who, at=_stamp(begun),
                       expires=expires if step.expires else None, undo=undo)
            )  # fmt: skip
        return Plan(suspect=wish.suspect, claim=wish.claim, messages=seen["messages"], held=seen["held_by_us"],
                    others=seen["others"], touched=touched, steps=steps)  # fmt: skip

    def contain(self, plan: Plan) -> Done:
        """Carry a plan out; what fails is said, and the next step is tried all the same."""
        with self._alone() as told:
            actions = [self.actions.write(step) for step in plan.steps]
            done = [self._apply(action) for action in actions]
            problems = told + [f"{one.responder}: {one.note}" for one in done if one.note]
            applied = [one for one in done if one.state is Progressed.APPLIED]
            if applied and plan.steps[0].incident:
                what = ", ".join(one.responder for one in applied)
                self.incidents.move(plan.steps[0].incident, What.CONTAINED, self.who, f"{what}; {_counted(applied)}")
        command = plan.steps[0].undo if plan.steps else ""
        return Done(sentence=_contained(plan, done), actions=done, problems=problems, command=command)

    def _apply(self, action: Action) -> Action:
        one = responders()[action.responder]
        action = self.actions.write(msgspec.structs.replace(action, state=Progressed.APPLYING))
        return self.actions.write(self._applied(one, action))

    def _applied(self, one: Responder, action: Action) -> Action:
        try:
            action = msgspec.structs.replace(action, counts=one.apply(action, self.tools))
            note = one.verify(action, self.tools)
        except Mistake as error:
            return msgspec.structs.replace(action, state=Progressed.FAILED, note=str(error))
        return msgspec.structs.replace(action, state=Progressed.APPLIED, note=note)

    def release(self, claim: str, incident: str = "", reason: str = "", *, queue: bool = True) -> Done:
        """Open the tap and let go what we held; what time has changed is said."""
        with self._alone() as problems:
            standing = [
                one
                for one in self.actions.standing(*_STANDING, claim=claim)
                if one.responder in responders() and (queue or one.responder != "queue")
            ]
            undone = [self._undo(one, Progressed.UNDONE, problems) for one in standing]
            if queue and not any(
                one.responder == "queue" for one in standing
            ):  # held by the tap alone, or noted nowhere
                counts = self.tools.keeper.call("release", claim, progress=self.progress)
                undone.append(self._note(claim, incident, "queue", counts))
            if incident:
                self.incidents.move(incident, What.RELEASED, self.who, reason or _counted(undone))
        return Done(sentence=_released(undone), actions=undone, problems=problems, command="")

    def _undo(self, action: Action, state: Progressed, problems: list[str]) -> Action:
        one = responders()[action.responder]
        try:
            counts = one.undo(action, self.tools)
        except Mistake as error:
            problems.append(f"{action.responder}: {error}")
            return self.actions.write(msgspec.structs.replace(action, note=str(error)))
        return self.actions.write(msgspec.structs.replace(action, state=state, counts=counts, note=""))

    def _note(  # noqa: PLR0913, PLR0917  # what stands in the journal
        self, claim: str, incident: str, responder: str, counts: Mapping[str, int],
        state: Progressed = Progressed.UNDONE, note: str = "",
    ) -> Action:  # fmt: skip
        """An action that needed no plan: written with what it did."""
        kind, _, name = claim.partition(":")
        return self.actions.write(
            Action(id=secrets.token_hex(6), incident=incident, responder=responder, how="", claim=claim, reach=claim,
                   suspect=_suspect(kind, name), reason="", who=self.who, at=_stamp(datetime.now(UTC)), expires=None,
                   undo="", state=state, note=note,
                   counts={key: int(value) for key, value in counts.items()})
        )  # fmt: skip

    def purge(self, claim: str, incident: str = "") -> Done:
        """Delete what we held of this suspect; the second step, which the operator has confirmed."""
        with self._alone() as problems:
            begun = self._note(
                claim, incident, "purge", {}, Progressed.FAILED, "interrupted: run it again for what is left"
            )
            counts = self.tools.keeper.call("purge", claim, progress=self.progress)
            action = self.actions.write(msgspec.structs.replace(begun, state=Progressed.APPLIED, counts={
                key: counts[key] for key in ("purged", "bytes", "left")}, note=counts["manifest"]))  # fmt: skip
            if incident:
                said = f"{counts['purged']:,} held messages deleted for good; manifest {counts['manifest']}"
                self.incidents.move(incident, What.NOTED, self.who, said)
        return Done(
            sentence=f"{counts['purged']:,} messages ({counts['bytes']:,} bytes) were deleted, nobody was told;"
            f" {counts['left']:,} that we had not held were let alone.",
            actions=[action], problems=problems, command=f"less {counts['manifest']}",
        )  # fmt: skip

    def status(self, claim: str) -> QueueStatus:
        """How much of the queue is the suspect's, what of it we hold, and what is in force."""
        seen = self.tools.keeper.call("look", claim, progress=self.progress)
        standing = self.actions.standing(Progressed.APPLIED, claim=None if claim == BRAKE else claim)
        return QueueStatus(
            claim=claim, messages=seen["messages"], others=seen["others"], held_by_us=seen["held_by_us"],
            unread=seen["unread"], folders=seen["folders"], in_force=[_in_force(one) for one in standing],
        )  # fmt: skip

    def brake(self) -> Done:
        """Hold everything that insiders hand in, and what is queued."""
        everybody = Suspect(kind="host", name="everybody")
        undo, at = "whosent queue brake --off", _stamp(datetime.now(UTC))
        steps = [
            Action(id=secrets.token_hex(6), incident="", responder=name, how=how, suspect=everybody, claim=BRAKE,
                   reach=reach, reason="the emergency brake", who=self.who, at=at, expires=None, undo=undo)
            for name, how, reach in (
                ("tap", "hold", "all new mail of logins, local users and own networks; mail from outside still comes"),
                ("queue", "", "everything that waits in the queue"),
            )
        ]  # fmt: skip
        return self.contain(Plan(suspect=everybody, claim=BRAKE, messages=0, held=0, others=0, touched=[], steps=steps))

    def let_pass(self, claim: str, suspect: Suspect) -> Done:
        """While the brake is on: one sender's mail goes on, what was held and what comes."""
        with self._alone() as problems:
            servers = self.tools.keeper.call("pass", claim)["servers"]
            counts = self.tools.keeper.call("release", claim, progress=self.progress)
            action = self._note(claim, "", "pass", {**counts, "servers": servers}, Progressed.APPLIED)
        sentence = f"Mail of {suspect.name} passes the brake; {_released([action])}"
        return Done(sentence=sentence, actions=[action], problems=problems, command="whosent queue brake --off")

    def sweep(self) -> list[str]:
        """Take back what has run out, and finish what a crash left half done; a sentence for each."""
        with self._alone() as told:
            return told

    @contextmanager
    def _alone(self) -> Iterator[list[str]]:
        """Wait for another command that acts; then finish what it left, and take back what has run out: sentences."""
        with (self.ledger.place / _LOCK).open("wb") as lock:
            deadline = time.monotonic() + _WAIT
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Mistake("another command has been acting for two minutes; wait for it to end.") from None
                    time.sleep(0.1)
            yield [*self._recovered(), *self._expired()]

    def _expired(self) -> list[str]:
        told = []
        for action in self.actions.expired(_stamp(datetime.now(UTC))):
            problems: list[str] = []
            undone = self._undo(action, Progressed.EXPIRED, problems)
            told.append(problems[0] if problems else f"The {action.responder} against {undone.suspect.name!a} has run"
                        " out and was taken back.")  # fmt: skip
            if undone.incident and undone.responder == "tap" and not problems:
                self.incidents.move(undone.incident, What.RELEASED, MACHINE, told[-1])
        return told

    def _recovered(self) -> list[str]:
        told = []
        for action in self.actions.standing(Progressed.APPLYING):
            done = self.actions.write(self._applied(responders()[action.responder], action))
            told.append(f"The {action.responder} against {action.suspect.name!a} was interrupted and is now"
                        f" {'completed' if done.state is Progressed.APPLIED else f'failed: {done.note}'}.")  # fmt: skip
        for action in self.actions.standing(Progressed.PLANNED):
            self.actions.write(msgspec.structs.replace(action, state=Progressed.UNDONE, note="never begun"))
            told.append(
                f"The {action.responder} against {action.suspect.name!a} was planned and never begun: called off."
            )
        return told


def _in_force(action: Action) -> str:
    until = f", until {action.expires}" if action.expires else ""
    return f"In force: {action.responder} {action.how}".rstrip() + f" ({action.reach}), by {action.who}{until}."


def _suspect(kind: str, name: str) -> Suspect:
    kinds = {"client": "host", "bounces": "backscatter", "everything": "host"}
    return Suspect(kind=kinds.get(kind, kind), name=name or kind)  # type: ignore[arg-type]  # a claim's kinds are few


def _word(wish: Wish) -> str:
    kind = {"local_user": "uid"}.get(wish.suspect.kind, wish.suspect.kind)
    return f"{kind}:{wish.suspect.name}"


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(actions: list[Action]) -> str:
    total: dict[str, int] = {}
    for one in actions:
        for name in ("held", "released", "queued_anew", "gone"):
            if one.counts.get(name):
                total[name] = total.get(name, 0) + one.counts[name]
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in total.items()) or "nothing was queued"


def _contained(plan: Plan, done: list[Action]) -> str:
    by = {one.responder: one for one in done if one.state is Progressed.APPLIED}
    parts = []
    if "tap" in by:
        until = f" until {by['tap'].expires}" if by["tap"].expires else ""
        parts.append(f"new mail of {plan.suspect.name} is {'refused' if by['tap'].how == 'refuse' else 'held'}{until}")
    if "queue" in by:
        counts = by["queue"].counts
        others = f", none of the {counts['others']:,} of others" if counts["others"] else ""
        parts.append(f"{counts['held']:,} of its queued messages are held{others}")
    parts += [f"{name} was applied" for name in by if name not in {"tap", "queue"}]
    said = "; ".join(parts) or "nothing could be done"
    return f"{said[0].upper()}{said[1:]}."


def _released(undone: list[Action]) -> str:
    counts: dict[str, int] = {}
    for one in undone:
        for name, count in one.counts.items():
            counts[name] = counts.get(name, 0) + count
    said = [f"{counts.get('released', 0):,} messages go on their way"]
    if counts.get("queued_anew"):
        said.append(f"{counts['queued_anew']:,} of them were queued anew, since for their age they would have bounced"
                    " at the next failure")  # fmt: skip
    if counts.get("gone"):
        said.append(f"{counts['gone']:,} that we held are no longer in the queue (delivered before, expired, or deleted"
                    " by hand)")  # fmt: skip
    if counts.get("left"):
        said.append(f"{counts['left']:,} that we had not held stay on hold")
    return "; ".join(said) + "."


__all__ = ["BRAKE", "Desk"]
