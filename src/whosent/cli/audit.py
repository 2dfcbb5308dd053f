"""``whosent audit``: attack ourselves before the spammers do; each hole proven, with the line that opened it."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from whosent import auditing
from whosent.checks import discover
from whosent.cli.leaving import Exit, fail
from whosent.cli.options import console, ledger_of, settings_with, write_whole
from whosent.cli.sink import key_file
from whosent.configuration import zone_of
from whosent.model.audit import Audit, Confirmed
from whosent.model.check import Check, Knowledge, Sink, Target
from whosent.model.mistake import Mistake
from whosent.model.settings import Settings
from whosent.probing.consent import host_of, is_ours
from whosent.report import audit as shown
from whosent.sink import key as keys
from whosent.sources import changes, prober, surroundings
from whosent.sources.prober.wire import addresses
from whosent.store.audits import Audits

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CHECK]... [TARGET]...",
        help="Checks by name, then what to look at: hosts, addresses, URLs, folders; all checks here if none is named.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(  # noqa: PLR0913  # each is a documented option
    words: Words = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.audit/1).")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a self-contained HTML report without scripts."),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Say what changed since the last run, and which packages and files did between."
        ),
    ] = False,
    plugin: Annotated[
        bool, typer.Option("--plugin", help="Print one line as monitoring plugins do, with performance data.")
    ] = False,
    confirm: Annotated[
        bool,
        typer.Option(
            "--confirm", help="The named targets are ours, or we may probe them: your word is kept on record."
        ),
    ] = False,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Keep this run, to compare the next one with.")] = True,
) -> None:
    """Try every hole that spammers use on ourselves: what is open is proven, with the line to change and the way back.

    Example: whosent audit relay mx.example.org --compare
    """
    settings = settings_with(None, None, "", 0)
    knowledge, unseen = known(settings)
    chosen, targets = _sorted(words or [])
    kept = Audits(ledger_of(settings)) if keep else None
    work = list(_work(chosen, targets, knowledge))
    confirmed = _allowed(work, knowledge, kept, confirm=confirm)
    run = auditing.audit(work, knowledge, prober.ask, confirmed=confirmed, unseen=unseen, tell=_progress())
    before = kept.before(run.host, run.checks) if kept and compare else None
    if before is not None:
        run = auditing.compared(run, before, changes.since)
    if kept is not None:
        kept.keep(run)
    _show(run, settings, html, json=json, plugin=plugin)
    raise SystemExit(Exit[run.verdict.upper()])


def known(settings: Settings) -> tuple[Knowledge, list[str]]:
    """What checks know of this machine and its sink; and what cannot be seen for want of one."""
    unseen: list[str] = []
    sink = _sink(settings)
    if sink is None:
        unseen.append("Nothing could be proven by delivery: no sink is configured. `whosent sink init` says how to run "
                      "one on a host outside.")  # fmt: skip
    here = Knowledge(
        settings=settings, run=secrets.token_hex(8), moment=int(time.time()), host=surroundings.name(),
        addresses=surroundings.addresses(), users=surroundings.users(), root=os.geteuid() == 0, sink=sink,
    )  # fmt: skip
    return here, unseen


def _sink(settings: Settings) -> Sink | None:
    name = settings.audit.sink
    if not name:
        return None
    try:
        found = [address for _, address in addresses(settings.audit.sink_address or name, 25, 0)]
        known = sorted(found, key=lambda one: ":" in one)  # by IPv4 first: it is reached from everywhere
    except OSError:
        raise Mistake(
            f"audit.sink: {name} has no address. Give it one in the DNS, or name it in audit.sink_address."
        ) from None
    is_address = ":" in name or name.replace(".", "").isdecimal()
    places = [f"http://{f'[{one}]' if ':' in one else one}:{settings.audit.sink_port}" for one in known]
    other = next((place for one, place in zip(known, places, strict=True) if (":" in one) != (":" in known[0])), "")
    return Sink(address=known[0], domain="" if is_address else name, key=keys.read(key_file(settings)),
                query=places[0], other=other)  # fmt: skip


def _sorted(words: list[str]) -> tuple[list[Check], list[Target]]:
    """Words that name a check are checks, the others targets."""
    checks = discover()
    here = {surroundings.name().lower(), "localhost", *surroundings.addresses()}
    chosen = [checks[word] for word in words if word in checks]
    targets = [Target(word, here=host_of(Target(word)) in here) for word in words if word not in checks]
    if targets and not chosen:
        fail(f"{targets[0]}: name the check too, such as: whosent audit relay {targets[0]}. "
             f"Checks: {', '.join(checks)}.")  # fmt: skip
    return chosen or list(checks.values()), targets


def _work(chosen: Iterable[Check], targets: list[Target], knowledge: Knowledge) -> Iterable[tuple[Check, Target]]:
    for check in chosen:
        for target in targets or check.targets(knowledge):
            yield check, target


def _allowed(
    work: list[tuple[Check, Target]], knowledge: Knowledge, kept: Audits | None, *, confirm: bool
) -> list[Confirmed]:
    """On whose word targets are probed that no setting calls ours; the program ends here if on nobody's."""
    told: dict[str, Confirmed] = {}
    for check, target in work:
        if not check.probes or is_ours(target, knowledge) or target.name in told:
            continue
        known_word = kept.confirmed(target.name) if kept else None
        if known_word is None and not confirm:
            fail(f"{target}: nothing says that this is ours, and only our own is probed. Name it in ours.domains, "
                 "ours.networks or audit.hosts; or repeat the command with --confirm: your word that you may probe it "
                 "is kept on record.")  # fmt: skip
        if known_word is None:
            at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            known_word = Confirmed(target=target.name, by=surroundings.who(), at=at)
            if kept is None:
                fail("--confirm is kept on record, which --no-keep forbids. Leave one of them out.")
            kept.confirm(known_word)
        told[target.name] = known_word
    return list(told.values())


def _progress() -> auditing.Tell:
    """What is being done, on a terminal."""
    if not sys.stderr.isatty():
        return lambda _doing: None

    def tell(doing: str) -> None:
        sys.stderr.write(f"\r\x1b[K{doing[:70]} ..." if doing else "\r\x1b[K")
        sys.stderr.flush()

    return tell


def _show(run: Audit, settings: Settings, html: Path | None, *, json: bool, plugin: bool) -> None:
    zone = zone_of(settings.logs.timezone)
    if html is not None:
        write_whole(html, shown.page(run, zone))
    if json:
        sys.stdout.buffer.write(msgspec.json.encode(run) + b"\n")
        sys.stdout.buffer.flush()
    elif plugin:
        sys.stdout.write(shown.plugin(run) + "\n")
    else:
        shown.render(run, console(), zone)
