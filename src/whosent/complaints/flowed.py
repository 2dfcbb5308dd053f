"""Text whose lines were broken for the way, as format=flowed tells (RFC 3676): a paragraph is one line again."""

from __future__ import annotations

from typing import Final

_SIGNATURE: Final = "-- "  # a line of its own, although it ends in a blank (section 4.3)


def unflowed(text: str, *, blanks_go: bool = False) -> str:
    """The text with its flowed lines joined, marks of quoting kept; ``blanks_go``: DelSp=yes.

    A line goes on where it ends in a blank and the next one is quoted as deeply (section 4.5), and not empty: many
    programs leave the blank at the end of a paragraph.
    """
    lines: list[str] = []
    pieces: list[str] = []
    depth = 0
    for line in text.split("\n"):
        bare = line.removesuffix("\r").lstrip(">")
        level = len(line) - len(line.lstrip(">"))
        bare = bare.removeprefix(" ")  # space-stuffing
        alone = bare == _SIGNATURE
        if pieces and (level != depth or alone or not bare):
            lines.append(_quoted(pieces, depth))
            pieces = []
        depth = level
        soft = bare.endswith(" ") and not alone
        pieces.append(bare[:-1] if soft and blanks_go else bare)
        if not soft:
            lines.append(_quoted(pieces, depth))
            pieces = []
    if pieces:
        lines.append(_quoted(pieces, depth))
    return "\n".join(lines)


def _quoted(pieces: list[str], depth: int) -> str:
    return f"{'>' * depth}{' ' if depth else ''}{''.join(pieces)}"
