"""The house rules.  Those of samples stand in ``test_samples.py``, those of cases in ``test_cases.py``."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from whosent.checks import discover as checks
from whosent.cli import app
from whosent.detectors import discover as detectors
from whosent.dialects import discover as dialects
from whosent.model.knobs import knobs
from whosent.model.settings import Settings
from whosent.tables import Table
from whosent.tables import discover as tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "whosent"
SOURCES = sorted(PACKAGE.rglob("*.py"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("*/*.md")])
LONGEST_FUNCTION, LONGEST_FILE = 60, 400
FUNCTION_EXCUSES = {
    "src/whosent/join/messages.py:Join.rows_purely": "the hot loop: a call less a line is a tenth of the time",
}
FILE_EXCUSES: dict[str, str] = {}
PRINTS = {"src/whosent/demonstration.py": "a demonstration prints"}
EMPTY_WORDS = {"utils", "util", "manager", "managers", "helpers", "helper", "data", "info", "misc", "common", "base"}
EDGES = {  # they face the world or start it; everything else is the core
    "__init__", "__main__", "answer", "aside", "auditing", "bouncing", "channels", "cli", "configuration", "console",
    "containing", "coverage", "demonstration", "frames", "gathering", "hearing", "inquiring", "keeper", "live",
    "metrics", "parallel", "parsing", "posting", "presence", "preserved", "progress", "queue_account", "queue_listing",
    "queue_reading", "reading_process", "reckoning", "responders", "restarting", "searching", "setups", "sink",
    "sources", "store", "tailing", "telling", "tracing", "triage", "walk", "watching",
}  # fmt: skip
WORKPLACE = re.compile(rb"(?:^|[\s\"'=(`:])/(?:work|root|tmp/[a-z0-9]+|home/(?!u/)[a-z]+)/", re.MULTILINE)


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file with its length in lines."""

    def below(node: ast.AST, name: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                inner = f"{name}.{child.name}".lstrip(".")
                if not isinstance(child, ast.ClassDef):
                    assert child.end_lineno is not None
                    yield inner, child.end_lineno - child.lineno + 1
            yield from below(child, inner)

    yield from below(tree(path), "")


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_the_first_line_of_a_file_says_its_duty(path: Path) -> None:
    told = ast.get_docstring(tree(path))
    assert told, f"{relative(path)} does not say what it is for"
    assert re.search(r"[.!?)]$", told.splitlines()[0]), told.splitlines()[0]


def test_no_function_is_too_long() -> None:
    long = {
        f"{relative(path)}:{name}": length
        for path in SOURCES
        for name, length in functions(path)
        if length > LONGEST_FUNCTION
    }
    assert set(long) - set(FUNCTION_EXCUSES) == set(), {name: long[name] for name in set(long) - set(FUNCTION_EXCUSES)}
    assert set(FUNCTION_EXCUSES) - set(long) == set(), "no longer needs its excuse: strike it"


def test_no_file_is_too_long() -> None:
    lengths = {relative(path): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    long = {name: length for name, length in lengths.items() if length > LONGEST_FILE}
    assert set(long) - set(FILE_EXCUSES) == set(), {name: long[name] for name in set(long) - set(FILE_EXCUSES)}
    assert set(FILE_EXCUSES) - set(long) == set(), "no longer needs its excuse: strike it"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_names_say_something(path: Path) -> None:
    assert not EMPTY_WORDS & {path.stem.lower(), path.parent.name.lower()}
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert not [name for name in classes if re.search(r"(?:Manager|Helper|Utils?|Handler|Data|Info)$", name)]


def test_only_those_print_who_may() -> None:
    printing = {
        relative(path)
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == set(PRINTS)


def test_no_broad_except_and_no_silent_one() -> None:
    """``except BaseException`` may clean up if it raises again."""
    silent = [
        f"{relative(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
    ]
    assert not silent


# ------------------------------------------------------------------ structure


def contracts() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    return listed


def test_the_contract_of_the_core_names_every_part_of_it() -> None:
    forbidden = next(contract for contract in contracts() if contract["type"] == "forbidden")
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(forbidden["source_modules"]) == {f"whosent.{part}" for part in parts - EDGES}
    assert {"asyncio", "multiprocessing", "socket", "sqlite3", "subprocess"} <= set(forbidden["forbidden_modules"])


def test_the_architecture_shows_the_layers_as_they_are() -> None:
    layers = next(contract["layers"] for contract in contracts() if contract["type"] == "layers")
    shown = section(page("architecture.md"), "The house").partition("```text\n")[2].partition("```")[0]
    assert [re.split(r"  +", line)[0] for line in shown.splitlines()] == layers


def test_detectors_and_dialects_are_independent_by_contract() -> None:
    independent = {module for one in contracts() if one["type"] == "independence" for module in one["modules"]}
    assert {"whosent.detectors.*", "whosent.dialects.*"} <= independent


def test_every_file_of_these_folders_is_discovered() -> None:
    for folder, found in (("detectors", len(detectors())), ("dialects", len(dialects())), ("checks", len(checks()))):
        assert len(list((PACKAGE / folder).glob("*.py"))) - 1 == found, folder


@pytest.mark.parametrize("detector", detectors(), ids=lambda detector: detector.__module__)
def test_a_detector_is_called_like_its_file(detector: type) -> None:
    assert detector.name == detector.__module__.rpartition(".")[2]  # type: ignore[attr-defined]  # of the protocol


@pytest.mark.parametrize("dialect", dialects(), ids=lambda dialect: dialect.name)
def test_a_dialect_is_called_like_its_file(dialect: Any) -> None:  # noqa: ANN401  of the discovery
    assert (PACKAGE / "dialects" / f"{dialect.name}.py").exists()


# ------------------------------------------------------------------ documents


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("knob", list(knobs(Settings())), ids=lambda knob: knob.name)
def test_every_setting_is_documented(knob: Any) -> None:  # noqa: ANN401  a named tuple
    group, _, key = knob.name.partition(".")
    told = section(page("reference/settings.md"), group)
    assert f"| `{key}` |" in told
    assert knob.doc.replace("|", "\\|") in told
    assert knob.variable in told


def leaves(group: TyperGroup, before: str = "") -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from leaves(command, f"{before}{name} ")
        else:
            assert isinstance(command, TyperCommand)
            yield f"{before}{name}", command


def commands() -> Iterator[tuple[str, TyperArgument | TyperOption]]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in leaves(group):
        for parameter in command.params:
            assert isinstance(parameter, (TyperArgument, TyperOption))
            yield name, parameter


@pytest.mark.parametrize(("command", "parameter"), list(commands()), ids=lambda value: getattr(value, "name", value))
def test_every_command_and_option_is_documented(command: str, parameter: TyperArgument | TyperOption) -> None:
    told = section(page("reference/cli.md"), f"whosent {command}")
    assert told
    assert parameter.help, f"{command} {parameter.name} has no help"
    assert parameter.help in told
    if isinstance(parameter, TyperOption):
        assert all(f"`{name}" in told for name in parameter.opts)


def test_every_command_has_an_example() -> None:
    told = page("reference/cli.md")
    for name in {name for name, _ in commands()}:
        assert re.search(rf"```sh\n[^`]*whosent {name}\b", section(told, f"whosent {name}")), name


@pytest.mark.parametrize("detector", detectors(), ids=lambda detector: detector.__module__)
def test_every_detector_is_documented(detector: type) -> None:
    assert section(page("reference/detectors.md"), detector.__module__.rpartition(".")[2])


@pytest.mark.parametrize("name", checks())
def test_every_check_is_documented_and_called_like_its_file(name: str) -> None:
    assert section(page("reference/checks.md"), name)
    assert (PACKAGE / "checks" / f"{name}.py").exists()


@pytest.mark.parametrize("dialect", dialects(), ids=lambda dialect: dialect.name)
def test_every_dialect_is_documented(dialect: Any) -> None:  # noqa: ANN401  of the discovery
    assert section(page("reference/formats.md"), dialect.title)


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_every_table_is_documented(table: Table) -> None:
    assert section(page("reference/formats.md"), table.title)
    assert (PACKAGE / "tables" / f"{table.name}.py").exists()


@pytest.mark.parametrize("part", [*dialects(), *tables()], ids=lambda part: part.name)
def test_every_format_says_what_it_cannot_prove_and_whether_it_is_proven_itself(part: Any) -> None:  # noqa: ANN401
    told = section(page("reference/formats.md"), part.title)
    assert re.search(r"cannot\s+prove|does\s+not\s+say\s+who", told)
    recorded = any("written" not in path.name for path in (ROOT / "tests" / "samples" / part.name).glob("*.log"))
    assert ("**Unproven**" in told) is not recorded


def test_every_object_of_the_json_has_all_its_fields_explained() -> None:
    """But for those that say the same one line above (``until`` below ``since``)."""
    unexplained = re.findall(r"^\| `(\w+)` \| [^|\n]*(?:\\\|[^|\n]*)*\|  \|$", page("reference/json.md"), re.MULTILINE)
    plain = {
        *("understood", "not_understood", "lines", "count", "messages", "recipients", "shape", "until", "last"),
        *("coverage", "overview", "timeline", "suspect", "kind", "cause", "level", "strength"),
    }
    assert set(unexplained) <= plain


LINKS = re.compile(r"(?<!!)\[[^\]\n]*\]\((?!https?:|mailto:)([^)#\s]*)(#[^)\s]*)?\)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target, _ in LINKS.findall(text):
        if target:
            assert (path.parent / target).exists(), f"{relative(path)} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_documents_name_only_what_can_be_made(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_documents_use_only_commands_and_options_there_are(path: Path) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    known: dict[str, set[str]] = {name: {"--help"} for name, _ in leaves(group)}
    groups = {name for name, command in group.commands.items() if isinstance(command, TyperGroup)}
    for name, parameter in commands():
        known[name].update(parameter.opts)
    code = re.findall(r"^```(?:sh)?\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    for line in "\n".join(code).replace("\\\n", " ").splitlines():
        for name, rest in re.findall(r"(?:^|[ /|])whosent ([a-z]+)((?: [^|#\n]*)?)", line.partition("#")[0]):
            used = (f"{name} {rest.split()[0]}", rest) if name in groups and rest.split() else (name, rest)
            if used[0] in known:
                options = set(re.findall(r"(?<= )--?[a-z][\w-]*", used[1]))
                assert options <= known[used[0]], line
            else:
                assert line.startswith(("CRITICAL", "WARNING")), f"{relative(path)}: {line}"


def test_every_page_stands_in_the_index() -> None:
    index = page("index.md")
    for path in (ROOT / "docs").rglob("*.md"):
        name = str(path.relative_to(ROOT / "docs").with_suffix(""))
        if not name.startswith(("index", "_build")):
            assert f"\n{name}\n" in index, name


# ------------------------------------------------------------------ what is kept


@cache
def tracked() -> tuple[Path, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout
    return tuple(path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file())


def test_no_path_of_a_workplace_is_kept() -> None:
    found = [
        f"{relative(path)}: {match[0].decode().strip()}"
        for path in tracked()
        if path != Path(__file__)
        for match in WORKPLACE.finditer(path.read_bytes())
    ]
    assert not found


def test_what_is_kept_is_small() -> None:
    big = {relative(path): path.stat().st_size for path in tracked() if path.stat().st_size > 5_000_000}
    assert not big


def test_every_lint_rule_that_is_off_says_why() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for line in re.findall(r'^  "[A-Z]+[0-9]*",.*$', text, re.MULTILINE):
        assert re.search(r"#\s+\w+", line), line
    for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]:
        for comment in re.findall(r"# noqa(?!:)|# type: ignore(?!\[)", path.read_text(encoding="utf-8")):
            assert path == Path(__file__), f"{relative(path)}: {comment} does not say which"
