"""What closes the hole for good, cause by cause: the steps an operator confirms when an incident is resolved (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from whosent.model.finding import Cause


class Step(NamedTuple):
    """One step of recovery."""

    name: str  # as it is given to --done
    question: str  # "Was the password changed?"
    why: str  # what happens if it was not


_ACCOUNT: Final = (
    Step("password", "Was the password changed?", "the thief still has it"),
    Step("sessions", "Were open sessions, tokens and application passwords revoked?",
         "they outlive the password"),
    Step("rules", "Were forwarding, filter and sieve rules and delegations looked at?",
         "thieves leave rules that copy or hide mail"),
    Step("second_factor", "Were recovery address and second factor checked?", "they let the thief back in"),
    Step("device", "Was the owner's device scanned, and does the owner know?",
         "a password taken by malware or phishing is taken again"),
)  # fmt: skip
_SCRIPT: Final = (
    Step("replaced", "Was the script removed, or replaced from a clean copy?", "it is called again"),
    Step("files", "Were other files of that site looked at for back doors?", "one is seldom alone"),
    Step("patched", "Was the application or plugin updated?", "the same hole brings the next script"),
    Step("credentials", "Were the passwords of the site, its panel, FTP and database changed?",
         "whoever wrote the file could read them"),
)  # fmt: skip
_FORM: Final = (
    Step(
        "recipient", "Is the recipient of the form fixed on the server?", "whoever calls it chooses to whom it writes"
    ),
    Step("brake", "Does the form ask for a proof of human, and has it a limit?", "robots find it again within hours"),
    Step("copy", "Does it no longer send a copy to the address that was typed in?", "that copy is the spam"),
)
_HOST: Final = (
    Step("cleaned", "Was the machine cleaned, or installed anew?", "what sent is still there"),
    Step("patched", "Were its system and programs updated?", "it is infected again"),
    Step("credentials", "Were the passwords that it stored changed?", "malware reads them first"),
    Step("port", "May only mail servers reach port 25 outside?", "the next one needs no relay"),
)
_RELAY: Final = (
    Step("restricted", "Does the relay now accept only our own networks and logged-in accounts?",
         "strangers find an open relay within minutes"),
    Step("tested", "Was it tried from outside?", "a setting that looks closed may not be"),
    Step("listings", "Were the blocklists asked to take our address off?", "many do not by themselves"),
)  # fmt: skip
_PROXY: Final = (
    Step("closed", "Is the proxy closed to strangers?", "it is sold on lists"),
    Step("tested", "Was it tried from outside?", "a setting that looks closed may not be"),
)
_FORWARD: Final = (
    Step("filtered", "Is mail filtered before it is forwarded, or fetched instead?", "forwarded spam counts as ours"),
)
_BACKSCATTER: Final = (
    Step("refused", "Are unknown recipients refused while the client is still there?",
         "bounces to forged senders are spam"),
)  # fmt: skip
_LIST: Final = (
    Step("cleaned", "Were the refused addresses taken off the list?", "the next mailing is refused again"),
    Step("consent", "Has everybody on it agreed, and can they leave by one click?", "complaints lead to listings"),
)
_LOOP: Final = (
    Step("broken", "Was the forwarding that makes the circle taken out?", "it starts again with the next mail"),
)
_BY_CAUSE: Final = {
    Cause.COMPROMISED_ACCOUNT: _ACCOUNT, Cause.ABUSED_SCRIPT: _SCRIPT, Cause.ABUSED_FORM: _FORM,
    Cause.INFECTED_HOST: _HOST, Cause.OPEN_RELAY: _RELAY, Cause.OPEN_PROXY: _PROXY,
    Cause.FORWARDED_SPAM: _FORWARD, Cause.BACKSCATTER: _BACKSCATTER, Cause.DIRTY_LIST: _LIST, Cause.MAIL_LOOP: _LOOP,
}  # fmt: skip


def steps(cause: Cause) -> list[Step]:
    """The steps of recovery after this cause, the most urgent first."""
    return list(_BY_CAUSE.get(cause, ()))


def left_undone(plan: Sequence[Step], done: Sequence[str]) -> str:
    """A sentence that says what was not done, and what follows; "" if all was."""
    undone = [step for step in plan if step.name not in done]
    if not undone:
        return ""
    return "not done: " + "; ".join(f"{step.name} ({step.why})" for step in undone) + "."
