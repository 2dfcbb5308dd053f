"""Settings that decide how much a log says: what is missing, what it blinds us to, and the line to add."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

EXIM_WANTED: Final = ("arguments", "pid", "received_recipients", "subject")
_SETTING: Final = re.compile(r"^\s*(mail\.[\w.]+)\s*=\s*([^;\n]*)", re.MULTILINE)
_SHOWN: Final = re.compile(r"^(mail\.[\w.]+) => (\S+)", re.MULTILINE)


class Blind(NamedTuple):
    """One thing a log does not say."""

    about: str
    blind: str  # of a sentence: "so ..."
    line: str  # to add
    where: str
    grave: bool


def of_postfix(said: Mapping[str, str]) -> list[Blind]:
    """From ``postconf``: names and values."""
    found = []
    if said.get("enable_long_queue_ids", "yes") == "no":
        found.append(
            Blind("Postfix queue ids", "queue ids are used again, so lines of two messages can be taken for one",
                  "enable_long_queue_ids = yes", "/etc/postfix/main.cf", grave=False)
        )  # fmt: skip
    if said.get("maillog_file", "") == "/dev/null":
        found.append(
            Blind("Postfix log", "nothing at all is logged", "maillog_file =", "/etc/postfix/main.cf", grave=True)
        )
    return found


def parameters(output: str) -> dict[str, str]:
    """``name = value`` lines."""
    pairs = (line.partition("=") for line in output.splitlines()[:2_000])
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def of_exim(log_selector: str) -> list[Blind]:
    """From ``exim -bP log_selector``."""
    words = log_selector.partition("=")[2].split()
    on = {word[1:] for word in words if word.startswith("+")} - {word[1:] for word in words if word.startswith("-")}
    missing = [name for name in EXIM_WANTED if name not in on and "all" not in on]
    if not missing:
        return []
    blind = {
        "arguments": "the folder of a script that calls sendmail is not named",
        "pid": "calls of sendmail and the messages they hand in cannot be joined",
        "received_recipients": "recipients of messages that were not delivered yet are unknown",
        "subject": "messages of one campaign cannot be told by their subjects",
    }
    line = "log_selector = " + " ".join(f"+{name}" for name in sorted({*on, *EXIM_WANTED} - {"all"}))
    words_of = "; ".join(blind[name] for name in missing)
    return [Blind("Exim log_selector", words_of, line, "the main section of Exim's configuration",
                  grave=bool({"arguments", "pid"} & set(missing)))]  # fmt: skip


def of_php(place: str, texts: list[str]) -> list[Blind]:
    """From the configuration files of one PHP, in the order they are read; the last word counts."""
    said: dict[str, str] = {}
    for text in texts:
        found = [*_SETTING.findall(text), *_SHOWN.findall(text)]
        said |= {name: value.strip().strip("\"'").lower() for name, value in found}
    blinds = []
    if said.get("mail.add_x_header", "0") not in {"1", "on", "yes", "true"}:
        blinds.append(
            Blind(f"PHP header ({place})", "messages of PHP scripts do not name their script",
                  "mail.add_x_header = On", place, grave=True)
        )  # fmt: skip
    if said.get("mail.log", "") in {"", "no", "none"}:
        blinds.append(
            Blind(f"PHP mail log ({place})", "calls of mail() are not logged with file and line", "mail.log = syslog",
                  place, grave=False)
        )  # fmt: skip
    return blinds
