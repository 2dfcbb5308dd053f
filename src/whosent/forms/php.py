"""PHP as statements that can be followed."""

from __future__ import annotations

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
from whosent.forms.grammar import DEEPEST, line, named, opaque, tree, unescaped, words

_EFFORT: Final = 20_000
_LEAVING: Final = frozenset({"exit", "die"})
_JOINING: Final = frozenset({".", "??", "||", "&&", "or", "and"})
_BLOCKS: Final = frozenset(
    {"compound_statement", "colon_block", "program", "declaration_list", "switch_block", "try_statement",
     "catch_clause", "finally_clause", "namespace_definition", "class_declaration", "trait_declaration",
     "else_clause", "case_statement", "default_statement"}
)  # fmt: skip


def statements(source: bytes) -> tuple[Statement, ...]:
    """The script's statements, in order; classes and namespaces are flattened."""
    return tuple(_block(tree("tree_sitter_php", "language_php", source, _EFFORT), 0))


def _block(node: Node, depth: int) -> Iterator[Statement]:
    if depth > DEEPEST:
        return
    for child in named(node):
        yield from _statement(child, depth + 1)


def _body(node: Node, field: str, depth: int) -> tuple[Statement, ...]:
    child = node.child_by_field_name(field)
    return tuple(_statement(child, depth + 1)) if child is not None else ()


def _statement(node: Node, depth: int) -> Iterator[Statement]:
    kind = node.type
    if kind in _BLOCKS:
        yield from _block(node, depth)
    elif kind in _STATEMENTS and depth <= DEEPEST:
        yield from _STATEMENTS[kind](node, depth)
    elif kind in {"while_statement", "for_statement", "do_statement"}:
        yield Do(_field(node, "initialize", depth))
        yield Do(_field(node, "condition", depth))
        yield Loop((), None, _body(node, "body", depth))
    elif kind in {"function_static_declaration", "const_declaration", "unset_statement", "property_declaration"}:
        yield from ()
    elif kind == "echo_statement":
        yield Do(Opaque(tuple(_expression(child, depth + 1) for child in named(node))))


def _single(node: Node, depth: int) -> Iterator[Statement]:
    inner = next(named(node), None)
    if inner is not None:
        yield from _as_statement(inner, depth + 1)


def _as_statement(node: Node, depth: int) -> Iterator[Statement]:
    if node.type == "throw_expression" or (node.type == "name" and words(node).lower() in _LEAVING):
        yield Leave(_children(node, depth))
    elif node.type == "binary_expression" and _operator(node) in {"or", "and", "||", "&&"}:
        last = tuple(_as_statement(node.named_children[-1], depth + 1))
        yield If(_field(node, "left", depth), last, ())
    else:
        expression = _expression(node, depth)
        if isinstance(expression, Call) and expression.receiver is None and expression.name in _LEAVING:
            yield Leave(expression)
        else:
            yield Do(expression)


def _if(node: Node, depth: int) -> Iterator[Statement]:
    otherwise: tuple[Statement, ...] = ()
    for alternative in reversed(node.children_by_field_name("alternative")):
        if alternative.type == "else_if_clause":
            body = _body(alternative, "body", depth)
            otherwise = (If(_field(alternative, "condition", depth), body, otherwise),)
        else:
            otherwise = tuple(_block(alternative, depth + 1))
    yield If(_field(node, "condition", depth), _body(node, "body", depth), otherwise)


def _foreach(node: Node, depth: int) -> Iterator[Statement]:
    body = node.child_by_field_name("body")
    over, *rest = [child for child in named(node) if child != body]
    names = tuple(
        _expression(part, depth + 1)
        for one in rest
        for part in (list(named(one)) if one.type in {"pair", "list_literal", "by_ref"} else [one])
    )
    yield Loop(names, _expression(over, depth + 1), _body(node, "body", depth))


def _switch(node: Node, depth: int) -> Iterator[Statement]:
    """Cases are branches of one another: each may be the one taken."""
    tested = _field(node, "condition", depth)
    branches: tuple[Statement, ...] = ()
    block = node.child_by_field_name("body")
    for case in reversed(list(named(block))) if block is not None else ():
        value = case.child_by_field_name("value")
        inner = tuple(_one for child in named(case) if child != value for _one in _statement(child, depth + 2))
        if value is None:
            branches = inner
        else:
            branches = (If(Compare(tested, _expression(value, depth + 2), equal=True), inner, branches),)
    yield from branches


def _function(node: Node, depth: int) -> Iterator[Statement]:
    name = node.child_by_field_name("name")
    yield Define(words(name).lower() if name else "", _parameters(node), _body(node, "body", depth))


def _parameters(node: Node) -> tuple[str, ...]:
    listed = node.child_by_field_name("parameters")
    names = [one.child_by_field_name("name") for one in named(listed)] if listed is not None else []
    return tuple(words(name).lstrip("$") for name in names if name is not None)


def _return(node: Node, depth: int) -> Iterator[Statement]:
    yield Return(_children(node, depth))


_STATEMENTS: Final[dict[str, Callable[[Node, int], Iterator[Statement]]]] = {
    "expression_statement": _single,
    "if_statement": _if,
    "else_if_clause": _if,
    "foreach_statement": _foreach,
    "switch_statement": _switch,
    "function_definition": _function,
    "method_declaration": _function,
    "return_statement": _return,
    "exit_statement": lambda node, depth: iter((Leave(_children(node, depth)),)),
}


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
    return words(node.children[1]).lower() if len(node.children) > 1 else ""


def _binary(node: Node, depth: int) -> Expression:
    left, right, sign = _field(node, "left", depth), _field(node, "right", depth), _operator(node)
    if sign == ".":
        return Join((left, right))
    if sign == "??":
        return Either((left, right))
    if sign in {"==", "===", "!=", "!==", "<>"}:
        return Compare(left, right, equal=sign.startswith("="))
    return Opaque((left, right))


def _subscript(node: Node, depth: int) -> Expression:
    base, *key = list(named(node))
    if not key:
        return Item(_expression(base, depth + 1), None)
    inner = Text(words(key[0])) if key[0].type in {"name", "integer"} else _expression(key[0], depth + 1)
    return Item(_expression(base, depth + 1), inner)


def _member(node: Node, depth: int) -> Expression:
    holder = node.child_by_field_name("object") or node.child_by_field_name("scope")
    member = node.child_by_field_name("name")
    inner = _expression(holder, depth + 1) if holder is not None else NOTHING
    if member is None:
        return inner
    own = words(member).lstrip("$")
    return Name(f"{inner.name}.{own}") if isinstance(inner, Name) else Item(inner, Text(own))


def _call(node: Node, depth: int) -> Expression:
    receiver = node.child_by_field_name("object") or node.child_by_field_name("scope")
    name = node.child_by_field_name("name") or node.child_by_field_name("function")
    return Call(
        words(name).rpartition("\\")[2].lower() if name is not None else "",
        _expression(receiver, depth + 1) if receiver is not None else None,
        _arguments(node.child_by_field_name("arguments"), depth),
        line(node),
    )


def _arguments(node: Node | None, depth: int) -> tuple[Expression, ...]:
    if node is None:
        return ()
    places: list[Expression] = []
    by_name: list[tuple[Expression | None, Expression]] = []
    for one in named(node):
        name = one.child_by_field_name("name")
        value = _expression(one.named_children[-1], depth + 1) if one.named_children else NOTHING
        if name is not None and one.type == "argument":
            by_name.append((Text(words(name)), value))
        else:
            places.append(value)
    return (*places, Pairs(tuple(by_name))) if by_name else tuple(places)


def _new(node: Node, depth: int) -> Expression:
    name = next(named(node), None)
    given = next((child for child in named(node) if child.type == "arguments"), None)
    shown = words(name).rpartition("\\")[2].lower() if name is not None else ""
    return Call("new", Name(shown), _arguments(given, depth), line(node))


def _array(node: Node, depth: int) -> Expression:
    pairs: list[tuple[Expression | None, Expression]] = []
    for one in named(node, "array_element_initializer"):
        parts = [_expression(part, depth + 1) for part in named(one)]
        if parts:
            pairs.append((parts[0] if len(parts) > 1 else None, parts[-1]))
    return Pairs(tuple(pairs))


def _assignment(node: Node, depth: int) -> Expression:
    left = node.child_by_field_name("left")
    sign = _operator(node)
    value = _field(node, "right", depth)
    if sign not in {"=", ".=", "??="}:
        value = Opaque((value,))
    target = _expression(left, depth + 1) if left is not None else NOTHING
    return Assign(target, value, adds=sign in {".=", "??="}, line=line(node))


def _choice(node: Node, depth: int) -> Expression:
    test = _field(node, "condition", depth)
    body = node.child_by_field_name("body")
    return Choice(test, _expression(body, depth + 1) if body is not None else test, _field(node, "alternative", depth))


def _match(node: Node, depth: int) -> Expression:
    block = node.child_by_field_name("body")
    return Either(tuple(_field(arm, "return_expression", depth) for arm in named(block)) if block is not None else ())


def _cast(node: Node, depth: int) -> Expression:
    kind = node.child_by_field_name("type")
    value = _field(node, "value", depth)
    return value if kind is None or words(kind).lower() in {"string", "array", "object"} else Opaque((value,))


def _string(node: Node, depth: int) -> Expression:
    parts = [one for child in named(node) for one in _string_part(child, depth)]
    return parts[0] if len(parts) == 1 else Join(tuple(parts)) if parts else NOTHING


def _string_part(node: Node, depth: int) -> list[Expression]:
    if node.type == "escape_sequence":
        return [Text(_escape(node))]
    if node.type in {"heredoc_body", "nowdoc_body"}:
        return [one for child in named(node) for one in _string_part(child, depth + 1)]
    if node.type in {"string_content", "nowdoc_string"}:
        return [Text(words(node))]
    return [] if node.type.startswith(("heredoc_", "nowdoc_")) else [_expression(node, depth + 1)]


def _escape(node: Node) -> str:
    escape = words(node)
    if node.parent is not None and node.parent.type == "string":  # in single quotes only \\\\ and \\' mean something
        return escape[1:] if escape in {"\\\\", "\\'"} else escape
    return unescaped(escape)


_EXPRESSIONS: Final[dict[str, Callable[[Node, int], Expression]]] = {
    "variable_name": lambda node, _: Name(words(node).lstrip("$")),
    "dynamic_variable_name": lambda node, depth: Item(Name("$"), _children(node, depth)),
    "name": lambda node, _: Name(words(node)),
    "qualified_name": lambda node, _: Name(words(node).rpartition("\\")[2]),
    "string": _string,
    "encapsed_string": _string,
    "heredoc": _string,
    "nowdoc": _string,
    "shell_command_expression": lambda node, depth: Call("`", None, (_string(node, depth),), line(node)),
    "parenthesized_expression": _children,
    "error_suppression_expression": _children,
    "argument": _children,
    "by_ref": _children,
    "clone_expression": _children,
    "variadic_unpacking": _children,
    "print_intrinsic": lambda node, depth: Opaque((_children(node, depth),)),
    "binary_expression": _binary,
    "subscript_expression": _subscript,
    "member_access_expression": _member,
    "nullsafe_member_access_expression": _member,
    "scoped_property_access_expression": _member,
    "function_call_expression": _call,
    "member_call_expression": _call,
    "nullsafe_member_call_expression": _call,
    "scoped_call_expression": _call,
    "object_creation_expression": _new,
    "array_creation_expression": _array,
    "list_literal": lambda node, depth: Pairs(tuple((None, _expression(one, depth + 1)) for one in named(node))),
    "assignment_expression": _assignment,
    "augmented_assignment_expression": _assignment,
    "reference_assignment_expression": _assignment,
    "conditional_expression": _choice,
    "match_expression": _match,
    "cast_expression": _cast,
}
