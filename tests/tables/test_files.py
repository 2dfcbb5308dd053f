"""Tables as files: compressed, in UTF-16, on one line, by several processes; every quote leads back to its row."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from tests.tables.teller import Exchange, trace
from tests.tables.test_stories import SETTINGS, scanned, sources
from tests.test_cases import story
from whosent import answer, walk
from whosent.sources.files import at_path
from whosent.sources.rotation import place

NAME = "abuse:stolen_account"


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def report(name: str, domain: str = "corp.example", count: int = 40) -> bytes:
    def record(address: str, result: str) -> str:
        return (
            f"<record><row><source_ip>{address}</source_ip><count>{count}</count><policy_evaluated>"
            f"<disposition>none</disposition><dkim>{result}</dkim><spf>{result}</spf></policy_evaluated></row>"
            f"<identifiers><header_from>{domain}</header_from></identifiers></record>"
        )

    return (
        f'<?xml version="1.0"?><feedback><report_metadata><org_name>{name}</org_name><date_range><begin>1795651200'
        f"</begin><end>1795737599</end></date_range></report_metadata><policy_published><domain>{domain}</domain>"
        f"<p>none</p></policy_published>{record('203.0.113.5', 'pass')}{record('198.51.100.66', 'fail')}</feedback>"
    ).encode()


@pytest.mark.parametrize("as_json", [False, True])
def test_every_quote_leads_back_to_its_row(tmp_path: Path, *, as_json: bool) -> None:
    """In UTF-16 an offset counts bytes of UTF-8; a row of JSON begins with its bracket, on one very long line."""
    data = trace(story(NAME), as_json=as_json)
    done = scanned(tmp_path, {"export": data})
    quotes = answer.read_back(done)
    said = answer.report(done, quotes, [])
    text = data if as_json else data.decode("utf-16").encode()
    evidence = [one for incident in said.incidents for finding in incident.findings for one in finding.evidence]
    assert evidence
    for one in evidence:
        assert text[: one.offset].count(b"\n") + 1 == one.line
        row = text[one.offset :].partition(b"\n")[0].removesuffix(b"\r")[:90].decode()
        assert one.excerpt.startswith(row)
        assert "alice@corp.example" in row


def test_several_processes_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "_WORTH_A_PROCESS", 1)
    files = Exchange().tell(story(NAME))
    inputs = sources(tmp_path, files)
    together = walk.scan(inputs, SETTINGS, lambda _consumed: None, UTC, 2)
    alone = scanned(tmp_path, files)
    assert msgspec.json.encode(together.cases) == msgspec.json.encode(alone.cases)
    assert together.systems == alone.systems
    assert set(alone.systems.values()) == {"exchange"}


def test_logs_of_an_hour_each_are_one_log() -> None:
    names = [
        "d/MSGTRK2026112709-1.LOG",
        "d/MSGTRK2026112708-2.LOG",
        "d/MSGTRK2026112708-1.LOG",
        "d/MSGTRK20261126-9.log",
    ]
    assert {place(name).base.lower() for name in names} == {"d/msgtrk.log"}
    assert [place(name).age for name in reversed(names)] == sorted(place(name).age for name in names)
    assert place("d/MSGTRKMD2026112709-1.LOG").base != place("d/MSGTRK2026112709-1.LOG").base


def test_reports_in_every_wrapping_say_the_same(tmp_path: Path) -> None:
    plain = report("receiver.example")
    for name, data in {
        "report.xml": plain, "report.xml.gz": gzip.compress(plain), "report.zip": zipped({"a.xml": plain}),
        "utf16.xml": plain.decode().replace("?>", ' encoding="utf-8"?>', 1).encode("utf-16"),
    }.items():  # fmt: skip
        done = scanned(tmp_path / name, {name: data})
        said = answer.report(done, answer.read_back(done), [])
        assert said.verdict == "warning"
        assert not said.incidents
        (notice,) = said.notices
        assert notice.measure == 40
        assert notice.facts["addresses"] == 1
        assert "198.51.100.66" not in said.sentence
        assert said.sentence.startswith("40 messages in the name of corp.example came from 1 address not ours")
        assert [one.level for one in notice.evidence] == ["claimed"]


def test_many_reports_in_one_archive(tmp_path: Path) -> None:
    archive = zipped({f"{n}.xml": report(f"r{n}.example") for n in range(5)} | {"folder/": b""})
    done = scanned(tmp_path, {"reports.zip": archive})
    (finding,) = done.findings
    assert finding.measure == 200
    assert finding.facts["reporters"] == 5


def test_a_zip_bomb_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from whosent.sources import compression  # noqa: PLC0415  its limits

    monkeypatch.setattr(compression, "_TEXT", 1 << 20)
    bomb = zipped({"a.xml": report("r.example") + b" " * (1 << 24)})
    done = scanned(tmp_path, {"bomb.zip": bomb})
    (one,) = done.inputs
    assert one.source.size <= 4 << 20
    assert one.source.problem
    assert "damaged" in one.source.problem
    monkeypatch.setattr(compression, "MEMBERS", 2)
    source = at_path(tmp_path / "many.zip")
    (tmp_path / "many.zip").write_bytes(zipped({str(n): b"x" for n in range(3)}))
    assert not source.head()
    assert source.problem
    with (tmp_path / "many.zip").open("rb") as raw, pytest.raises(zipfile.BadZipFile, match="more than 2"):
        next(compression.pieces(raw, "zip"))  # not even the first ones


def test_a_locked_archive_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"x" * 100}))
    data[6] |= 1  # the flag of an encrypted file, here and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(data)
    source = at_path(tmp_path / "locked.zip")
    assert not source.head()
    assert source.problem


def test_a_mixed_folder_sorts_itself_out(tmp_path: Path) -> None:
    files = Exchange().tell(story(NAME)) | {
        "trace.csv": trace(story("bulk:new_employee")), "report.xml": report("receiver.example"),
        "signins.json": json.dumps([{
            "createdDateTime": "2026-11-20T14:00:00Z", "userPrincipalName": "alice@corp.example",
            "ipAddress": "100.0.3.4",
            "status": {"errorCode": 0}, "location": {"countryOrRegion": "NG"}, "appDisplayName": "x"}]).encode(),
    }  # fmt: skip
    done = scanned(tmp_path, files)
    assert [(case.suspect.kind, case.suspect.name) for case in done.cases] == [("account", "alice@corp.example")]
    assert not sum(one.reader.counts.unknown for one in done.inputs)
    assert done.surroundings.place_of("100.0.3.4") == "NG"
    assert {one.reader.table for one in done.inputs} == {
        "exchange_tracking", "exchange_receive", "m365_trace", "dmarc_reports", "entra_signins",
    }  # fmt: skip
