"""What a benchmark hands back: tables and sentences, written as Markdown and JSON."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from benchmarks import peer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.measure import Summary

COSTS = ["program", "CPU s", "wall s", "peak MiB", "cores", "MB/s of CPU", "x peer CPU", "x peer wall"]


@dataclass(slots=True)
class Table:
    """Rows under a head."""

    head: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)

    def markdown(self) -> str:
        """Draw it."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


@dataclass(slots=True)
class Section:
    """One benchmark's answer."""

    name: str
    says: str
    """What was measured, in a sentence or two."""
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: bool = False
    """Nothing was measured, because the thing to measure is not there."""

    def markdown(self) -> str:
        """Draw it as a chapter."""
        parts = [f"## {self.name}\n", f"{self.says}\n", *(table.markdown() for table in self.tables)]
        if self.notes:
            parts.append("".join(f"- {note}\n" for note in self.notes))
        return "\n".join(parts)


def costs(measured: dict[str, Summary], size: int) -> Table:
    """Compare programs on one input of this many bytes; the peer's row is the measure of the others."""
    table, yardstick = Table(COSTS), measured.get(peer.NAME)
    for name, summary in measured.items():
        cpu, wall = summary.median("cpu"), summary.median("wall")
        ratios = ["-", "-"]
        if yardstick:
            ratios = [f"{yardstick.median('cpu') / cpu:.2f}", f"{yardstick.median('wall') / wall:.2f}"]
        table.rows.append(
            [
                name,
                _with_noise(summary, "cpu"),
                _with_noise(summary, "wall"),
                f"{summary.span('peak')[1]:.0f}",
                f"{summary.median('cores'):.2f}",
                f"{size / 1e6 / cpu:.0f}",
                *ratios,
            ]
        )
    return table


def save(sections: Sequence[Section], path: Path, circumstances: str) -> None:
    """Write all chapters as Markdown, each with where and when; those that were not measured now stay as they are."""
    written = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    head, *chapters = re.split(r"(?m)^(?=## )", written)
    known = {chapter.partition("\n")[0].removeprefix("## "): chapter.rstrip("\n") + "\n" for chapter in chapters}
    for section in sections:
        section.says = f"{section.says} {circumstances}"
        known[section.name] = section.markdown().rstrip("\n") + "\n"
    path.write_text("\n".join([head.rstrip("\n") + "\n", *known.values()]), encoding="utf-8")
    facts = path.with_suffix(".json")
    kept = json.loads(facts.read_text(encoding="utf-8")) if facts.exists() else {}
    now = {section.name: asdict(section) for section in sections}
    before = {one["name"]: one for one in kept.get("sections", [])}
    facts.write_text(json.dumps({"sections": [*(before | now).values()]}, indent=1) + "\n", encoding="utf-8")


def circumstances(rounds: int) -> str:
    """Say where and when this was measured, and what the numbers are."""
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    day = time.strftime("%Y-%m-%d", time.gmtime())
    runs = "one round" if rounds == 1 else f"medians of {rounds} rounds (least to most)"
    return (
        f"Measured on {day}: {os.cpu_count()} cores, {system}; peer: {peer.version()}. All programs of a "
        f"table took turns on the same files in the same run; {runs}. CPU is user and system time, memory "
        "the largest of all rounds, both of the whole process tree. Read the ratios, not the seconds."
    )


def _with_noise(summary: Summary, quantity: str) -> str:
    least, most = summary.span(quantity)
    middle = f"{summary.median(quantity):.2f}"
    return middle if len(summary.runs) == 1 else f"{middle} ({least:.2f} to {most:.2f})"
