"""One line as monitoring plugins print it (Nagios, Icinga, Checkmk): a word, a sentence, numbers behind a bar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from whosent.model.report import Verdict
from whosent.report.words import shortened, visible

WORDS: Final[dict[Verdict, str]] = {"clean": "OK", "warning": "WARNING", "critical": "CRITICAL", "unknown": "UNKNOWN"}
_LONGEST: Final = 600  # the agents of old cut at 1 kB


class Measure(NamedTuple):
    """A number with its label; the limits are those that the verdict was reached by, empty where there is none."""

    label: str
    value: float
    unit: str = ""  # "" a number, "s" seconds, "%" percent, "B" bytes, "c" a counter that only rises
    warning: str = ""  # a range of the Monitoring Plugins Development Guidelines
    critical: str = ""


def line(verdict: Verdict, sentence: str, measures: Iterable[Measure]) -> str:
    """``WHOSENT CRITICAL - sentence | 'label'=value;warning;critical;0``."""
    said = shortened(visible(sentence).replace("|", "/"), _LONGEST)
    numbers = " ".join(map(_number, measures))
    return f"WHOSENT {WORDS[verdict]} - {said}" + (f" | {numbers}" if numbers else "")


def _number(measure: Measure) -> str:
    label = visible(measure.label).replace("'", "").replace("=", "").replace("|", "/")
    value = f"{measure.value:.3f}".rstrip("0").rstrip(".")
    return f"'{label}'={value}{measure.unit};{measure.warning};{measure.critical};0"
