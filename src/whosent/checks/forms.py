"""Forms that send mail: whether a visitor can choose who gets it, or what else it says.

Below each web root PHP, Perl and Python scripts are followed from the visitor's fields, through variables, functions,
filters and tests, into mail: recipients taken from a field, line breaks that reach a header line, fields that become
options or commands.  A script is accused only if nothing stands in between; where a filter or a login stands that
reading does not decide, it is undecided.  Given the URL of a form, it is submitted a few times with the sink's token
as recipient, and behind line breaks: open is what arrives at the sink.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from whosent.forms import advice, probing
from whosent.model.check import Check, Heard, Knowledge, Opening, Passage, Question, Result, Target
from whosent.model.site import FormScript, Scanned, Scripts
from whosent.reading.stamps import rfc3339

_NAME: Final = "forms"
_SHOWN: Final = 8  # hazards of one script


def targets(knowledge: Knowledge) -> Iterable[Target]:
    """The web roots of this machine."""
    return [Target(root, here=True) for root in knowledge.settings.sites.web_roots]


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Question]:
    """The scripts of a folder; or what a form at a URL does with probes."""
    if probing.is_url(target.name):
        return probing.questions(target.name, knowledge, heard)
    return [Scripts(key="scripts", folder=target.name)]


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """The worst script first, then those that could not be followed, then what is in order."""
    if probing.is_url(target.name):
        return probing.judge(_NAME, target.name, knowledge, heard)
    answer = heard.get("scripts")
    assert isinstance(answer, Scanned)
    if answer.problem is not None:
        usual = target.name in knowledge.settings.sites.web_roots
        return [] if usual and answer.problem.obstacle == "missing" else [_unseen(target, answer)]
    return [*_judged(target, answer), *_account(target, answer)]


def _judged(target: Target, answer: Scanned) -> Iterator[Result]:
    ranked = sorted(answer.scripts, key=lambda one: (not any(hazard.sure for hazard in one.hazards), one.path))
    for script in ranked:
        sure = [one for one in script.hazards if one.sure]
        if (sure and not script.login) or script.weakness:
            yield _open(target, script, answer)
        elif script.hazards or script.undecided:
            yield _undecided(target, script, answer)


def _open(target: Target, script: FormScript, answer: Scanned) -> Result:
    sure = [one for one in script.hazards if one.sure][:_SHOWN]
    named = f"{script.path} is {script.family}" if script.family else f"The form script {script.path}"
    said = " and ".join(dict.fromkeys(map(advice.deed, sure))) if sure else ""
    joined = f"{named} and {said}." if said and script.family else f"{named} {said}." if said else f"{named}."
    why = [f"{advice.way(one)[0].upper()}{advice.way(one)[1:]}." for one in sure]
    if script.referer and sure:
        why.append("It looks at the Referer, but that is written by the visitor too and keeps nobody out.")
    if script.weakness:
        why.append(f"Of this script, {script.weakness}.")
    return Result(
        check=_NAME,
        target=target.name,
        about=_place(target, script),
        verdict="open",
        severity="critical",
        sentence=joined,
        why=" ".join(why),
        fix=advice.remedies(script),
        verify=advice.verify(target.name),
        causes=[Opening(file=script.path, line=one.line, text=one.excerpt, why=advice.way(one)) for one in sure],
        evidence=[_exhibit(script, answer)],
    )


def _place(target: Target, script: FormScript) -> str:
    """Where it stands below the folder that was named."""
    folder = target.name.rstrip("/") + "/"
    return script.path.removeprefix(folder) or script.path


def _exhibit(script: FormScript, answer: Scanned) -> Passage:
    told = [f"{one.line}: {one.excerpt}  (SHA-256 of the line: {one.sha256})" for one in script.hazards[:_SHOWN]]
    lines = list(dict.fromkeys(told))
    return Passage(source=script.path, at=rfc3339(int(answer.at)), lines=lines)


def _undecided(target: Target, script: FormScript, answer: Scanned) -> Result:
    first = script.hazards[0] if script.hazards else None
    if script.undecided:
        reason = f"It was not followed: {script.undecided}."
    elif script.login and first is not None and first.sure:
        reason = f"{advice.way(first)}, but the script seems to turn away whoever has not logged in."
    else:
        assert first is not None
        reason = f"{advice.way(first)}, unless a test or a function that stands in another file prevents it."
    what = f"may be one that {advice.deed(first)}" if first is not None else "sends mail"
    return Result(
        check=_NAME,
        target=target.name,
        about=_place(target, script),
        verdict="undecided",
        severity="warning" if first is not None and not script.login else "note",
        sentence=f"The form script {script.path} {what}; that could not be decided by reading it.",
        why=f"{reason[0].upper()}{reason[1:]} Read it there, or let it be probed: whosent audit forms URL-OF-THE-FORM.",
        verify=advice.verify(target.name),
        evidence=[_exhibit(script, answer)] if script.hazards else [],
    )


def _account(target: Target, answer: Scanned) -> Iterator[Result]:
    """What was looked at, and what was not."""
    safe = [one for one in answer.scripts if not one.hazards and not one.undecided and not one.weakness]
    seen = f"{answer.files:,} files in {answer.folders:,} folders"
    missed = _missed(answer)
    if missed:
        yield Result(
            check=_NAME,
            target=target.name,
            about="not looked at",
            verdict="undecided",
            severity="note",
            sentence=f"Not everything below {target.name} was looked at: {'; '.join(missed)}.",
            why=f"Of {seen} the rest was. Run it as a user who may read all, or name a smaller folder.",
        )
    if safe or not answer.scripts:
        what = f"{len(safe):,} scripts" if len(safe) != 1 else "one script"
        yield Result(
            check=_NAME,
            target=target.name,
            about="other scripts",
            verdict="closed",
            severity="note",
            sentence=f"Below {target.name} {what} that take a visitor's words and send mail keep them in their place."
            if safe
            else f"Below {target.name} no script takes a visitor's words and sends mail.",
            why=f"{seen} were looked at; PHP, Perl and Python were followed from the visitor's fields to the mail.",
            evidence=[Passage(source=target.name, at=rfc3339(int(answer.at)), lines=[one.path for one in safe[:50]])]
            if safe
            else [],
        )


def _missed(answer: Scanned) -> list[str]:
    told = [answer.cut] if answer.cut else []
    if answer.unreadable:
        told.append(f"{answer.unreadable:,} could not be read")
    if answer.too_large:
        told.append(f"{answer.too_large:,} scripts are longer than is followed")
    return told


def _unseen(target: Target, answer: Scanned) -> Result:
    assert answer.problem is not None
    return Result(
        check=_NAME,
        target=target.name,
        about="",
        verdict="undecided",
        severity="warning",
        sentence=f"The forms below {target.name} could not be looked at.",
        why=answer.problem.sentence,
    )


check: Final = Check(_NAME, "Forms that send mail", targets, questions, judge)
