"""How the documentation is built."""

from __future__ import annotations

from importlib.metadata import version as installed

project = "Whosent"
author = "the Whosent authors"
copyright = f"2026, {author}"  # noqa: A001  # Sphinx wants this name
release = installed("whosent")
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Whosent"
html_copy_source = False
