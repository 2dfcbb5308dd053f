"""Compiles the hot path with the wheel, where there is a C compiler; what cannot be compiled serves as it is.

Two things: ``native/*.c``, with PCRE2, to ``whosent._native``; and, but for editable installs, whose sources change,
the modules named in ``COMPILED`` with mypyc: what hears of every row of a log, what reads every queue file.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("module.c", "matcher.c", "joiner.c", "rows.c", "frames.c", "words.c")
COMPILED = {
    "measures": ("beta", "bloom", "meter", "networks", "peers", "regard", "trail", "watch", "whereabouts"),
    "detectors": ("outcomes", "novelty", "volume", "outage", "repetition", "takeover", "worldsays", "filtered",
                  "forwarding", "rhythm", "campaign", "backscatter"),
    "model": ("correspondents", "surroundings"),
    "queues": ("heading", "postfix", "proving"),
    "sources": ("spools",),
    "keeper": ("reading",),
    "": ("overview", "witnessed"),
}  # fmt: skip


class NativeHook(BuildHookInterface[Any]):
    """Adds what could be compiled to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; a failure is said and is none of the build."""
        if self.target_name != "wheel":
            return
        root, name = Path(self.root), f"whosent/_native{sysconfig.get_config_var('EXT_SUFFIX')}"
        self._folder = tempfile.TemporaryDirectory(prefix="whosent-build-")
        folder = Path(self._folder.name)
        library = folder / Path(name).name
        found = _native(root / "native", library)
        if version == "editable":
            _put(library if found else None, root / "src" / name)
            build_data["artifacts"].append(f"src/{name}")
        elif found:
            build_data["force_include"][str(library)] = name
        if version != "editable" and not os.environ.get("PURE_PYTHON"):
            modules = _modules(root / "src", folder / "modules")
            build_data["force_include"].update({str(path): name for name, path in modules.items()})
            found = found or bool(modules)
        if found:
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def _native(folder: Path, library: Path) -> bool:
    """Whether the compiler made the library."""
    command = [
        *shlex.split(sysconfig.get_config_var("CC") or "cc"),
        *("-O2", "-DNDEBUG", "-fPIC", "-shared", "-fvisibility=hidden", "-D_GNU_SOURCE"),
        f"-I{sysconfig.get_path('include')}",
        *(str(folder / name) for name in SOURCES),
        *("-o", str(library), "-lpcre2-8"),
    ]
    return not os.environ.get("PURE_PYTHON") and _done(command, folder)


def _put(library: Path | None, place: Path) -> None:
    """Into the tree, all at once: a process that starts meanwhile must find what was there or what will be."""
    if library is None:
        place.unlink(missing_ok=True)
        return
    beside = place.with_name("_native.new.so")
    shutil.copyfile(library, beside)
    beside.replace(place)


def _modules(sources: Path, folder: Path) -> dict[str, Path]:
    """What mypyc made of the modules: paths by their place in the wheel; nothing if it could not."""
    shutil.copytree(sources / "whosent", folder / "whosent", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    names = [str(Path("whosent", package, f"{name}.py")) for package, names in COMPILED.items() for name in names]
    for name in names:
        _keepable(folder / name)
    quick = {"MYPYC_OPT_LEVEL": "1"}  # as fast as what 3 makes of it, and made in two thirds of the time
    if not _done([sys.executable, "-m", "mypyc", "--ignore-missing-imports", *names], folder, quick):
        return {}
    made = [path for path in folder.rglob("*.so") if "build" not in path.relative_to(folder).parts]
    return {str(path.relative_to(folder)): path for path in made}


def _keepable(module: Path) -> None:
    """Let its objects be made without their constructor, as ``pickle`` makes those it loads: `watch` keeps them."""
    text = module.read_text(encoding="utf-8")
    future = "from __future__ import annotations\n"
    marked = re.sub(r"(?m)^(?=class \w+:$)", "@mypyc_attr(allow_interpreted_subclasses=True)\n", text)
    told = "import typing as _typing\nif _typing.TYPE_CHECKING:\n    from mypy_extensions import mypyc_attr\n"
    module.write_text(marked.replace(future, future + told, 1), encoding="utf-8")


def _done(command: list[str], folder: Path, variables: Mapping[str, str] = MappingProxyType({})) -> bool:
    environment = {**variables, **os.environ}
    try:
        done = subprocess.run(command, capture_output=True, check=False, cwd=folder, env=environment, text=True)  # noqa: S603  # compilers
    except OSError as error:
        sys.stderr.write(f"whosent: not compiled ({error}); it serves as it is, only slower.\n")
        return False
    if done.returncode:
        sys.stderr.write(f"whosent: not compiled; it serves as it is, only slower.\n{done.stdout}{done.stderr}")
    return not done.returncode
