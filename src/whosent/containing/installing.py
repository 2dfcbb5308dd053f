"""Installs what a server needs and takes it out again; what was made is remembered, so that only that is taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from whosent.keeper.memory import secured
from whosent.keeper.servers import KeeperError
from whosent.model.action import SetUp, SetUpChange
from whosent.model.mistake import Mistake
from whosent.model.settings import Containment
from whosent.setups import Change, servers

T = TypeVar("T")


class Installing:
    """The changes of one server."""

    def __init__(self, name: str, settings: Containment) -> None:
        self._name, self._module = name, servers()[name]
        self._folder = Path(settings.folder)
        self._changes: list[Change] = _sentence(lambda: self._module.changes(settings.administrators))

    @property
    def _record(self) -> Path:
        return self._folder / f"setup-{self._name}.json"

    def _made(self) -> list[str]:
        try:
            made: list[str] = json.loads(self._record.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return made

    def shown(self, changed: int = 0) -> SetUp:
        """How it stands."""
        changes = [SetUpChange(one.what, one.why, _sentence(one.done)) for one in self._changes]
        return SetUp(server=self._name, changes=changes, changed=changed)

    def install(self) -> SetUp:
        """Make what is missing."""
        _sentence(lambda: secured(self._folder))
        made, count = self._made(), 0
        for one in self._changes:
            if not _sentence(one.done):
                made = list(dict.fromkeys([*made, _key(one)]))
                self._record.write_text(json.dumps(made), encoding="utf-8")
                _sentence(one.make)
                count += 1
        if count:
            _sentence(self._module.heed)
        return self.shown(count)

    def undo(self) -> SetUp:
        """Take back what was made, the last first; the server takes notice before its tables go."""
        made, count = self._made(), 0
        tables = [one for one in self._changes if one.last]
        for group in ([one for one in self._changes if not one.last], tables):
            for one in reversed(group):
                if _key(one) in made:
                    _sentence(one.undo)
                    count += 1
            if count:
                _sentence(self._module.heed)
        self._record.unlink(missing_ok=True)
        return self.shown(count)


def _key(one: Change) -> str:
    return one.what.partition("\n")[0].partition(" = ")[0].partition(" (")[0]


def _sentence(do: Callable[[], T]) -> T:
    """What goes wrong becomes the operator's sentence."""
    try:
        return do()
    except KeeperError as error:
        raise Mistake(f"{error}.") from None
