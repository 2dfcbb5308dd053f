"""``whosent egress``: let only declared senders speak to port 25; shown first, tried for minutes, kept, taken back."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from whosent.cli.leaving import Exit, fail
from whosent.cli.options import console, ledger_of
from whosent.configuration import load
from whosent.model.settings import Settings
from whosent.report.words import counted, visible
from whosent.responders import egress
from whosent.servers import firewall
from whosent.servers.firewall import Counted, Policy, Speaker
from whosent.sources.arguments import expand
from whosent.sources.files import at_path
from whosent.sources.surroundings import who
from whosent.store.audits import Audits

_SHOWN = 20
Logs = Annotated[
    list[str] | None,
    typer.Option("--logs", metavar="LOG", help="A kernel log with lines of a firewall's LOG rule; may be repeated."),
]
Gateway = Annotated[
    bool, typer.Option("--gateway", help="This machine passes on others' connections: rules for them, too.")
]
Relay = Annotated[
    list[str] | None,
    typer.Option("--relay", metavar="ADDRESS", help="Behind this gateway: who may speak to port 25; may be repeated."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object (schema whosent.egress/1).")]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints: the rules, who they would refuse, and what they have counted."""

    schema: str = "whosent.egress/1"
    rules: str
    allowed_users: list[str]
    allowed_hosts: list[str]
    cut_off: list[dict[str, str | int | None]]
    in_force: bool
    seconds_left: int | None
    passed: int
    refused: int


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Only declared senders speak to port 25.", no_args_is_help=True, rich_markup_mode=None)
    for command in (rules, keep, undo, status):
        group.command()(command)
    group.command("try")(try_)
    app.add_typer(group, name="egress")


def rules(*, logs: Logs = None, gateway: Gateway = False, relay: Relay = None, json: AsJson = False) -> None:
    """Print the nftables rules and who they would cut off, by logs, connections and what was counted; changes nothing.

    Example: whosent egress rules --logs /var/log/kern.log
    """
    settings = load(os.environ)
    policy = _policy(settings, relay, gateway=gateway)
    cut = firewall.cut_off([*_in_logs(logs or []), *_now(), *_counted(_status())], policy)
    if json:
        _json(policy, cut, _status())
    sys.stdout.write(firewall.rules(policy) + "\n")
    _preview(cut, console())
    raise SystemExit(Exit.CLEAN)


def try_(
    *,
    minutes: Annotated[
        int, typer.Option("--minutes", min=1, max=10_080, help="Until it ends by itself, whatever happens.")
    ] = 5,
    count: Annotated[
        bool, typer.Option("--count", help="Refuse nobody: only count who would be refused, until it is undone.")
    ] = False,
    gateway: Gateway = False,
    relay: Relay = None,
) -> None:
    """Put the rules in force for some minutes: the kernel itself ends them, unless they are kept.

    Example: whosent egress try --minutes 5
    """
    settings = load(os.environ)
    policy = _policy(settings, relay, gateway=gateway)._replace(minutes=0 if count else minutes, refuse=not count)
    _root("try")
    _note(settings, "count" if count else f"try {minutes} minutes", firewall.rules(policy))
    egress.load(policy)
    if count:
        sys.stdout.write("Counting, and refusing nobody. See: whosent egress status. End: whosent egress undo\n")
    else:
        sys.stdout.write(
            f"In force for {counted(minutes, 'minute')}: it ends by itself. See: whosent egress status.\n"
            "Make it stay: whosent egress keep. End it now: whosent egress undo\n"
        )
    raise SystemExit(Exit.CLEAN)


def keep() -> None:
    """Make the rules that are being tried stay as they are, over restarts too.

    Example: whosent egress keep
    """
    settings = load(os.environ)
    _root("keep")
    stands = egress.status()
    tried = Audits(ledger_of(settings)).last_tried()
    if stands is None or not stands.refuses or tried is None:
        fail("nothing is being tried: whosent egress try, then keep it before its time is over.")
    _note(settings, "keep", firewall.lasting(tried))
    written = egress.keep(tried)
    sys.stdout.write(f"It stays. Written: {', '.join(written)}. Take back: whosent egress undo\n")
    raise SystemExit(Exit.CLEAN)


def undo() -> None:
    """Take the rules away, and what keeps them; everything is as it was.

    Example: whosent egress undo
    """
    _root("undo")
    _note(load(os.environ), "undo", firewall.removal())
    removed = egress.undo()
    sys.stdout.write(f"Taken back.{' Removed: ' + ', '.join(removed) + '.' if removed else ''}\n")
    raise SystemExit(Exit.CLEAN)


def status(*, json: AsJson = False) -> None:
    """Say whether the rules hold, how long still, and whom they refused.

    Example: whosent egress status
    """
    _root("status")
    settings = load(os.environ)
    stands = egress.status()
    policy = _policy(settings, None, gateway=bool(settings.audit.relays))
    if json:
        _json(policy, list(_counted(stands)), stands)
    if stands is None:
        sys.stdout.write("No rules of Whosent are loaded: everybody may speak to port 25.\n")
        raise SystemExit(Exit.WARNING)
    if not stands.refuses:
        sys.stdout.write("The rules only count: nobody is refused.\n")
    elif stands.seconds is not None:
        sys.stdout.write(f"On trial for {counted(stands.seconds, 'more second')}. Make it stay: whosent egress keep\n")
    else:
        sys.stdout.write("In force.\n")
    sys.stdout.write(f"{counted(stands.passed, 'connection')} of declared senders, {stands.refused:,} of others.\n")
    _preview(list(_counted(stands)), console(), "Of others")
    raise SystemExit(Exit.CLEAN if stands.refuses else Exit.WARNING)


def _root(verb: str) -> None:
    if os.geteuid() != 0:
        fail(f"only root may ask and change the firewall: sudo whosent egress {verb}.")


def _note(settings: Settings, what: str, text: str) -> None:
    """The journal is written before anything is done."""
    Audits(ledger_of(settings)).note_firewall(datetime.now(UTC).isoformat(timespec="seconds"), who(), what, text)


def _policy(settings: Settings, relay: list[str] | None, *, gateway: bool) -> Policy:
    hosts = (*settings.audit.relays, *(relay or ()))
    return Policy([uid for uid, _ in _allowed(settings)], hosts, gateway or bool(hosts))


def _allowed(settings: Settings) -> Iterator[tuple[int, str]]:
    """Declared users that there are here; root always is one."""
    yield 0, "root"
    for name in settings.audit.smtp_users:
        try:
            yield pwd.getpwnam(name).pw_uid, name
        except KeyError:
            continue


def _in_logs(logs: list[str]) -> list[Speaker]:
    paths, missing = expand(logs)
    if missing:
        fail(f"no such log: {', '.join(missing)}. Give kernel logs, such as /var/log/kern.log*.")
    return [
        speaker
        for path in paths
        for speaker in firewall.speakers_in_log(
            line.decode("utf-8", "backslashreplace")
            for _, chunk, _ in at_path(path).chunks()
            for line in chunk.splitlines()
        )
    ]


def _now() -> list[Speaker]:
    try:
        done = subprocess.run(["ss", "-Htne"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S607  # PATH
    except (OSError, subprocess.TimeoutExpired):
        return []
    return firewall.speakers_now(done.stdout)


def _status() -> Counted | None:
    return egress.status() if os.geteuid() == 0 else None


def _counted(stands: Counted | None) -> Iterator[Speaker]:
    if stands is not None:
        yield from (Speaker(uid, "", count) for uid, count in stands.users.items())
        yield from (Speaker(None, host, count) for host, count in stands.hosts.items())


def _called(one: Speaker) -> str:
    if one.host:
        return one.host
    try:
        return f"{pwd.getpwuid(one.user or 0).pw_name} (uid {one.user})"
    except KeyError:
        return f"uid {one.user}"


def _preview(cut: list[Speaker], out: Console, title: str = "Would be cut off") -> None:
    if not cut:
        out.print(f"{title}: nobody that logs, open connections or counters know of.")
        return
    out.print(f"{title}:")
    for one in cut[:_SHOWN]:
        out.print(f"  {visible(_called(one))}: {counted(one.connections, 'connection')}")
    if len(cut) > _SHOWN:
        out.print(f"  and {len(cut) - _SHOWN:,} more")


def _json(policy: Policy, cut: list[Speaker], stands: Counted | None) -> None:
    told = Told(
        rules=firewall.rules(policy),
        allowed_users=[_called(Speaker(uid, "", 0)) for uid in policy.users],
        allowed_hosts=list(policy.hosts),
        cut_off=[{"user": one.user, "host": one.host or None, "connections": one.connections} for one in cut],
        in_force=bool(stands and stands.refuses),
        seconds_left=stands.seconds if stands else None,
        passed=stands.passed if stands else 0,
        refused=stands.refused if stands else 0,
    )
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    raise SystemExit(Exit.CLEAN)
