"""``whosent submission autoconfig``: files and records that lead mail programs to authenticated submission."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from whosent.autoconfig.documents import files
from whosent.autoconfig.offers import USUAL, Offer, fact, question
from whosent.cli.leaving import Exit, fail
from whosent.configuration import load
from whosent.model.check import Knowledge, Target
from whosent.probing.consent import is_ours
from whosent.probing.letters import helo
from whosent.sources import prober, surroundings

_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help="Authenticated submission: how mail programs find it.", no_args_is_help=True)
    group.command("autoconfig")(autoconfig)
    app.add_typer(group, name="submission")


def autoconfig(  # noqa: PLR0913  # each is a documented option
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The mail domain, such as example.org.")],
    *,
    server: Annotated[
        str, typer.Option("--server", metavar="NAME", help="Host that mail programs use; empty: mail.DOMAIN.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="TEXT", help="What people see as the account's name; empty: the domain.")
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FOLDER", help="New folder to write to; without it they are only shown."),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="The server is ours, or we may ask its ports: your word for it.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object: offers, and each file by path.")] = False,
) -> None:
    """Write autoconfig, autodiscover, an Apple profile and SRV records for what the server's ports really accept.

    Example: whosent submission autoconfig example.org --server mail.example.org --output autoconfig-files
    """
    domain, server = domain.lower().rstrip("."), (server or f"mail.{domain}").lower().rstrip(".")
    for word in (domain, server):
        if not _NAME.fullmatch(word):
            fail(f"{word!r} is no name of a host or domain. Write it like example.org.")
    settings = load(os.environ)
    knowledge = Knowledge(settings=settings, host=surroundings.name(), addresses=surroundings.addresses())
    if not confirm and not is_ours(Target(server), knowledge):
        fail(f"{server}: nothing says that this is ours, and only our own ports are asked. Name it in ours.domains or "
             "audit.hosts; or repeat the command with --confirm.")  # fmt: skip
    offers, refused = _offered(server, knowledge)
    if not any(one.protocol == "smtp" for one in offers):
        fail(f"{server} accepts no authenticated submission: {'; '.join(refused)}. Offer port 465 or 587 first.")
    written = files(domain, name or domain, offers)
    if output is not None:
        _write(output, written)
    _show(offers, refused, written, output, json=json)
    raise SystemExit(Exit.CLEAN)


def _offered(server: str, knowledge: Knowledge) -> tuple[list[Offer], list[str]]:
    """The usual ports that keep what they promise, and why the others do not."""
    usual = [Offer(protocol, server, port, security) for (protocol, security), port in USUAL.items()]
    asked = {f"{one.port}": one for one in usual}
    answers = {
        one.key: one
        for one in prober.ask([question(one, key, helo(knowledge)) for key, one in asked.items()], knowledge)
    }
    facts = {key: fact(one, answers.get(key)) for key, one in asked.items()}
    return (
        [one for key, one in asked.items() if facts[key].promise == "kept"],
        [f"port {key} {facts[key].words}" for key in asked if facts[key].promise != "kept"],
    )


def _write(folder: Path, written: dict[str, str]) -> None:
    if folder.exists():
        fail(f"{folder} exists already. Name a folder that does not, so that nothing is overwritten.")
    for path, text in written.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def _show(offers: list[Offer], refused: list[str], written: dict[str, str], output: Path | None, *, json: bool) -> None:
    if json:
        told = {
            "schema": "whosent.autoconfig/1",
            "offers": [one._asdict() for one in offers],
            "refused": refused,
            "files": written,
        }
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        return
    for one in offers:
        sys.stdout.write(f"{one.protocol:5} {one.host}, port {one.port}, {one.security}\n")
    for words in refused:
        sys.stdout.write(f"left out: {words}\n")
    sys.stdout.write("\nRecords for the zone:\n" + written["records.zone"])
    if output is not None:
        sys.stdout.write(f"\nWritten below {output}: {', '.join(written)}\n")
        return
    for path, text in written.items():
        if path != "records.zone":
            sys.stdout.write(f"\n--- {path}\n{text}")
