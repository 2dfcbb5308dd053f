"""Whom a table in a report accuses: the addresses under a head of sources, never those under another head."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import Final

from whosent.complaints import clauses, extract

OF_OTHERS: Final = re.compile(
    r"\b(?:attacked(?!\s(?:our|us|my)\b)|target(?:ed|s)?|victims?|dest(?:ination)?|dst|reporters?|honeypots?|sensors?|ziel|opfer"
    r"|angegriffen\w*)\b",
    re.IGNORECASE,
)
_COLUMN: Final = re.compile(
    r"(?im)^(?P<before>[\w \t\"./-]{0,400}(?:[,;|][\w \t\"./-]{0,400}){0,60}?[,;|])?[ \t]{0,9}\"?"
    r"(?:src|source|offender|attacker)[_ .]?(?:ip|address)\"?[ \t]*(?P<by>[,;|])[^\n]{0,2000}$"
)  # the head of a table: CERTs mail such lists
_BARRED: Final = re.compile(r"(?m)^[> \t]{0,8}\|([^\n]{1,2000})\|[ \t\r]*$")  # a line of a table drawn with bars
_HEAD_OF_SOURCES: Final = re.compile(
    r"(?:source|src|offender|attacker)(?:[ ._-]?(?:ip|ip[ _-]?address|address|host))?", re.IGNORECASE
)
_HEAD_OF_ADDRESSES: Final = re.compile(
    r"(?:infected[ _-]?)?ip(?:v?[46])?(?:[ _-]?(?:addr(?:ess)?|adres\w{0,3}))?"
    r"|(?:adresse|direcci[o\u00f3]n|indirizzo|endere[c\u00e7]o) ip(?:v?[46])?",
    re.IGNORECASE,
)
_SPREAD_SOURCE: Final = re.compile(
    r"(?:^|[^\S\n]{2}|[\t>])[^\S\n]?(?:source|src|attacker|offender)[ ._-]?(?:ip|addr(?:ess)?|host)\b",
    re.IGNORECASE | re.MULTILINE,
)
_SPREAD_OTHER: Final = re.compile(
    r"(?:^|[^\S\n]{2}|[\t>])[^\S\n]?(?:dest(?:ination)?|dst|target|victim)[ ._-]?(?:ip|addr(?:ess)?|host)\b",
    re.IGNORECASE | re.MULTILINE,
)
_WORD_OF_SOURCES: Final = re.compile(
    r"(?<![^\s>])(?:(?:src|source|attack(?:er|ing)|offend(?:er|ing)|infected|abus(?:er|ing|ive)|malicious)[ ._-]?(?:ip"
    r"|host|addr(?:ess)?|ip[ _-]?addr(?:ess)?)|saddr|sip|src|source|attacker|offender|c-ip|client[ ._-]?ip"
    r"|remote[ ._-]?(?:ip|addr)|id\.orig_h|ip source|quell?-?ip)(?!\S)",
    re.IGNORECASE,
)
_WORD_BESIDE: Final = re.compile(
    r"(?:ts|\w*time\w*|date\w*|proto\w*|pr|\w*port|dstp|pkts|packets|bytes|flows|action|\w*count|sc-status)\b.{0,20}"
    r"|(?:d|dst|dest(?:ination)?|target|victim|s-)\b.{0,20}",
    re.IGNORECASE,
)
_PORT_OF_CELL: Final = re.compile(r"(?<=[\d\]])/\d{1,5}$|(?<=\d\.\d):\d{1,5}$|(?<=\d\d):\d{1,5}$")
_PARTED: Final = re.compile(r"[^\S\n]{2,}|\t")
_BY_MARKS: Final = re.compile(r"\"?[^\S\n]{0,4}[|,;][^\S\n]{0,4}\"?")
_FORMAT: Final = re.compile(r"(?:format|fields|spalten|columns)\s{0,3}:\s{0,3}", re.IGNORECASE)
_MOMENTS: Final = re.compile(r"(?:[a-z]{1,10}[ _-])?(?:time|date|zeit|datum|when|first seen|last seen)", re.IGNORECASE)
_MOMENT: Final = re.compile(r"\d[:/.-]\d|\d{1,2}\W{1,2}[^\W\d]{3}|[^\W\d]{3}\W{1,2}\d|\d{9}")
_RULE: Final = re.compile(r"[-=_+ \t]{2,}")  # below a head
_GAP: Final = re.compile(r"\S[^\S\n]{2}")
_LONGEST_HEAD: Final = 2_000  # characters
_ROWS: Final = 5_000  # lines of such a table
_LONGEST_LINE: Final = 500  # characters
_PAIR: Final = 2


def sources(text: str) -> list[str]:
    """The addresses that stand under a head of sources in a table of the text, once each."""
    return extract.hosts([*_column(text), *_barred(text), *_spread(text), *_aligned(text)])


def _column(text: str) -> Iterator[str]:
    """The addresses in the column of a table that is called the source."""
    head = _COLUMN.search(text)
    if head is None:
        return
    place = (head["before"] or "").count(head["by"])
    rows = csv.reader(text[head.end() + 1 :].split("\n")[:_ROWS], delimiter=head["by"])
    try:
        for row in rows:
            found = extract.address(row[place]) if len(row) > place else None
            if found:
                yield found
    except csv.Error:
        return


def attached(text: str) -> Iterator[str]:
    """The public addresses of an attached list: under a head of sources, else under one that says address only."""
    head = text[:_LONGEST_HEAD].partition("\n")[0]
    by = max(",;|\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=by)
    try:
        heads = [cell.strip() for cell in next(rows, [])]
        places = [number for number, cell in enumerate(heads) if _HEAD_OF_SOURCES.fullmatch(cell)]
        places = places or [number for number, cell in enumerate(heads) if _HEAD_OF_ADDRESSES.fullmatch(cell)]
        for row in itertools.islice(rows if places else (), _ROWS):
            found = extract.address(row[places[0]]) if len(row) > places[0] else None
            if found and extract.is_public(found):
                yield found
    except csv.Error:
        return


def _spread(text: str) -> Iterator[str]:
    """The addresses under a head of sources, where blanks part the columns and another head names the attacked.

    A row counts only where it holds both: what mail programs wrapped does not say which of the two stands there.
    """
    apart = False
    first: bool | None = None  # whether the source stands before the attacked
    for row in text.split("\n")[:_ROWS] if _SPREAD_SOURCE.search(text) else ():
        line = row[:_LONGEST_LINE]
        found = list(dict.fromkeys(extract.addresses(line)))
        source, other = _SPREAD_SOURCE.search(line), _SPREAD_OTHER.search(line)
        if not found and source and other:
            first, apart = source.start() < other.start(), False
        elif not line.strip(" >\t\r\xa0"):
            apart = True
        elif apart and len(_GAP.findall(line)) <= _PAIR:  # behind an empty line only what is a row, too
            first = None
        elif first is not None and len(found) == _PAIR:
            yield found[not first]


def _aligned(text: str) -> Iterator[str]:
    """The addresses under a head of sources, in rows of as many words as the head: flows, W3C logs, Zeek's.

    Heads of one word each; a row that was wrapped, or whose cells hold blanks, has not as many, and does not count.
    """
    place = width = 0
    for row in text.split("\n")[:_ROWS] if _WORD_OF_SOURCES.search(text) else ():
        line = row[:_LONGEST_LINE].strip("> \r")
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
        if cells and cells[0].lower() in {"#fields:", "#fields"}:
            del cells[0]
        heads = [number for number, cell in enumerate(cells) if _WORD_OF_SOURCES.fullmatch(cell)]
        if len(heads) == 1 and any(map(_WORD_BESIDE.fullmatch, cells)):
            place, width = heads[0], len(cells)
        elif width and len(cells) == width:
            found = extract.address(_PORT_OF_CELL.sub("", cells[place]))
            if found:
                yield found


def dated(text: str) -> list[str]:
    """The addresses of a table that gives moments and one address in each row, and does not say whose it is.

    It ends with the first line that is no row, blank lines below the head apart.
    """
    found: list[str] = []
    place = moment = width = 0
    above = ""
    begun = False
    for row in text.split("\n")[:_ROWS]:
        line = row[:_LONGEST_LINE].strip('> \t\r|"')
        cells = _cells_of(_FORMAT.sub("", line, 1)) if line else []
        heads = [number for number, cell in enumerate(cells) if _HEAD_OF_ADDRESSES.fullmatch(cell)]
        moments = [number for number, cell in enumerate(cells) if _MOMENTS.match(cell)]
        theirs = not OF_OTHERS.search(f"{above} {line}") or clauses.heads_others(above)
        if len(heads) == 1 and moments and theirs and not clauses.lists_ours(above, nearby=True):
            place, moment, width, begun = heads[0], moments[0], len(cells), False
        elif _is_row(cells, width, moment) and len(list(extract.addresses(line))) == 1:
            found += filter(None, [extract.address(cells[place])] if place < len(cells) else [])
            begun = True
        elif (line or begun) and not _RULE.fullmatch(line or "x"):
            width = 0
        above = line or above
    return extract.hosts(found)


def _is_row(cells: list[str], width: int, moment: int) -> bool:
    """Whether it has a moment where the head says so, and as many cells as the head; an empty last one is none."""
    return width > 1 and width - 1 <= len(cells) <= width and moment < len(cells) and _is_moment(cells[moment])


def _cells_of(line: str) -> list[str]:
    """What blanks or tabs part; else bars, commas, semicolons, with quotes or not."""
    cells = _PARTED.split(line)
    return cells if len(cells) > 1 and not _BY_MARKS.search(line) else _BY_MARKS.split(line)


def _is_moment(cell: str) -> bool:
    """Whether it may be a date or a time: digits with a mark between them, or a number of seconds; no address."""
    return _MOMENT.search(cell) is not None and not any(extract.addresses(cell))


def _barred(text: str) -> Iterator[str]:
    """The addresses under a head of sources, in a table that is drawn with bars."""
    place = None
    for row in itertools.islice(_BARRED.finditer(text), _ROWS):
        cells = _cells(row)
        heads = [number for number, cell in enumerate(cells) if _HEAD_OF_SOURCES.fullmatch(cell)]
        if heads:
            place = heads[0]
        elif place is not None and place < len(cells):
            found = extract.address(cells[place])
            if found:
                yield found


def without_tables_of_others(text: str) -> str:
    """The text without the lines between bars that tell of the attacked: under such a head, or behind such a word."""
    under = False

    def kept(row: re.Match[str]) -> str:
        nonlocal under
        cells = _cells(row)
        said = [bool(OF_OTHERS.search(cell)) for cell in cells]
        if any(said) and not any(map(extract.address, cells)):
            under = True
        return "" if under or said[0] else row[0]

    return _BARRED.sub(kept, text)


def _cells(row: re.Match[str]) -> list[str]:
    return [cell.strip() for cell in row[1].split("|")]
