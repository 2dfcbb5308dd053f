"""State of the live walk as bytes, and back, by the very same version of Whosent."""

from __future__ import annotations

import copyreg
import gc
import io
import pickle
from collections.abc import Callable
from datetime import tzinfo
from operator import attrgetter
from typing import Any, BinaryIO, Final

_PROTOCOL: Final = 5


def save(state: object, zone: tzinfo, out: BinaryIO) -> None:
    """Write state, for :func:`load` of the very same version of Whosent."""
    _Saver(out, zone).dump(state)


def saved(state: object, zone: tzinfo) -> bytes:
    """State as bytes."""
    out = io.BytesIO()
    save(state, zone, out)
    return out.getvalue()


def load(state: BinaryIO, zone: tzinfo) -> Any:  # noqa: ANN401  # whatever was saved
    """What was saved."""
    collecting = gc.isenabled()
    gc.disable()  # all of it is new and stays: looking for cycles meanwhile costs more than loading
    try:
        return _Loader(state, zone).load()
    finally:
        if collecting:
            gc.enable()


def loaded(state: bytes, zone: tzinfo) -> Any:  # noqa: ANN401  # whatever was saved
    """The same from bytes."""
    return load(io.BytesIO(state), zone)


def _zone_here() -> tzinfo:
    """Stands in a saved state for the zone, which is given anew."""
    raise AssertionError  # the loader knows better


class _Saver(pickle.Pickler):
    """Leaves out what belongs to this machine and is given anew."""

    def __init__(self, out: BinaryIO, zone: tzinfo) -> None:
        super().__init__(out, _PROTOCOL)

        def reduced(one: Any) -> Any:  # noqa: ANN401  # as pickle wants it
            return (_zone_here, ()) if one is zone else one.__reduce_ex__(_PROTOCOL)

        self.dispatch_table = _Reducers({**copyreg.dispatch_table, type(zone): reduced})


class _Reducers(dict[type, Callable[[Any], Any]]):
    """How objects are taken apart; those with slots by their values alone.

    The usual way makes a dictionary of each, all of which stay in memory until everything is saved.
    """

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        own = vars(kind)
        if kind.__base__ is not object or "__slots__" not in own or own.keys() & {"__reduce__", "__getstate__"}:
            raise KeyError(kind)
        names = tuple(own["__slots__"])
        all_of = attrgetter(*names) if len(names) > 1 else lambda one: (getattr(one, names[0]),)

        def reduced(one: Any) -> tuple[object, ...]:  # noqa: ANN401  # of that kind
            try:
                values = all_of(one)
            except AttributeError:
                values = tuple([getattr(one, name, _Unset) for name in names])
            return copyreg.__newobj__, (kind,), values, None, None, _fill  # type: ignore[attr-defined]

        self[kind] = reduced
        return reduced


class _Unset:
    """Stands for the value of a slot that has none."""


def _fill(one: object, values: tuple[object, ...]) -> None:
    for name, value in zip(vars(type(one))["__slots__"], values, strict=True):
        if value is not _Unset:
            setattr(one, name, value)


class _Loader(pickle.Unpickler):
    def __init__(self, saved: BinaryIO, zone: tzinfo) -> None:
        super().__init__(saved)
        self._zone = zone

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401  # any class
        """What stood aside, or a class of ours."""
        if (module, name) == (__name__, _zone_here.__name__):
            return lambda: self._zone
        return super().find_class(module, name)
