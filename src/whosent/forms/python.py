"""Python (3, and the Python 2 of old CGI scripts) as statements that can be followed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from tree_sitter import Node

from whosent.forms.code import (
    NOTHING,
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
)
from whosent.forms.grammar import DEEPEST, line, named, opaque, template, tree, words

_BLOCKS: Final = frozenset(
    {"module", "block", "try_statement", "except_clause", "finally_clause", "else_clause", "class_definition",
     "decorated_definition"}
)  # fmt: skip
_PERCENT: Final = re.compile(r"%(?:\((\w+)\))?[-+ #0]*[\d.*]*[a-zA-Z]")
_BRACES: Final = re.compile(r"\{(\w*)[^{}]*\}")
_EFFORT: Final = 20_000
_LEAVING: Final = frozenset({"exit", "_exit", "abort", "redirect"})


def statements(source: bytes) -> tuple[Statement, ...]:
    """The script's statements, in order; classes are flattened."""
    return tuple(_block(tree("tree_sitter_python", "language", source, _EFFORT), 0))


def _block(node: Node, depth: int) -> Iterator[Statement]:
    if depth > DEEPEST:
        return
    for child in named(node):
        yield from _statement(child, depth + 1)


def _body(node: Node, depth: int, field: str = "body") -> tuple[Statement, ...]:
    child = node.child_by_field_name(field)
    return tuple(_block(child, depth + 1)) if child is not None else ()


def _statement(node: Node, depth: int) -> Iterator[Statement]:  # noqa: C901  # one branch for each kind
    kind = node.type
    if kind in _BLOCKS:
        yield from _block(node, depth)
    elif kind == "expression_statement":
        for inner in named(node):
            yield from _as_statement(inner, depth)
    elif kind in {"if_statement", "elif_clause"}:
        yield _if(node, depth)
    elif kind == "for_statement":
        left = node.child_by_field_name("left")
        names = [left] if left is not None and left.type != "pattern_list" else list(named(left)) if left else []
        over = _field(node, "right", depth)
        yield Loop(tuple(_expression(one, depth + 1) for one in names), over, _body(node, depth))
    elif kind == "while_statement":
        yield Loop((), None, _body(node, depth))
    elif kind == "with_statement":
        yield from (Do(_expression(child, depth + 1)) for child in named(node) if child.type == "with_clause")
        yield from _body(node, depth)
    elif kind == "function_definition":
        yield _function(node, depth)
    elif kind == "return_statement":
        yield Return(_children(node, depth))
    elif kind == "raise_statement":
        yield Leave(_children(node, depth))
    elif kind == "print_statement":
        yield Do(Opaque(tuple(_expression(child, depth + 1) for child in named(node))))


def _as_statement(node: Node, depth: int) -> Iterator[Statement]:
    expression = _expression(node, depth)
    yield Leave(expression) if isinstance(expression, Call) and expression.name in _LEAVING else Do(expression)


def _if(node: Node, depth: int) -> If:
    otherwise: tuple[Statement, ...] = ()
    for alternative in reversed(node.children_by_field_name("alternative")):
        if alternative.type == "elif_clause":
            body = _body(alternative, depth, "consequence")
            otherwise = (If(_field(alternative, "condition", depth), body, otherwise),)
        else:
            otherwise = tuple(_block(alternative, depth + 1))
    return If(_field(node, "condition", depth), _body(node, depth, "consequence"), otherwise)


def _function(node: Node, depth: int) -> Define:
    name, listed = node.child_by_field_name("name"), node.child_by_field_name("parameters")
    parameters = tuple(
        words(inner)
        for one in (named(listed) if listed is not None else ())
        for inner in [one if one.type == "identifier" else next(named(one), one)]
    )
    if parameters[:1] in {("self",), ("cls",)}:
        parameters = parameters[1:]
    return Define(words(name).lower() if name is not None else "", parameters, _body(node, depth))


def _field(node: Node, field: str, depth: int) -> Expression:
    child = node.child_by_field_name(field)
    return _expression(child, depth + 1) if child is not None else NOTHING


def _children(node: Node, depth: int) -> Expression:
    parts = tuple(_expression(child, depth + 1) for child in named(node))
    return parts[0] if len(parts) == 1 else Join(parts) if parts else NOTHING


def _expression(node: Node, depth: int) -> Expression:
    if depth > DEEPEST:
        return NOTHING
    known = _EXPRESSIONS.get(node.type)
    if known is not None:
        return known(node, depth)
    return opaque(_expression(child, depth + 1) for child in named(node))


def _operator(node: Node) -> str:
    return " ".join(words(child) for child in node.children if not child.is_named)


def _binary(node: Node, depth: int) -> Expression:
    left, right, sign = _field(node, "left", depth), _field(node, "right", depth), _operator(node)
    if sign == "+":
        return Join((left, right))
    if sign == "%" and isinstance(left, (Text, Join)):
        values: list[Expression] = [value for _, value in right.pairs] if isinstance(right, Pairs) else [right]
        return interleaved(_text(left), _PERCENT, values)
    return Opaque((left, right))


def _text(expression: Expression) -> str:
    match expression:
        case Text(text):
            return text
        case Join(parts):
            return "".join(map(_text, parts))
        case _:
            return ""


def interleaved(text: str, places: re.Pattern[str], values: list[Expression]) -> Expression:
    """A template with its values in their places; values left over stand at the end."""
    waiting = list(values)
    parts: list[Expression] = []
    at = 0
    for match in places.finditer(text):
        parts.append(Text(text[at : match.start()]))
        if waiting:
            parts.append(waiting.pop(0) if len(waiting) > 1 or not match[1] else waiting[0])
        at = match.end()
    return Join((*parts, Text(text[at:]), *waiting))


def _comparison(node: Node, depth: int) -> Expression:
    left, *rest = [_expression(child, depth + 1) for child in named(node)]
    sign = _operator(node)
    if sign in {"==", "!="} and rest:
        return Compare(left, rest[0], equal=sign == "==")
    if sign in {"in", "not in"} and rest:
        return Call("in", None, (left, rest[0]), line(node))
    return Opaque((left, *rest))


def _call(node: Node, depth: int) -> Expression:
    called, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    receiver = None
    name = ""
    if called is not None and called.type == "attribute":
        receiver, name = _field(called, "object", depth), words(called.child_by_field_name("attribute") or called)
    elif called is not None:
        name = words(called)
    arguments = _arguments(given, depth) if given is not None else ()
    if name == "format" and isinstance(receiver, (Text, Join)):
        return interleaved(_text(receiver), _BRACES, [_value(one) for one in arguments])
    return Call(name.lower(), receiver, arguments, line(node))


def _value(argument: Expression) -> Expression:
    return Join(tuple(value for _, value in argument.pairs)) if isinstance(argument, Pairs) else argument


def _arguments(node: Node, depth: int) -> tuple[Expression, ...]:
    if node.type != "argument_list":
        return (_expression(node, depth + 1),)
    places = [_expression(one, depth + 1) for one in named(node) if one.type != "keyword_argument"]
    by_name = tuple(
        (Text(words(name)), _field(one, "value", depth))
        for one in named(node, "keyword_argument")
        if (name := one.child_by_field_name("name")) is not None
    )
    return (*places, Pairs(by_name)) if by_name else tuple(places)


def _attribute(node: Node, depth: int) -> Expression:
    inner = _field(node, "object", depth)
    name = node.child_by_field_name("attribute")
    own = words(name) if name is not None else ""
    return Name(f"{inner.name}.{own}") if isinstance(inner, Name) else Item(inner, Text(own))


def _dictionary(node: Node, depth: int) -> Expression:
    pairs = named(node, "pair")
    return Pairs(tuple((_field(one, "key", depth), _field(one, "value", depth)) for one in pairs))


def _string(node: Node, depth: int) -> Expression:
    raw = "r" in words(node.children[0]).lower() if node.children else False
    parts: list[Expression] = []
    for child in named(node):
        if child.type == "string_content":
            parts += [Text(words(child))] if raw else template(child, lambda _: NOTHING)
        elif child.type == "interpolation":
            parts.append(_field(child, "expression", depth))
    return parts[0] if len(parts) == 1 else Join(tuple(parts)) if parts else NOTHING


def _assignment(node: Node, depth: int) -> Expression:
    sign = _operator(node)
    return Assign(_field(node, "left", depth), _field(node, "right", depth), adds=sign == "+=", line=line(node))


def _as_pattern(node: Node, depth: int) -> Expression:
    alias = node.child_by_field_name("alias")
    value = _expression(node.named_children[0], depth + 1)
    return Assign(_children(alias, depth), value, adds=False, line=line(node)) if alias is not None else value


def _choice(node: Node, depth: int) -> Expression:
    parts = [_expression(child, depth + 1) for child in named(node)]
    return Choice(parts[1], parts[0], parts[2]) if len(parts) > 2 else NOTHING  # noqa: PLR2004  # x if y else z


def _several(node: Node, depth: int) -> Expression:
    return Pairs(tuple((None, _expression(one, depth + 1)) for one in named(node)))


_EXPRESSIONS: Final[dict[str, Callable[[Node, int], Expression]]] = {
    "identifier": lambda node, _: Name(words(node)),
    "attribute": _attribute,
    "subscript": lambda node, depth: Item(_field(node, "value", depth), _field(node, "subscript", depth)),
    "string": _string,
    "concatenated_string": _children,
    "parenthesized_expression": _children,
    "as_pattern_target": _children,
    "list_splat": _children,
    "binary_operator": _binary,
    "boolean_operator": lambda node, depth: (
        Either((_field(node, "left", depth), _field(node, "right", depth))) if _operator(node) == "or"
        else Opaque((_field(node, "left", depth), _field(node, "right", depth)))
    ),
    "comparison_operator": _comparison,
    "call": _call,
    "dictionary": _dictionary,
    "list": _several, "tuple": _several, "pattern_list": _several, "expression_list": _several,
    "tuple_pattern": _several,
    "list_comprehension": _children, "generator_expression": _children,
    "assignment": _assignment, "augmented_assignment": _assignment,
    "as_pattern": _as_pattern,
    "conditional_expression": _choice,
}  # fmt: skip
