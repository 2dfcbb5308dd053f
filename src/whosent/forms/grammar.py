"""Parsing with tree-sitter, tolerant of errors and old dialects; what the three languages share in walking a tree."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Final

from tree_sitter import Language, Node, Parser

from whosent.forms.code import NOTHING, Expression, Opaque, Text, TooLong

_PIECE: Final = 512  # bytes read at once; also wherever the text of a node is asked for
DEEPEST: Final = 90  # levels of expressions and blocks followed; deeper ones are opaque
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "f": "\f", "v": "\v", "e": "\x1b"}
_SHORT: Final = 2


@cache
def parser(module: str, language: str) -> Parser:
    """The parser of one grammar."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Perl's grammar still gives its pointer as a number
        return Parser(Language(getattr(import_module(module), language)()))


def tree(module: str, language: str, source: bytes, effort: int) -> Node:
    """The script's tree; ``effort``: after so many looks of the parser it is given up (some texts cost the square)."""
    looks = 0

    def enough(_at: int, _has_error: bool) -> bool:  # noqa: FBT001  # tree-sitter calls it so
        nonlocal looks
        looks += 1
        return looks > effort

    reading = parser(module, language)
    try:
        parsed = reading.parse(lambda at, _point: source[at : at + _PIECE], progress_callback=enough)
    except ValueError as error:
        reading.reset()
        raise TooLong("the script is too long to be followed") from error
    return parsed.root_node


def words(node: Node) -> str:
    """The node's text."""
    return (node.text or b"").decode("utf-8", "backslashreplace")


def line(node: Node) -> int:
    """The line it begins on, from 1."""
    return node.start_point[0] + 1


def named(node: Node, kind: str | None = None) -> Iterator[Node]:
    """Its named children, comments left out."""
    return (child for child in node.named_children if child.type != "comment" and kind in {None, child.type})


def unescaped(escape: str) -> str:
    r"""What an escape sequence stands for: ``\n``, ``\x0a``, ``\012``, ``\u{a}``."""
    rest = escape[1:]
    if rest[:1] in _ESCAPES and len(rest) < _SHORT:
        return _ESCAPES[rest]
    try:
        if rest[:1] in {"x", "u"}:
            return chr(int(rest[1:].strip("{}"), 16))
        if rest[:1].isdigit():
            return chr(int(rest, 8))
    except (ValueError, OverflowError):
        pass
    return rest if rest[:1] in {"\\", '"', "'", "$", "@"} else escape


def template(node: Node, convert: Callable[[Node], Expression], skip: frozenset[str] = frozenset()) -> list[Expression]:
    """The parts of a string with variables in it: text between its children is text of the script."""
    raw, begin = node.text or b"", node.start_byte
    at, parts = begin, list[Expression]()
    for child in node.named_children:
        if child.start_byte > at:
            parts.append(Text(raw[at - begin : child.start_byte - begin].decode("utf-8", "backslashreplace")))
        if child.type == "escape_sequence":
            parts.append(Text(unescaped(words(child))))
        elif child.type not in skip:
            parts.append(convert(child))
        at = child.end_byte
    if at < node.end_byte:
        parts.append(Text(raw[at - begin :].decode("utf-8", "backslashreplace")))
    return parts


def opaque(parts: Iterator[Expression]) -> Expression:
    """An operation that carries no text, or nothing at all."""
    kept = tuple(part for part in parts if part != NOTHING)
    return Opaque(kept) if kept else NOTHING
