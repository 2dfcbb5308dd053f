"""Follows a visitor's words through a script: through variables, functions, filters and tests into mail."""

from __future__ import annotations

from typing import Final

from whosent.forms import filters, names
from whosent.forms.calls import brought, cut
from whosent.forms.code import (
    Assign,
    Call,
    Choice,
    Compare,
    Define,
    Do,
    Either,
    Expression,
    If,
    Item,
    Join,
    Leave,
    Loop,
    Name,
    Opaque,
    Pairs,
    Return,
    Statement,
    Text,
    TooLong,
    functions_of,
    key_of,
    parts_of,
    words_in,
)
from whosent.forms.filters import Left, filtered
from whosent.forms.guards import Guard, guards_of
from whosent.forms.sending import Outbox
from whosent.forms.values import Mark, Value, changed, either, joined, marks, text

STEPS: Final = 40_000  # expressions and statements of one script
_DEEPEST: Final = 5  # functions within functions
_OVERWRITTEN: Final = "$"  # what variables hold whose names a visitor gives


class Follower:
    """One script; what it sends is in ``outbox`` when it has been run through."""

    def __init__(self, program: tuple[Statement, ...]) -> None:
        self.outbox = Outbox(self)
        self.login = False  # whoever is not logged in is turned away
        self.referer = False  # the Referer is looked at
        self._held: dict[str, Value] = {}
        self._left: dict[str, Left] = {}  # what tests left of a field, by its origin
        self._functions = {one.name: one for one in functions_of(program)}
        self._called: set[str] = set()
        self._inside: list[str] = []
        self._arguments: list[Value] = []
        self._returned: list[Value] = []
        self._steps = 0
        self._run(program)
        for name, function in self._functions.items():
            if name not in self._called:
                self._apply(function, [])
        self.outbox.close()

    # ------------------------------------------------------------------ statements

    def _run(self, program: tuple[Statement, ...]) -> None:
        for statement in program:
            self._step()
            match statement:
                case Do(expression) | Leave(expression):
                    self.value(expression)
                case Return(expression):
                    self._returned.append(self.value(expression))
                case If():
                    self._if(statement)
                case Loop():
                    self._loop(statement)
                case Define():
                    pass

    def _step(self) -> None:
        self._steps += 1
        if self._steps > STEPS:
            raise TooLong("the script is too long to be followed")

    def _if(self, statement: If) -> None:
        self.value(statement.test)
        guards = guards_of(statement.test, self)
        self._notice(statement)
        leaves, otherwise_leaves = self._leaves(statement.body), self._leaves(statement.otherwise)
        before, left = dict(self._held), dict(self._left)
        self._steps += len(before) >> 3
        for guard in guards:
            if guard.inside:
                self._clean(guard.origins, guard.left)
        self._run(statement.body)
        taken, taken_left = self._held, self._left
        self._held, self._left = before, left
        self._run(statement.otherwise)
        if otherwise_leaves and not leaves:
            self._held, self._left = taken, taken_left
            return
        if not leaves:
            self._held = {
                name: either(taken.get(name, ()), self._held.get(name, ())) for name in {**taken, **self._held}
            }
        for guard in guards:
            if leaves and guard.outside:
                self._clean(guard.origins, guard.left)
            elif not leaves and guard.inside and guard.outside:
                self._clean(guard.origins, guard.left.doubtful())

    def _notice(self, statement: If) -> None:
        seen = " ".join(words_in(statement.test))
        if names.REFERER.search(seen):
            self.referer = True
        if names.LOGIN.search(seen) and (self._leaves(statement.body) or statement.body):
            self.login = True

    def _leaves(self, body: tuple[Statement, ...]) -> bool:
        """Whether the form goes no further there."""
        return any(
            isinstance(one, (Leave, Return))
            or (isinstance(one, Do) and isinstance(one.expression, Call) and self._ends(one.expression))
            or (isinstance(one, If) and self._leaves(one.body) and self._leaves(one.otherwise))
            for one in body
        )

    def _ends(self, call: Call) -> bool:
        if call.name in {"wp_die", "abort", "redirect", "wp_send_json_error", "croak"}:
            return True
        function = self._functions.get(call.name)
        return function is not None and any(isinstance(one, Leave) for one in function.body)

    def _loop(self, statement: Loop) -> None:
        over = self.value(statement.over) if statement.over is not None else None
        for _ in range(2):
            if over is not None:
                for name in statement.names:
                    self.put(name, over, adds=False)
            self._run(statement.body)
        if statement.over is not None:
            self._clean_by_loop(statement, over or ())

    def _clean_by_loop(self, statement: Loop, over: Value) -> None:
        """Where each element was tested and the form left, the whole has been tested."""
        for name in statement.names:
            now = self.value(name)
            if len(now) == len(over) and all(isinstance(one, Mark) for one in now) and over:
                for before, after in zip(over, now, strict=True):
                    if isinstance(before, Mark) and isinstance(after, Mark) and after.origin == before.origin:
                        self._clean({before.origin}, Left(after.chosen, after.breaks, after.free))

    def _clean(self, origins: set[str], left: Left) -> None:
        for origin in origins:
            known = self._left.get(origin, filters.ALL)
            self._left[origin] = Left(*(min(one, other) for one, other in zip(known, left, strict=True)))

        def cleaned(mark: Mark) -> Mark | None:
            return left.of(mark) if mark.origin in origins else mark

        for name, value in self._held.items():
            if marks(value):
                self._held[name] = changed(value, cleaned)

    # ------------------------------------------------------------------ values

    def value(self, expression: Expression) -> Value:  # noqa: C901, PLR0911  # one case for each kind
        """What an expression may hold."""
        self._step()
        match expression:
            case Text(words):
                return (words,) if words else ()
            case Name(name):
                return self._read(name)
            case Item():
                return self._element(expression)
            case Join(parts):
                value = joined(*map(self.value, parts))
                self._steps += len(value)
                return value
            case Either(parts):
                return self._one_of(parts)
            case Pairs(pairs):
                return joined(*(self.value(value) for _, value in pairs))
            case Choice(test, yes, no):
                return self._choice(test, yes, no)
            case Assign():
                return self._assign(expression)
            case Call():
                return self._call(expression)
            case Compare() | Opaque():
                for part in parts_of(expression):
                    self.value(part)
                return ()

    def _one_of(self, parts: tuple[Expression, ...]) -> Value:
        first, *rest = map(self.value, parts)
        for value in rest:
            first = either(first, value)
        return first

    def _choice(self, test: Expression, yes: Expression, no: Expression) -> Value:
        self.value(test)
        taken, otherwise = self.value(yes), self.value(no)
        for guard in guards_of(test, self):

            def cleaned(mark: Mark, guard: Guard = guard) -> Mark | None:
                return guard.left.of(mark) if mark.origin in guard.origins else mark

            taken, otherwise = changed(taken, cleaned), changed(otherwise, cleaned)
        return either(taken, otherwise)

    def mark(self, origin: str, line: int = 0) -> Value:
        """A visitor's words, less what tests have shown."""
        base = origin.partition("[")[0]
        mark: Mark | None = Mark(origin, line)
        for known in {origin, base}:
            if mark is not None and known in self._left:
                mark = self._left[known].of(mark)
        return () if mark is None else (mark,)

    def _read(self, name: str) -> Value:
        if name in self._held:
            return self._held[name]
        if name in names.GIVEN or names.GIVEN_MEMBER.search(name):
            return self.mark(name)
        holder, _, member = name.rpartition(".")
        if holder and holder in self._held and marks(self._held[holder]) and member in {"value", "file", "filename"}:
            return self._held[holder]
        return self._held.get(_OVERWRITTEN, ()) if "." not in name else ()

    def _element(self, item: Item) -> Value:
        key = key_of(item)
        if key is not None and key in self._held:
            return self._held[key]
        if item.key is not None:
            self.value(item.key)
        base = key_of(item.base)
        if base in names.ENVIRONMENT:
            asked = item.key.text if isinstance(item.key, Text) else ""
            if not names.GIVEN_KEY.fullmatch(asked):
                return ()
            given = self.mark(key or base)
            return filtered(given, filters.ONE_LINE) if asked.startswith("HTTP_") else given
        if base is not None and base in names.GIVEN and base not in self._held:
            return self.mark(key or f"{base}[...]")
        loose = self._held.get(f"{base}[]", ()) if base is not None else ()
        whole = self.value(item.base)
        return either(loose, whole) if loose else self._named_field(whole, item)

    @staticmethod
    def _named_field(whole: Value, item: Item) -> Value:
        """An element of something the visitor sent is a field of its own."""
        if not isinstance(item.key, Text) or not item.key.text or item.key.text in {"value", "0"}:
            return whole
        field = item.key.text
        return changed(whole, lambda mark: mark._replace(origin=f"{mark.origin.partition('[')[0]}[{field}]"))

    # ------------------------------------------------------------------ assignments

    def _assign(self, one: Assign) -> Value:
        if isinstance(one.target, Pairs) and one.value == Name("_") and self._inside:
            for (_, target), value in zip(one.target.pairs, self._arguments, strict=False):
                self.put(target, value, adds=False)
            return ()
        value = self.value(one.value)
        if isinstance(one.target, Pairs) and isinstance(one.value, Pairs):
            for (_, target), (_, part) in zip(one.target.pairs, one.value.pairs, strict=False):
                self.put(target, self.value(part), adds=one.adds)
            return value
        self.put(one.target, value, adds=one.adds)
        name = key_of(one.target)
        if name is not None:
            self._spread(name, one.value)
            self.outbox.assigned(name, one.value, value, one.line)
        return value

    def _spread(self, name: str, value: Expression) -> None:
        """A hash written out: each of its keys is a place."""
        if isinstance(value, Pairs):
            for key, part in value.pairs:
                if isinstance(key, Text):
                    self._held[f"{name}[{key.text}]"] = self.value(part)

    def put(self, target: Expression, value: Value, *, adds: bool = False) -> None:
        """A value into a place, a list, or an element."""
        match target:
            case Pairs(pairs):
                for _, part in pairs:
                    self.put(part, value, adds=adds)
            case Name(name):
                if not adds:
                    for known in [one for one in self._held if one.startswith(f"{name}[")]:
                        del self._held[known]
                self._held[name] = joined(self._held.get(name, ()), value) if adds else value
            case Item(base, _):
                self._put_element(target, base, value, adds=adds)
            case Assign(inner, _, _, _):
                self.put(inner, value, adds=adds)
            case _:
                pass

    def _put_element(self, item: Item, base: Expression, value: Value, *, adds: bool) -> None:
        name, key = key_of(base), key_of(item)
        if name is None:
            return
        if key is not None:
            self._held[key] = joined(self._held.get(key, ()), value) if adds else value
            return
        if name == _OVERWRITTEN:
            self._held[_OVERWRITTEN] = joined(self._held.get(_OVERWRITTEN, ()), value)
            return
        loose = f"{name}[]"
        self._held[loose] = either(self._held.get(loose, ()), value) if marks(value) else self._held.get(loose, value)
        for known in [one for one in self._held if one.startswith(f"{name}[") and one != loose]:
            if marks(value) and item.key is not None:
                self._held[known] = either(value, self._held[known])

    # ------------------------------------------------------------------ calls

    def _call(self, call: Call) -> Value:
        given = [self.value(one) for one in call.arguments]
        receiver = self.value(call.receiver) if call.receiver is not None else ()
        self.outbox.called(call, given)
        known = brought(call, given, receiver, self)
        if known is None:
            known = cut(call, given, receiver, self)
        if known is not None or call.name in names.CONSTANT:
            return known or ()
        if call.name == "new" and "__construct" in self._functions:
            self._apply(self._functions["__construct"], given)
        if call.name in self._functions:
            return self._apply(self._functions[call.name], given)
        everything = joined(receiver, *given)
        passes = call.name in names.PASSING or (marks(receiver) and call.name != "new")
        return everything if passes else filtered(everything, filters.DOUBTFUL)

    def overwrite(self, value: Value) -> None:
        """A visitor gives variables their names and values."""
        self._held[_OVERWRITTEN] = value

    def handed(self) -> Value | None:
        """The next argument of the function that is run; None: none is."""
        if not self._inside:
            return None
        return self._arguments.pop(0) if self._arguments else ()

    def elements(self, expression: Expression) -> list[str]:
        """The words of a list written out, or of one word."""
        if isinstance(expression, Pairs):
            return [text(self.value(value)) for _, value in expression.pairs]
        name = key_of(expression)
        listed = [value for known, value in self._held.items() if name is not None and known.startswith(f"{name}[")]
        return [text(value) for value in listed] or [text(self.value(expression))]

    def _apply(self, function: Define, given: list[Value]) -> Value:
        self._called.add(function.name)
        if function.name in self._inside or len(self._inside) >= _DEEPEST:
            return filtered(joined(*given), filters.DOUBTFUL)
        kept = {name: self._held.get(name) for name in function.parameters}
        arguments, returned = self._arguments, self._returned
        self._arguments, self._returned = list(given), []
        self._inside.append(function.name)
        for name, value in zip(function.parameters, [*given, *[()] * len(function.parameters)], strict=False):
            self._held[name] = value
        self._run(function.body)
        result: Value = ()
        for value in self._returned:
            result = either(result, value)
        self._inside.pop()
        self._arguments, self._returned = arguments, returned
        for name, old in kept.items():
            if old is None:
                self._held.pop(name, None)
            else:
                self._held[name] = old
        return result

    def field(self, expression: Expression, key: str) -> Value:
        """An entry of a hash, written out or in a variable; its key in any case."""
        if isinstance(expression, Pairs):
            found = [value for name, value in expression.pairs if isinstance(name, Text) and name.text.lower() == key]
            return joined(*map(self.value, found))
        base = key_of(expression)
        wanted = f"{base}[{key}]".lower()
        return joined(*(value for name, value in self._held.items() if base and name.lower() == wanted))

    def function(self, name: str) -> Define | None:
        """A function of the script."""
        return self._functions.get(name)
