"""Builds the compiled hot path with the wheel, where there is a C compiler and PCRE2; elsewhere the pure one serves."""

from __future__ import annotations

import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("module.c", "matcher.c", "joiner.c", "rows.c", "words.c")


class NativeHook(BuildHookInterface[Any]):
    """Compiles ``native/*.c`` to ``whosent/_native``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; a failure is said and is none of the build."""
        del version
        if self.target_name != "wheel":
            return
        library = Path(self.root, "src", "whosent", f"_native{sysconfig.get_config_var('EXT_SUFFIX')}")
        library.unlink(missing_ok=True)
        if compiled(Path(self.root, "native"), library):
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
            build_data["artifacts"].append(str(library.relative_to(self.root)))


def compiled(folder: Path, library: Path) -> bool:
    """Whether the compiler made the library."""
    command = [
        *shlex.split(sysconfig.get_config_var("CC") or "cc"),
        *("-O2", "-DNDEBUG", "-fPIC", "-shared", "-fvisibility=hidden", "-D_GNU_SOURCE"),
        f"-I{sysconfig.get_path('include')}",
        *(str(folder / name) for name in SOURCES),
        *("-o", str(library), "-lpcre2-8"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, check=False, text=True)
    except OSError as error:
        sys.stderr.write(f"whosent: no compiler ({error}); the pure Python hot path serves.\n")
        return False
    if done.returncode:
        sys.stderr.write(f"whosent: the compiled hot path could not be built; the pure one serves.\n{done.stderr}")
    return not done.returncode
