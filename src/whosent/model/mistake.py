"""The operator's mistake: one kind of error, whose sentence says what to do instead."""

from __future__ import annotations


class Mistake(Exception):  # noqa: N818  # it is the operator's, not the program's error
    """Shown as it is, without a traceback."""
