"""The generated parts of the documentation; each function gives Markdown, cog puts it into its page.

``cog -r`` writes the pages anew (``make docs``), ``cog --check`` fails where one is not up to date (``make test``).
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Final, get_args

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from whosent.checks import discover as discover_checks
from whosent.cli import Exit, app
from whosent.complaints.layouts import discover as discover_layouts
from whosent.detectors import discover as discover_detectors
from whosent.dialects import Dialect, Rule, discover
from whosent.model import (
    action,
    alert,
    case,
    complaint,
    condition,
    dossier,
    finding,
    incident,
    inquiry,
    knobs,
    lifecycle,
    queued_message,
)  # fmt: skip
from whosent.model import audit as audit_model
from whosent.model import check as check_model
from whosent.model import report as report_model
from whosent.model import trace as trace_model
from whosent.model.settings import Settings
from whosent.queues import exim, postfix, sendmail
from whosent.reading.events import FIELDS, SHOWN
from whosent.tables import Table
from whosent.tables import discover as discover_tables

ROOT: Final = Path(__file__).parents[2]
INCIDENT: Final = tuple(
    f"samples/incident/{name}" for name in ("mail.log", "web-mail.log", "access.log", "php-mail.log")
)
_COMPLAINTS: Final = ("Complaint", "ReportedRecipient", "Basis")
_OBJECTS: Final = (
    "Report", "Coverage", "SourceCoverage", "Unrecognised", "Incident", "Suspect", "ReportedFinding", "Evidence",
    "Remedy", "Overview", "Bucket", "LoginNetwork", "Queue", "QueueSource", "QueuePile", "QueueSample",
)  # fmt: skip
_TRACE: Final = (
    "Trace", "Hop", "Boundary", "Forgery", "Claim", "Authenticated",
    "Logged", "Inquiry", "Advertised", "Registration", "Resolution",
)  # fmt: skip
_ALERTS: Final = ("Alert", "KeptAlert", "TriedChannel")
_AUDIT: Final = ("Audit", "Changed", "Confirmed", "Result", "Opening", "Vector", "Passage")
_ACTIONS: Final = ("Plan", "Action", "Done", "QueueStatus", "SetUp", "SetUpChange", "Replay", "ReplayedSuspect")
_CASE: Final = (
    "CaseFile", "Statement", "Exhibit", "Happening", "SeenAddress", "Change", "LogFile", "Verified", "Link",
)  # fmt: skip
_DOSSIER: Final = ("Dossier", "Gap")
_LINKED: Final = {
    *_OBJECTS, *_ALERTS, *_AUDIT, *_CASE, *_DOSSIER, *_COMPLAINTS, *_TRACE, "KeptIncident", "Happened", "State", "What",
    "FollowedLog",
    "Decision", "News", "Subject", "Urgency", "Sign", "ClaimKind", "Reach", "Disguise", "Cause", "Strength", "Level",
    *_ACTIONS, "Progressed", "SuspectKind", "Step", "Verdict", "ReportKind", "Ownership",
}  # fmt: skip
_CONDITION: Final = ("Condition", "FollowedLog")
_KEPT: Final = ("KeptIncident", "IncidentShown", "Happened")
_ROLE: Final = re.compile(r":(?:mod|class|func|meth|data):`~?([^`<]*?)(?: <[^>]*>)?`")


def _cell(text: str) -> str:
    """Text for one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(_cell, line)) + " |\n" for line in lines)


def _code(text: str, language: str = "text") -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def _told(documented: object) -> str:
    """A docstring as Markdown: reST's double backticks are code in both, its roles become code."""
    return _ROLE.sub(r"`\1`", inspect.getdoc(documented) or "")


# ---------------------------------------------------------------------------------------- commands and settings


def commands() -> str:
    """Every command with its arguments and options."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    parts = [_parameters(group)]
    for name, command in leaves(group):
        sentence, _, example = inspect.cleandoc(command.help or "").partition("Example:")
        parts.append(f"## whosent {name}\n\n{' '.join(sentence.split())}\n")
        if example:
            parts.append(_code(example.strip(), "sh"))
        parts.append(_parameters(command))
    return "\n".join(parts)


def leaves(group: TyperGroup, before: str = "") -> Iterator[tuple[str, TyperCommand]]:
    """Every command with its whole name: ``scan``, ``complaint add``."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from leaves(command, f"{before}{name} ")
        else:
            assert isinstance(command, TyperCommand)
            yield f"{before}{name}", command


def _parameters(command: TyperGroup | TyperCommand) -> str:
    rows = [
        (_spelling(parameter), parameter.help or "")
        for parameter in command.params
        if isinstance(parameter, (TyperArgument, TyperOption)) and "completion" not in (parameter.name or "")
    ]
    return _table(("argument or option", "meaning"), rows) if rows else ""


def _spelling(parameter: TyperArgument | TyperOption) -> str:
    if isinstance(parameter, TyperArgument):
        return f"`{parameter.metavar or parameter.name}`"
    value = "" if parameter.is_flag else f" {parameter.metavar or 'NUMBER'}"
    return ", ".join(f"`{name}{value}`" for name in parameter.opts)


def exit_codes() -> str:
    """The exit codes."""
    return _table(("code", "name"), [(f"`{code.value}`", code.name.lower()) for code in Exit])


def settings() -> str:
    """Every setting, section by section."""
    sections: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for knob in knobs.knobs(Settings()):
        section, _, key = knob.name.partition(".")
        sections[section].append(
            (f"`{key}`", knob.kind, f"`{knobs.toml(knob.default)}`", knob.doc, f"`{knob.variable}`")
        )
    defaults = Settings()
    return "\n".join(
        f"## {section}\n\n{_told(type(getattr(defaults, section)))}\n\n"
        + _table(("setting", "kind", "default", "meaning", "environment"), rows)
        for section, rows in sections.items()
    )


# ---------------------------------------------------------------------------------------- detectors and dialects


def detectors() -> str:
    """Every detector, from its module's own words."""
    return "\n".join(
        f"## {detector.__module__.rpartition('.')[2]}\n\n{_told(importlib.import_module(detector.__module__))}\n"
        for detector in discover_detectors()
    )


def checks() -> str:
    """Every check, from its module's own words."""
    return "\n".join(
        f"## {check.name}\n\n*{check.title}.* {_told(importlib.import_module(f'whosent.checks.{check.name}'))}\n"
        for check in discover_checks().values()
    )


def audits() -> str:
    """Every object of ``audit --json``, and its closed list."""
    decisions = _listed(get_args(check_model.Decision))
    return _structs((audit_model, check_model), _AUDIT) + f"\n### Decision\n\n{decisions}\n"


def queues() -> str:
    """What the reading of each queue says of itself."""
    titles = (("Postfix queue files", postfix), ("Exim spool", exim), ("Sendmail queue", sendmail))
    return "".join(f"## {title}\n\n{_told(module)}\n\n" for title, module in titles)


def formats() -> str:
    """Every dialect: who writes it, what Whosent makes of it, and what its module says of it."""
    ordered = sorted(discover(), key=lambda dialect: (not _events(dialect), dialect.title.lower()))
    return "\n".join(_format(dialect) for dialect in ordered)


def tables() -> str:
    """Every table, in the same way."""
    return "\n".join(_format(table) for table in sorted(discover_tables(), key=lambda table: table.title.lower()))


def _all() -> list[Dialect | Table]:
    return [*discover(), *discover_tables()]


def _format(dialect: Dialect | Table) -> str:
    module = importlib.import_module(f"whosent.{'tables' if isinstance(dialect, Table) else 'dialects'}.{dialect.name}")
    events = _events(dialect)
    gives = ", ".join(f"`{event}`" for event in events) or "nothing: its lines are counted as understood"
    return f"## {dialect.title}\n\n{_told(module)}\n\nGives: {gives}. {_proven(dialect.name)}\n"


def _proven(name: str) -> str:
    """Whether lines of the real program are among the samples."""
    samples = [path.name for path in (ROOT / "tests" / "samples" / name).glob("*.log")]
    if any("written" not in sample for sample in samples):
        return "Proven on lines recorded from the real program."
    return (
        "**Unproven**: no line of the real program could be recorded here; written from its sources or documentation."
    )


def _events(dialect: Dialect | Table) -> list[str]:
    """The events a dialect makes, in the order they are declared, but for those that say nothing of a message."""
    made = dict.fromkeys(SHOWN.get(rule.event, rule.event) for rule in _rules(dialect))
    return [event for event in made if event not in {"notice", "connection", "session", "forward"}]


def _rules(dialect: Dialect | Table) -> Iterator[Rule]:
    if isinstance(dialect, Table):
        yield from dialect.rules
        return
    for _, rules in dialect.programs:
        yield from rules
    yield from dialect.lines


def layouts() -> str:
    """Every layout of reports, from its module's own words."""
    return "\n".join(
        f"## {layout.title}\n\n`{layout.name}`. "
        f"{_told(importlib.import_module(f'whosent.complaints.layouts.{layout.name}'))}\n"
        for layout in discover_layouts()
    )


# ---------------------------------------------------------------------------------------- JSON


def structs() -> str:
    """Every object of ``scan --json``: its fields with their types and meaning, outermost first."""
    return _structs((report_model, incident, finding), _OBJECTS)


def complaints() -> str:
    """Every object of ``complaint --json``."""
    return _structs((complaint,), _COMPLAINTS)


def kept_incidents() -> str:
    """Every object of ``incident --json`` that ``scan --json`` does not have too, and its closed lists."""
    values = _fields(lifecycle)
    lists = [
        f"\n### {name}\n\n"
        + _table(("word", "meaning"), [(f"`{word.strip(chr(34))}`", note) for _, word, note in values[name]])
        for name in ("State", "What")
    ]
    return _structs((lifecycle,), _KEPT) + "".join(lists)


def alerts() -> str:
    """Every object that channels are given and ``alert --json`` prints, and its closed lists."""
    news = [(f"`{word.strip(chr(34))}`", note) for _, word, note in _fields(alert)["News"]]
    lists = [f"\n### {name}\n\n{_listed(get_args(words))}\n" for name, words in
             (("Urgency", alert.Urgency), ("Subject", alert.Subject))]  # fmt: skip
    return _structs((alert,), _ALERTS) + f"\n### News\n\n{_table(('word', 'meaning'), news)}" + "".join(lists)


def actions() -> str:
    """Every object of the commands that act, and how far an action can have come."""
    states = [(f"`{word.strip(chr(34))}`", note) for _, word, note in _fields(action)["Progressed"]]
    return _structs((action,), _ACTIONS) + f"\n### Progressed\n\n{_table(('word', 'meaning'), states)}"


def cases() -> str:
    """Every object of ``incident report --json`` and ``incident verify --json`` that the others do not have too."""
    return _structs((case,), _CASE)


def queue_samples() -> str:
    """The object of ``parse --queue``."""
    return _structs((queued_message,), ("QueueSample",))


def dossiers() -> str:
    """Every object of ``incident dossier --json`` that the others do not have too."""
    return _structs((dossier,), _DOSSIER)


def conditions() -> str:
    """Every object of ``status --json`` that the others do not have too."""
    return _structs((condition,), _CONDITION)


def traces() -> str:
    """Every object of ``trace --json`` that ``scan --json`` does not have too, and its closed lists."""
    lists = (
        ("Sign", trace_model.Sign),
        ("ClaimKind", trace_model.ClaimKind),
        ("Reach", inquiry.Reach),
        ("Disguise", inquiry.Disguise),
    )
    objects = _structs((trace_model, inquiry), _TRACE)
    return objects + "".join(f"\n### {name}\n\n{_listed(get_args(words))}\n" for name, words in lists)


def _structs(modules: tuple[ModuleType, ...], names: Iterable[str]) -> str:
    notes = {name: fields for module in modules for name, fields in _fields(module).items()}
    parts = []
    for name in names:
        struct = next(getattr(module, name) for module in modules if hasattr(module, name))
        declared = [field for part in reversed(struct.__mro__) for field in notes.get(part.__name__, ())]
        rows = [(f"`{field.rstrip('_')}`", _json_type(kind), note) for field, kind, note in declared]
        parts.append(f"### {name}\n\n{_told(struct)}\n\n" + _table(("field", "type", "meaning"), rows))
    return "\n".join(parts)


def _json_type(annotation: str) -> str:
    """``list[str] | None`` as ``list of string, or null``."""
    if annotation.startswith("Literal["):
        return " or ".join(f"`{word}`" for word in ast.literal_eval(f"({annotation[8:-1]},)"))
    if inner := re.fullmatch(r"(list|tuple|dict)\[(.*)\]", annotation):
        parts = [_json_type(part) for part in re.split(r", (?![^\[]*\])", inner[2])]
        if inner[1] == "dict":
            return f"object: {parts[0]} to {parts[1]}"
        return f"pair of {parts[0]}" if inner[1] == "tuple" else f"list of {parts[0]}"
    if " | " in annotation and not annotation.endswith("]"):
        *most, last = map(_json_type, annotation.split(" | "))
        return f"{', '.join(most)} or {last}"
    plain = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "null"}
    return plain.get(annotation, f"[{annotation}](#{annotation.lower()})" if annotation in _LINKED else annotation)


def words() -> str:
    """The closed lists of words."""
    values = {name: fields for name, fields in _fields(finding).items() if name in {"Cause", "Strength", "Level"}}
    parts = [f"### SuspectKind\n\n{_listed(get_args(finding.SuspectKind))}\n"]
    parts.append(f"### Step\n\n{_listed(get_args(incident.Step))}\n")
    parts.append(f"### Verdict\n\n{_listed(get_args(report_model.Verdict))}\n")
    parts.append(f"### ReportKind\n\n{_listed(get_args(complaint.ReportKind))}\n")
    parts.append(f"### Ownership\n\n{_listed(get_args(complaint.Ownership))}\n")
    for name, fields in values.items():
        rows = [(f"`{value.strip(chr(34))}`", note) for _, value, note in fields]
        documented = getattr(finding, name)
        table = (
            _table(("word", "meaning"), rows) if any(note for _, note in rows) else _listed(v for v, _ in rows) + "\n"
        )
        parts.append(f"### {name}\n\n{_told(documented)}\n\n{table}")
    return "\n".join(parts)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(value if value.startswith("`") else f"`{value}`" for value in values)


def _fields(module: ModuleType) -> dict[str, list[tuple[str, str, str]]]:
    """Of each class in a module: its fields as (name, type or value, the comment behind or above it)."""
    source = inspect.getsource(module)
    comments = {
        token.start[0]: token.string.lstrip("# ").partition("  #")[0]
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT and "noqa" not in token.string and "fmt:" not in token.string
    }
    found: dict[str, list[tuple[str, str, str]]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = [
                (*declared, comments.get(statement.end_lineno or 0, ""))
                for statement in node.body
                if (declared := _declared(statement)) is not None
            ]
    return found


def _declared(statement: ast.stmt) -> tuple[str, str] | None:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, ast.unparse(statement.annotation)
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, ast.unparse(statement.value).strip("'")
    return None


def events() -> str:
    """Which events ``parse`` prints, which programs write them, and which fields they may have."""
    makers: dict[str, dict[str, None]] = defaultdict(dict)
    for dialect in _all():
        for rule in _rules(dialect):
            makers[SHOWN.get(rule.event, rule.event)][dialect.title] = None
    rows = [(f"`{event}`", _EVENTS[event], ", ".join(makers[event]), _listed(_own(event))) for event in _EVENTS]
    return _table(("event", "what happened", "written by", "its fields, as far as the line has them"), rows)


def _own(event: str) -> list[str]:
    """The fields of an event, in whichever lines it is told."""
    told = [kind for kind in FIELDS if SHOWN.get(kind, kind) == event]
    rules = (rule for one in _all() for rule in _rules(one) if rule.event in told)
    names = dict.fromkeys(name for kind in told for name in FIELDS[kind] if name != "recipients")
    return [*names, *sorted({name for rule in rules for name, _ in rule.fixed} - names.keys())]


def event_fields() -> str:
    """What each field of an event means; one without a meaning fails the build of the page."""
    names = dict.fromkeys(name for event in _EVENTS for name in _own(event))
    return _table(("field", "meaning"), [(f"`{name}`", _MEANINGS[name]) for name in names])


_EVENTS: Final = {
    "connection": "a client came or went",
    "submission": "a client, or a local user, handed us a message: a queue id begins",
    "queued": "its envelope, its Message-ID or its subject",
    "delivery": "one recipient, one attempt",
    "notification": "the mail server made a bounce of it, with a queue id of its own",
    "cloned": "some of its recipients go on under other queue ids",
    "removed": "it left the queue: the queue id ends",
    "held": "it was put on hold",
    "released": "it was released, or queued again",
    "rejection": "something was refused before, or as, it became a message",
    "login": "somebody proved, or failed to prove, to be an account",
    "report": "a receiver told what it saw of mail in our domain's name (DMARC)",
    "request": "a web server answered",
    "call": "a script called mail()",
    "length": "how long a queue was when Whosent looked at it",
    "invocation": "a program called sendmail from this folder",
    "verdict": "a filter or policy service judged a message, or a client",
}
_MEANINGS: Final = {
    "client_name": "verified name of the client",
    "client_address": "its address",
    "client_port": "its port, where logged",
    "clone_queue_ids": "those ids",
    "queue_id": "id of the message while it is in this queue; Exchange: the id that all its servers keep",
    "account": "login, as the client gave it",
    "auth_method": "SASL mechanism",
    "uid": "user id that called sendmail",
    "local_user": "envelope sender that this process gave; its login name, where the mail server logs that",
    "original_queue_id": "id the message had before a filter gave it back",
    "original_client_name": "client from which the filter had it",
    "original_client_address": "address of that client",
    "original_client_port": "port of that client",
    "sender": "envelope sender (reverse-path)",
    "size": "bytes",
    "recipient_count": "recipients at the time",
    "message_id": "Message-ID header, with its brackets",
    "subject": "subject, where a header check logs it",
    "recipient": "envelope recipient; of a call: the To argument",
    "original_recipient": "recipient before an alias or forward of ours rewrote it",
    "agent": "delivery agent that tried: smtp, lmtp, local, virtual, pipe ...",
    "relay_host": "next hop by name",
    "relay_address": "next hop by address",
    "relay_port": "its port",
    "delay": "seconds since the message came",
    "dsn": "enhanced status code (RFC 3463)",
    "status": "sent, deferred, bounced, expired ...",
    "reply": "what the next hop, or the agent, said",
    "notification_queue_id": "queue id of the bounce",
    "helo": "name the client gave itself",
    "protocol": "SMTP, ESMTP ...",
    "verdict": "reject, milter-reject, discard ...",
    "stage": "CONNECT, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE",
    "code": "SMTP reply code",
    "reason": "why, in words",
    "service": "smtp, imap, pop3, web ...",
    "place": "country of the address, where the log names it",
    "reporter": "who made the report, in its own words",
    "report_id": "its id",
    "until": "end of the time it is about; ``time`` is the beginning",
    "domain": "domain that signed (OpenDKIM), was claimed (OpenDMARC), or whose policy was asked for (reports)",
    "policy": "what the domain asked receivers to do: none, quarantine, reject",
    "subdomain_policy": "the same for names below it",
    "percent": "share of mail the policy is for",
    "queue": "the folder of the queue",
    "count": "messages",
    "disposition": "what became of it (Amavis: RelayedOutbound, DiscardedInbound ...), or what the receiver did",
    "dkim": "pass if a signature of the domain was good",
    "spf": "pass if the address may send for the domain",
    "override": "why the receiver did otherwise than the policy says",
    "header_from": "domain of the From header",
    "dkim_domains": "domains of the signatures, with semicolons between",
    "dkim_results": "and what came of each",
    "spf_domain": "domain whose SPF record was asked",
    "spf_result": "and what came of it",
    "result": "success or failed",
    "method": "of the request",
    "path": "of the request, without its query",
    "http_status": "of the answer",
    "pid": "process that called or took the message",
    "script": "path of the file that called, or its folder",
    "script_line": "line in it",
    "program": "filter that judged",
    "direction": "Amavis: policy bank and origin (ORIGINATING, MYNETS, LOCAL)",
    "listed_recipients": "recipients, as the filter lists them",
    "action": "the filter's own word: add header, Passed SPAM, Y, infected, signed, greylist ...",
    "score": "points",
    "required": "points from which it is spam (spamd) or refused (rspamd)",
    "symbols": "rules that matched, as written; in braces stand strangers' words",
    "virus": "name of what was found",
    "digest": "rspamd's digest of the text, alike for every copy",
    "selector": "of the DKIM key that signed",
    "next_queue_id": "id the message got behind the filter",
}


# ---------------------------------------------------------------------------------------- output


def answer() -> str:
    """What ``whosent scan`` says first of the recorded incident: the verdict and the table of incidents."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WHOSENT_")}
    environment |= {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "whosent", "scan", *INCIDENT, "--timezone", "Europe/Berlin"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # ourselves
    if done.returncode not in range(3):
        sys.exit(done.stderr)
    return _code(done.stdout.partition("\n1. ")[0])


def benchmarks() -> str:
    """The latest measurements, where there are any."""
    if (ROOT / "benchmarks" / "results.md").exists():
        return "```{include} ../benchmarks/results.md\n:heading-offset: 1\n```\n"
    return "No measurement is recorded in this copy: run `make bench`.\n"
