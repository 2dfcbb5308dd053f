"""Postfix logs out of thin air, the same for the same seed, with the truth beside them.

    generated = generate(Recipe(seed=7, size=2_000_000, hosts=2), folder)
    generated.paths        # oldest first
    generated.truth        # what really happened

What is in them: interleaved sessions, submissions with a password, mail from outside through a content
filter (two ids), a share of outgoing mail through it too, local mail with a uid, several hosts that hand
over to one relay, many recipients, retries hours later, expiry, notifications without a client line, ids
that come back, broken sessions that never queue, rejects, failed logins, other programs' noise, replies
and senders that imitate fields, planted incidents and innocents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.generator.play import play
from benchmarks.generator.recipe import Recipe
from benchmarks.generator.scene import Scene

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.generator.truth import Truth

__all__ = ["Generated", "Recipe", "generate"]


class Generated(NamedTuple):
    """A log on disk and what is true about it."""

    paths: list[Path]
    truth: Truth


def generate(recipe: Recipe, folder: Path) -> Generated:
    """Write one log into this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    scene = Scene(folder, recipe)
    play(scene, recipe)
    return Generated(scene.timeline.paths, scene.truth)
