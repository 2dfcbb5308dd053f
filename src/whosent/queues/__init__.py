"""Bytes of a queue file to what it tells of one message; pure, a file for each mail server's format."""

from __future__ import annotations

from enum import StrEnum


class Unread(StrEnum):
    """Why a file of a queue tells nothing; the words stand behind a number in the report."""

    VANISHED = "left the queue or moved while it was being read"
    UNFINISHED = "still being written"
    EMPTY = "empty"
    DAMAGED = "damaged or no queue file"
    NO_FILE = "a symbolic link, pipe or other thing that is no file"
    FORBIDDEN = "may not be read by this user"
    UNREADABLE = "could not be read"
    CORRUPT = "set aside as corrupt by the mail server"


class DamagedError(ValueError):
    """These bytes are no queue file of this format, or not all of one; the text says where it breaks."""


class TooLongError(DamagedError):
    """The file is longer than anybody reads; what came first was used."""
