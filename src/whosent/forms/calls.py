"""What a call brings of a visitor's words, and what a filter leaves of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from whosent.forms import filters, names
from whosent.forms.code import Call, Expression, Name, key_of, words_in
from whosent.forms.filters import Left, filtered
from whosent.forms.values import Value, changed, joined, marks, text

_PERCENT: Final = re.compile(r"%(?:\d+\$)?[-+ #0]*[\d.]*[a-zA-Z]")
_TWO, _THREE = 2, 3  # arguments


class Script(Protocol):
    """What is asked of the script, and told to it."""

    def mark(self, origin: str, line: int = 0) -> Value:
        """A visitor's words."""

    def put(self, target: Expression, value: Value, *, adds: bool = False) -> None:
        """A value into a place."""

    def overwrite(self, value: Value) -> None:
        """A visitor gives variables their names and values."""

    def handed(self) -> Value | None:
        """The next argument of the function that is run; None: none is."""

    def elements(self, expression: Expression) -> list[str]:
        """The words of a list written out, or of one word."""


def brought(call: Call, given: list[Value], receiver: Value, script: Script) -> Value | None:
    """What a visitor sent, where a call fetches it; None: it fetches nothing."""
    fetch = _FETCHING.get(call.name)
    found = fetch(call, given, script) if fetch is not None else None
    if found is not None:
        return found
    field = text(given[0]) if given else ""
    if call.name in names.GIVEN_CALLS:
        return script.mark(f"{call.name}[{field}]" if field else call.name, call.line)
    if call.name in names.REQUEST_METHODS and call.receiver is not None:
        if names.REQUEST_HOLDER.search(key_of(call.receiver) or ""):
            return script.mark(f"request[{field}]", call.line)
        if marks(receiver) and field:
            return changed(receiver, lambda mark: mark._replace(origin=f"{mark.origin.partition('[')[0]}[{field}]"))
    return None


def _filter_input(call: Call, given: list[Value], script: Script) -> Value | None:
    source = next((one.name for one in call.arguments if isinstance(one, Name)), "INPUT_POST")
    field = text(given[1]) if len(given) > 1 else ""
    return _by_filter(call, script.mark(f"_{source.rpartition('_')[2]}[{field}]", call.line))


def _overwriting(call: Call, given: list[Value], script: Script) -> Value | None:
    """``extract($_POST)`` and its like."""
    if call.name != "import_request_variables" and not (given and marks(given[0])):
        return None
    script.overwrite(script.mark("_REQUEST", call.line))
    return ()


def _from_standard_input(call: Call, _given: list[Value], script: Script) -> Value | None:
    """``read(STDIN, $buffer, ...)``, ``<STDIN>``, ``sys.stdin.read()``."""
    if call.receiver is not None:
        return script.mark("STDIN", call.line) if (key_of(call.receiver) or "").endswith("stdin") else None
    if call.arguments[:1] != (Name("STDIN"),):
        return None
    if call.name == "<>":
        return script.mark("STDIN", call.line)
    if len(call.arguments) > 1:
        script.put(call.arguments[1], script.mark("STDIN", call.line))
    return ()


def _contents(call: Call, given: list[Value], script: Script) -> Value | None:
    return script.mark("php://input", call.line) if given and text(given[0]) == "php://input" else None


def _shift(call: Call, _given: list[Value], script: Script) -> Value | None:
    return script.handed() if not call.arguments else None


_FETCHING: Final[dict[str, Callable[[Call, list[Value], Script], Value | None]]] = {
    "filter_input": _filter_input, "filter_input_array": _filter_input,
    "extract": _overwriting, "parse_str": _overwriting, "import_request_variables": _overwriting,
    "read": _from_standard_input, "sysread": _from_standard_input, "<>": _from_standard_input,
    "readline": _from_standard_input, "readlines": _from_standard_input,
    "file_get_contents": _contents, "shift": _shift,
}  # fmt: skip


def cut(call: Call, given: list[Value], receiver: Value, script: Script) -> Value | None:
    """What a filter leaves; None: it is none."""
    if call.name in names.ONE_LINE:
        return filtered(joined(receiver, *given), filters.ONE_LINE)
    if call.name in names.AN_ADDRESS:
        return filtered(joined(*given), filters.ADDRESS)
    if call.name in {"sprintf", "printf"} and given:
        return _interleaved(text(given[0]), given[1:])
    known = _CUTTING.get(call.name)
    return known(call, given, receiver, script) if known is not None else None


def _variable_filter(call: Call, given: list[Value], _receiver: Value, _script: Script) -> Value | None:
    return _by_filter(call, given[0]) if given else None


def _by_filter(call: Call, value: Value) -> Value:
    """``filter_var`` and ``filter_input``: the filter's name decides."""
    said = " ".join(words_in(call))
    if re.search("FILTER_(VALIDATE|SANITIZE)_EMAIL", said):
        return filtered(value, filters.ADDRESS)
    if re.search("FILTER_VALIDATE_(INT|FLOAT|BOOL|IP|REGEXP)|FILTER_SANITIZE_NUMBER", said):
        return filtered(value, filters.ONE_OF_OURS)
    if re.search("FILTER_(VALIDATE|SANITIZE)_URL|FILTER_SANITIZE_SPECIAL_CHARS|STRIP_LOW|SANITIZE_ENCODED", said):
        return filtered(value, filters.ONE_LINE)
    return value


def _words_replaced(call: Call, given: list[Value], _receiver: Value, script: Script) -> Value | None:
    """``str_replace(what, by, in)``."""
    if len(given) < _THREE:
        return None
    return filtered(given[2], filters.taken_out(script.elements(call.arguments[0])))


def _method_replaced(call: Call, given: list[Value], receiver: Value, _script: Script) -> Value | None:
    """``value.replace(what, by)``."""
    if not given or call.receiver is None:
        return None
    return filtered(receiver, filters.taken_out([text(given[0])]))


def _pattern_replaced(call: Call, given: list[Value], _receiver: Value, script: Script) -> Value | None:
    """``preg_replace(pattern, by, in)``, ``re.sub(pattern, by, in)``."""
    if len(given) < _THREE:
        return None
    left = filters.ALL
    for one in script.elements(call.arguments[0]) or [text(given[0])]:
        more = filters.replaced(filters.pattern(one, delimited=call.name == "preg_replace"))
        left = Left(*(min(a, b) for a, b in zip(left, more, strict=True)))
    return filtered(given[2], left)


def _bound(call: Call, given: list[Value], receiver: Value, script: Script) -> Value | None:
    """``$x =~ s/...//g`` and ``tr``, which change what they are bound to."""
    if call.receiver is None or len(given) <= _TWO:
        return None
    left = filters.ALL
    if call.name == "tr///":
        left = filters.transliterated(text(given[0]), text(given[2]))
    elif "g" in text(given[2]):
        left = filters.replaced(filters.pattern(text(given[0])))
    cleaned = filtered(receiver, left)
    script.put(call.receiver, cleaned)
    return cleaned


_CUTTING: Final[dict[str, Callable[[Call, list[Value], Value, Script], Value | None]]] = {
    "filter_var": _variable_filter,
    "str_replace": _words_replaced, "str_ireplace": _words_replaced,
    "replace": _method_replaced,
    "preg_replace": _pattern_replaced, "ereg_replace": _pattern_replaced, "eregi_replace": _pattern_replaced,
    "sub": _pattern_replaced,
    "s///": _bound, "tr///": _bound,
}  # fmt: skip


def _interleaved(template: str, values: list[Value]) -> Value:
    """``sprintf``: values in their places, numbers without words."""
    parts: list[Value] = []
    at = 0
    waiting = list(values)
    for match in _PERCENT.finditer(template):
        parts.append((template[at : match.start()],))
        if waiting:
            value = waiting.pop(0)
            parts.append(() if match[0].endswith(("d", "u", "f", "x")) else value)
        at = match.end()
    return joined(*parts, (template[at:],), *waiting)
