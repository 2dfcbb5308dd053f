"""``whosent submission autoconfig`` against ports of this machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from whosent.autoconfig import offers
from whosent.cli import submission
from whosent.model.check import Answer, Dialogue, Question, Received, Replies, Reply
from whosent.sources import prober


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(questions: list[Question], _knowledge: object) -> list[Answer]:
        return [answer(one) for one in questions]

    def answer(one: Question) -> Answer:
        if isinstance(one, Dialogue) and one.port == 465:
            return Replies(key=one.key, at=0, replies=(Reply("EHLO x", 250, ("m", "AUTH PLAIN")),), encrypted="TLSv1.3")
        raw = b"* OK hi\r\n" if one.key == "993" else b""
        return Replies(key=one.key, at=0) if isinstance(one, Dialogue) else Received(key=one.key, at=0, raw=raw)

    monkeypatch.setattr(prober, "ask", ask)


def run(*, output: Path | None = None, json: bool = False, confirm: bool = True, domain: str = "corp.test") -> int:
    with pytest.raises(SystemExit) as leaving:
        submission.autoconfig(domain, output=output, json=json, confirm=confirm)
    return int(str(int(leaving.value.code or 0)))


def test_only_ports_that_keep_their_promise_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(output=tmp_path / "files") == 0
    told = capsys.readouterr().out
    assert "smtp  mail.corp.test, port 465, tls" in told
    assert "left out: port 587" in told
    page = (tmp_path / "files" / "autoconfig.corp.test/mail/config-v1.1.xml").read_text()
    assert "<port>465</port>" in page
    assert "<port>587</port>" not in page
    assert run(output=tmp_path / "files") == 3
    assert "exists already" in capsys.readouterr().err


def test_as_json_and_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    run(json=True)
    told = msgspec.json.decode(capsys.readouterr().out)
    assert {one["port"] for one in told["offers"]} == {465, 993}
    assert "records.zone" in told["files"]
    run()
    assert "--- corp.test/mail.mobileconfig" in capsys.readouterr().out


def test_mistakes_are_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(domain="no domain") == 3
    assert run(confirm=False) == 3
    assert "--confirm" in capsys.readouterr().err
    monkeypatch.setattr(submission, "fact", lambda *_: offers.Fact("broken", "is closed"))
    assert run() == 3
    assert "accepts no authenticated submission" in capsys.readouterr().err
