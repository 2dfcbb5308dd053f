"""The compiled twin is loaded where it is, and done without where it is not, or not wanted."""

from __future__ import annotations

import sys

import pytest

from whosent.reading import native


def test_without_it_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PURE_PYTHON", raising=False)
    monkeypatch.delattr("whosent._native", raising=False)
    monkeypatch.setitem(sys.modules, "whosent._native", None)
    assert native._load() is None  # noqa: SLF001  # what the module does once


def test_it_can_be_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PURE_PYTHON", "1")
    assert native._load() is None  # noqa: SLF001  # what the module does once
