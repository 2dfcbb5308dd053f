"""The scripts of a web site that send mail: how they are asked for in an audit, and what is told of them."""

from __future__ import annotations

from typing import Literal

import msgspec

from whosent.model.check import Answer, Question

Hole = Literal["command_injection", "option_injection", "recipient_from_request", "header_injection"]


class Scripts(Question, frozen=True, kw_only=True):
    """The scripts below a folder that take a visitor's words and send mail; or one file."""

    folder: str
    within: float = 300.0  # seconds: what is not reached by then is said to be
    most_files: int = 2_000_000
    most_bytes: int = 1 << 20  # of one script


class Hazard(msgspec.Struct, frozen=True, kw_only=True):
    """One hole of one script."""

    hole: Hole
    line: int  # where mail is handed on, from 1
    field: str  # what of the visitor's gets there, as the script calls it
    where: str  # the header line or argument it gets into
    how: str  # the function
    sure: bool  # False: a filter or test stands in between that was not followed
    excerpt: str  # the line
    sha256: str  # of its bytes


class FormScript(msgspec.Struct, frozen=True, kw_only=True):
    """A script that takes a visitor's words and sends mail."""

    path: str  # control characters and bytes that are not UTF-8 spelled out
    plain: bool  # nothing had to be spelled out: the path can be used in a command
    language: str
    sends: int  # places that hand mail on
    hazards: tuple[Hazard, ...]  # worst first
    login: bool  # only for visitors who have logged in, as it seems
    referer: bool  # it looks at the Referer, which visitors write
    family: str = ""  # a script that many have a copy of, with its version
    weakness: str = ""  # what is known of that version
    undecided: str = ""  # why it could not be followed
    mode: int = 0  # its permissions


class Scanned(Answer, frozen=True, kw_only=True):
    """Of a Scripts."""

    scripts: tuple[FormScript, ...] = ()
    files: int = 0  # looked at
    folders: int = 0
    unreadable: int = 0
    too_large: int = 0  # scripts longer than is followed
    cut: str = ""  # why the rest was not looked at
