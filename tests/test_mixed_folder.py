"""One folder with every format under names that say nothing, compressed or not: each file is known for what it is."""

from __future__ import annotations

import gzip
import random
from datetime import UTC
from pathlib import Path

import pytest

from tests.complaints.kit import bounce
from tests.tables.test_enclosed import XML, mail
from tests.test_samples import SAMPLES
from whosent import walk
from whosent.dialects import discover as dialects
from whosent.model.settings import Logs, Settings
from whosent.reading.formats import Form
from whosent.sources.arguments import expand
from whosent.sources.files import at_path
from whosent.tables import discover as tables

OWN_FILES = {dialect.name: dialect.title for dialect in dialects() if dialect.lines}
TABLES = {table.name: table.title for table in tables()}
SETTINGS = Settings(logs=Logs(timezone="UTC", year=2026))


def samples() -> dict[str, Path]:
    """One usual sample of each format, and the form of syslog where a dialect has both."""
    found = {}
    for folder in sorted(path for path in SAMPLES.iterdir() if path.is_dir()):
        usual = [
            path for path in sorted(folder.glob("*.log")) if not path.name.startswith(("hostile", "written-hostile"))
        ]
        found[folder.name] = usual[0]
    return found


def alone(content: bytes, folder: Path) -> tuple[int, int, str]:
    """Lines, lines understood and the format of a file that lies by itself."""
    folder.mkdir(parents=True)
    (folder / "log").write_bytes(content)
    inputs = walk.prepare([at_path(folder / "log")], SETTINGS, UTC)
    walk.scan(inputs, SETTINGS, lambda _consumed: None, UTC)
    reader = inputs[0].reader
    return reader.counts.lines, reader.counts.understood, reader.format


@pytest.mark.parametrize("seed", [1, 2])
def test_a_folder_of_everything_sorts_itself_out(tmp_path: Path, seed: int) -> None:
    order = random.Random(seed)
    contents = {name: path.read_bytes() for name, path in samples().items()}
    contents["mbox"] = (
        b"From MAILER-DAEMON Sat Nov 21 11:00:00 2026\n" + bounce(0, "x@isp.test", message_id="<1@corp.test>") + b"\n"
    )
    contents["report"] = mail(gzip.compress(XML))
    folder = tmp_path / "mixed"
    (folder / "deeper").mkdir(parents=True)
    names = {}
    for number, (name, content) in enumerate(order.sample(sorted(contents.items()), len(contents))):
        packed = gzip.compress(content) if number % 3 == 0 else content
        path = (folder / "deeper" if number % 5 == 0 else folder) / f"{number:02}-{'abc'[number % 3]}"
        path.write_bytes(packed)
        names[str(path)] = name
    paths, missing = expand([str(folder)])
    assert not missing
    inputs = walk.prepare([at_path(path) for path in paths], SETTINGS, UTC)
    assert len(inputs) == len(contents)
    walk.scan(inputs, SETTINGS, lambda _consumed: None, UTC)
    for one in inputs:
        name, reader = names[one.source.name], one.reader
        counts = (reader.counts.lines, reader.counts.understood, reader.format)
        assert counts == alone(contents[name], tmp_path / str(seed) / name), name
        if name in {"mbox", "report"}:
            assert reader.form is Form.MAILBOX
        elif name in TABLES:
            assert (reader.table, reader.format) == (name, TABLES[name])
        elif reader.form is Form.LINES:
            assert reader.format == OWN_FILES[name]
        else:
            assert reader.form in {Form.BSD, Form.RFC5424, Form.JSON, Form.EXPORT}, name
        assert one.copy_of is None
        assert reader.counts.understood or name == "syslog", name
