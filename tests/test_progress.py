"""A progress line where somebody watches and it takes a while; silence everywhere else."""

from __future__ import annotations

import io

import pytest

from whosent import progress


class Terminal(io.StringIO):
    """A standard error that somebody watches."""

    def isatty(self) -> bool:
        return True


def test_silent_when_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    monkeypatch.setattr("sys.stderr", told)
    with progress.reading(1 << 40) as consumed:
        consumed(1 << 39)
    assert told.getvalue() == ""


def test_silent_when_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Terminal()
    monkeypatch.setattr("sys.stderr", told)
    with progress.reading(1000) as consumed:
        consumed(1000)
    assert told.getvalue() == ""


def test_rate_and_time_left_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Terminal()
    monkeypatch.setattr("sys.stderr", told)
    monkeypatch.setenv("TERM", "xterm")
    with progress.reading(1 << 30) as consumed:
        consumed(1 << 29)
    assert "reading" in told.getvalue()
    assert "0.5/1.1 GB" in told.getvalue()


def test_messages_are_counted_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Terminal()
    monkeypatch.setattr("sys.stderr", told)
    monkeypatch.setenv("TERM", "xterm")
    with progress.counting("queued messages", 300_000) as more:
        more(150_000)
    assert "queued messages" in told.getvalue()
    assert "150000/300000" in told.getvalue()


def test_few_messages_are_counted_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Terminal()
    monkeypatch.setattr("sys.stderr", told)
    with progress.counting("queued messages", 3) as more:
        more(3)
    assert told.getvalue() == ""
