"""How this machine is kept: security updates, virus signatures, and log settings that blind Whosent.

Pending security updates of packages that touch mail, as ``apt-get -s upgrade`` or ``dnf updateinfo`` tell them; the
age of ClamAV's signatures; settings of Postfix, Exim and PHP without which a culprit cannot be named, with the line
to add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from whosent.model.check import (
    Check,
    Content,
    Decision,
    Heard,
    Knowledge,
    Opening,
    Passage,
    Question,
    Ran,
    Read,
    Result,
    Run,
    Target,
)
from whosent.model.incident import Remedy
from whosent.published.results import Severity
from whosent.reading.stamps import rfc3339
from whosent.upkeep import logging, packages, signatures
from whosent.upkeep.logging import Blind
from whosent.upkeep.packages import Update

_NAME: Final = "posture"
_VERIFY: Final = "whosent audit posture"
_DAY: Final = 86_400
_STALE_LISTS, _OLD, _VERY_OLD = 7, 3, 14  # days
_SHOWN: Final = 20
_DATABASES: Final = ("daily.cld", "daily.cvd", "main.cld", "main.cvd")
_PHP: Final = tuple(
    (f"{version}/{interface}", f"/etc/php/{version}/{interface}")
    for version in ("5.6", "7.0", "7.1", "7.2", "7.3", "7.4", "8.0", "8.1", "8.2", "8.3", "8.4", "8.5")
    for interface in ("apache2", "cgi", "fpm")
)
_PROGRAMS: Final = {
    "apt": ("apt-get", "-s", "-o", "Debug::NoLocking=1", "upgrade"),
    "lists": ("find", "/var/lib/apt/lists", "-maxdepth", "1", "-name", "*Release", "-printf", "%T@\n"),
    "dnf": ("dnf", "-q", "--cacheonly", "updateinfo", "list", "--security"),
    "Postfix": ("postconf", "enable_long_queue_ids", "maillog_file"),
    "Exim": ("exim4", "-bP", "log_selector"),
    "Exim elsewhere": ("exim", "-bP", "log_selector"),
}


def targets(knowledge: Knowledge) -> Iterable[Target]:
    """This machine."""
    return [Target(knowledge.host or "localhost", here=True)]


def questions(target: Target, _knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """What its programs and files say."""
    if not target.here:
        return
    yield from (Run(key=name, argv=argv, within=60) for name, argv in _PROGRAMS.items())
    yield Read(key="clamd", path="/etc/clamav/clamd.conf")
    yield Read(key="clamd elsewhere", path="/etc/clamd.d/scan.conf")
    for place, folder in _PHP:
        yield Read(key=f"PHP {place}", path=f"{folder}/php.ini")
        yield Read(key=f"PHP of whosent {place}", path=f"{folder}/conf.d/99-whosent.ini")
    kept = _signature_folder(heard)
    if kept is not None:
        yield from (Read(key=f"signatures {name}", path=f"{kept}/{name}", most=512) for name in _DATABASES)


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterable[Result]:
    """Updates, signatures, logs."""
    if not target.here:
        return [_result(target, "", "undecided", "note", f"{target} is not this machine.", "Run Whosent there.")]
    return [
        *_updates(target, knowledge, heard),
        *_signatures(target, knowledge, heard),
        *_logs(target, heard),
    ]


def _result(  # noqa: PLR0913, PLR0917  # what a result says
    target: Target,
    about: str,
    verdict: Decision,
    severity: Severity,
    sentence: str,
    why: str,
    fix: list[Remedy] | None = None,
    evidence: list[Passage] | None = None,
    causes: list[Opening] | None = None,
) -> Result:
    return Result(
        check=_NAME, target=target.name, about=about, verdict=verdict, severity=severity, sentence=sentence, why=why,
        fix=fix or [], evidence=evidence or [], causes=causes or [], verify=_VERIFY,
    )  # fmt: skip


def _output(heard: Heard, key: str) -> str | None:
    answer = heard.get(key)
    return answer.output if isinstance(answer, Ran) and answer.problem is None else None


def _text(heard: Heard, key: str) -> str | None:
    answer = heard.get(key)
    return answer.text if isinstance(answer, Content) and answer.problem is None else None


# ------------------------------------------------------------------ updates


def _updates(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Result]:
    apt, dnf = _output(heard, "apt"), _output(heard, "dnf")
    if apt is None and dnf is None:
        yield _result(
            target, "security updates", "undecided", "note", "Which security updates are pending is not known.",
            "Neither apt-get nor dnf answers here.",
        )  # fmt: skip
        return
    found = packages.of_apt(apt) if apt is not None else packages.of_dnf(dnf or "")
    key = "apt" if apt is not None else "dnf"
    if found:
        named = ", ".join(one.package for one in found[:6]) + (" ..." if len(found) > 6 else "")  # noqa: PLR2004  # named
        yield _result(
            target, "security updates", "open", "warning",
            f"{len(found)} packages that touch mail wait for a security update: {named}.",
            "Holes that are published are tried by everybody.", [_upgrade(found, key)],
            [Passage(source=" ".join(_PROGRAMS[key]), at=rfc3339(int(heard[key].at)),
                     lines=[one.line for one in found[:_SHOWN]])],
        )  # fmt: skip
    age = _age_of_lists(knowledge, heard) if apt is not None else 0.0
    if age is None or age > _STALE_LISTS:
        since = f"are {age:,.0f} days old" if age is not None else "are not there"
        yield _result(
            target, "package lists", "undecided", "warning", f"The package lists of this machine {since}.",
            "Newer security updates are not seen: run apt-get update, or let unattended-upgrades do it.",
        )  # fmt: skip
    elif not found:
        yield _result(
            target,
            "security updates",
            "closed",
            "note",
            "No package that touches mail waits for a security update.",
            "",
        )


def _age_of_lists(knowledge: Knowledge, heard: Heard) -> float | None:
    """Days since the newest was fetched."""
    stamps = []
    for line in (_output(heard, "lists") or "").split():
        try:
            stamps.append(float(line))
        except ValueError:
            continue
    return max(0.0, (knowledge.moment - max(stamps)) / _DAY) if stamps else None


def _upgrade(found: list[Update], key: str) -> Remedy:
    sound = [one for one in found if packages.plain(one)][:_SHOWN]
    names = " ".join(one.package for one in sound)
    back = " ".join(f"{one.package}={one.here}" for one in sound if one.here)
    if key == "dnf":
        return Remedy(
            step="close", title="Install them", reach="these packages and what they need",
            commands=[f"dnf upgrade --security {names}"], undo=["dnf history undo last"],
        )  # fmt: skip
    return Remedy(
        step="close", title="Install them", reach="these packages and what they need",
        commands=["apt-get update", f"apt-get install --only-upgrade {names}"],
        undo=[f"apt-get install --allow-downgrades {back}"] if back else [],
        note="The way back works as long as the archive or /var/cache/apt has the old versions.",
    )  # fmt: skip


# ------------------------------------------------------------------ signatures


def _signature_folder(heard: Heard) -> str | None:
    """Where clamd's signatures are; None: there is no clamd here."""
    text = _text(heard, "clamd") or _text(heard, "clamd elsewhere")
    return None if text is None else signatures.directory(text)


def _signatures(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Result]:
    folder = _signature_folder(heard)
    if folder is None:
        return
    dates = {name: signatures.built(_text(heard, f"signatures {name}") or "") for name in _DATABASES}
    known = {name: date for name, date in dates.items() if date is not None}
    fetch = Remedy(
        step="close", title="Let freshclam fetch them", reach="ClamAV's databases",
        commands=["systemctl enable --now clamav-freshclam", "freshclam"],
        undo=["systemctl disable --now clamav-freshclam"],
    )  # fmt: skip
    if not known:
        unreadable = [answer for name in _DATABASES if (answer := heard.get(f"signatures {name}")) and answer.problem
                      and answer.problem.obstacle == "permission"]  # fmt: skip
        yield _result(
            target, "virus signatures", "undecided" if unreadable else "open", "warning",
            f"ClamAV is set up here, but {folder} holds no official signatures"
            + (" that this user may read." if unreadable else "."),
            "Without them it knows no virus.", [] if unreadable else [fetch],
        )  # fmt: skip
        return
    name, newest = max(known.items(), key=lambda pair: pair[1])
    days = max(0.0, (knowledge.moment - newest) / _DAY)
    evidence = [
        Passage(source=f"{folder}/{name}", at=rfc3339(knowledge.moment), lines=[f"built {rfc3339(int(newest))}"])
    ]
    if days > _OLD:
        yield _result(
            target, "virus signatures", "open", "critical" if days > _VERY_OLD else "warning",
            f"ClamAV's newest signatures are {days:,.0f} days old.", "New viruses pass in both directions.", [fetch],
            evidence,
        )  # fmt: skip
    else:
        yield _result(
            target, "virus signatures", "closed", "note", f"ClamAV's newest signatures are {days:,.1f} days old.", "",
            evidence=evidence,
        )  # fmt: skip


# ------------------------------------------------------------------ logs


def _logs(target: Target, heard: Heard) -> Iterator[Result]:
    seen, blinds = [], list[tuple[str, Blind]]()
    postfix = _output(heard, "Postfix")
    if postfix is not None:
        seen.append("Postfix")
        blinds += [("postfix", one) for one in logging.of_postfix(logging.parameters(postfix))]
    exim = _output(heard, "Exim") or _output(heard, "Exim elsewhere")
    if exim is not None:
        seen.append("Exim")
        blinds += [("exim", one) for one in logging.of_exim(exim)]
    for place, folder in _PHP:
        text = _text(heard, f"PHP {place}")
        if text is not None:
            seen.append(f"PHP {place}")
            own = _text(heard, f"PHP of whosent {place}")
            blinds += [("php", one) for one in logging.of_php(folder, [text, own or ""])]
    for server, one in blinds:
        yield _blind(target, server, one)
    if seen and not blinds:
        yield _result(
            target,
            "log settings",
            "closed",
            "note",
            "The logs of this machine say what Whosent needs.",
            ", ".join(seen),
        )


def _blind(target: Target, server: str, one: Blind) -> Result:
    by_hand = Remedy(step="close", title="Add the line", reach="what is logged; no message is touched", commands=[],
                     undo=[], note=f"In {one.where}: {one.line}")  # fmt: skip
    if server == "postfix":
        name, _, value = (word.strip() for word in one.line.partition("="))
        by_hand = Remedy(
            step="close", title="Add the line", reach="what is logged; no message is touched",
            commands=[f"postconf -e '{name} = {value}'", "postfix reload"],
            undo=[f"postconf -X {name}", "postfix reload"], note=f"In {one.where}: {one.line}",
        )  # fmt: skip
    elif server == "php":
        by_hand = Remedy(
            step="close", title="Add the line", reach="what PHP logs; no message is touched",
            commands=["whosent setup php --install"], undo=["whosent setup php --undo"],
            note=f"In {one.where}: {one.line}. Then reload PHP-FPM or Apache.",
        )  # fmt: skip
    return _result(
        target, one.about, "open", "warning" if one.grave else "note", f"{one.about}: {one.blind}.",
        "Whosent names a culprit only as far as the logs do.", [by_hand],
        causes=[Opening(file=one.where, line=None, text=one.line, why="this line is missing")],
    )  # fmt: skip


check: Final = Check(_NAME, "Updates, signatures and logs", targets, questions, judge, probes=False)
