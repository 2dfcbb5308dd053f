"""Perl as statements that can be followed."""

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
from whosent.forms.grammar import DEEPEST, line, named, opaque, template, tree, words

_EFFORT: Final = 400  # a form of the usual length takes fifty
_LEAVING: Final = frozenset({"die", "exit", "croak", "confess"})
_SKIPPED: Final = frozenset({"heredoc_end"})
_BOUND: Final = {"match_regexp": "=~", "substitution_regexp": "s///", "transliteration_expression": "tr///"}


def statements(source: bytes) -> tuple[Statement, ...]:
    """The script's statements, in order."""
    return tuple(_block(tree("tree_sitter_perl", "language", source, _EFFORT), 0))


def _block(node: Node, depth: int) -> Iterator[Statement]:
    if depth > DEEPEST:
        return
    children = list(named(node))
    for place, child in enumerate(children):
        if child.type != "heredoc_content":
            after = children[place + 1 : place + 4]
            waiting = [one for one in after if one.type == "heredoc_content"]
            yield from _statement(child, depth + 1, waiting)


def _statement(node: Node, depth: int, heredocs: list[Node]) -> Iterator[Statement]:
    kind = node.type
    if kind == "expression_statement":
        inner = next(named(node), None)
        if inner is not None:
            yield from _as_statement(inner, depth, heredocs)
    elif kind in {"block", "block_statement", "phaser_statement", "package_statement", "else"}:
        yield from _block(node, depth)
    elif kind in {"conditional_statement", "elsif"}:
        yield _if(node, depth)
    elif kind == "for_statement":
        name = node.child_by_field_name("variable")
        names = (_expression(name, depth + 1),) if name is not None else (Name("_"),)
        yield Loop(names, _field(node, "list", depth), _body(node, depth))
    elif kind in {"loop_statement", "cstyle_for_statement"}:
        yield Do(_field(node, "condition", depth))
        yield Loop((), None, _body(node, depth))
    elif kind in {"subroutine_declaration_statement", "method_declaration_statement"}:
        name = node.child_by_field_name("name")
        yield Define(words(name).lower() if name is not None else "", (), _body(node, depth, "body"))


def _body(node: Node, depth: int, field: str = "block") -> tuple[Statement, ...]:
    child = node.child_by_field_name(field)
    return tuple(_block(child, depth + 1)) if child is not None else ()


def _if(node: Node, depth: int) -> If:
    rest = next((child for child in named(node) if child.type in {"elsif", "else"}), None)
    otherwise: tuple[Statement, ...] = ()
    if rest is not None:
        otherwise = (_if(rest, depth + 1),) if rest.type == "elsif" and depth < DEEPEST else _body(rest, depth)
    return If(_field(node, "condition", depth), _body(node, depth), otherwise)


def _as_statement(node: Node, depth: int, heredocs: list[Node]) -> Iterator[Statement]:
    kind = node.type
    if depth > DEEPEST:
        return
    if kind in {"lowprec_logical_expression", "binary_expression"} and _operator(node) in {"or", "and", "||", "&&"}:
        last = tuple(_as_statement(node.named_children[-1], depth + 1, heredocs))
        yield If(_expression(node.named_children[0], depth + 1), last, ())
    elif kind == "postfix_conditional_expression":
        yield If(
            _field(node, "condition", depth), tuple(_as_statement(node.named_children[0], depth + 1, heredocs)), ()
        )
    elif kind in {"postfix_for_expression", "postfix_loop_expression"}:
        body = tuple(_as_statement(node.named_children[0], depth + 1, heredocs))
        yield Loop((Name("_"),), _field(node, "list", depth) if kind == "postfix_for_expression" else None, body)
    elif kind in {"eval_expression", "do_expression"}:
        for child in named(node):
            yield from _block(child, depth + 1)
    elif kind == "return_expression":
        yield Return(_children(node, depth))
    else:
        expression = _expression(node, depth)
        leaves = isinstance(expression, Call) and expression.receiver is None and expression.name in _LEAVING
        yield Leave(expression) if leaves or words(node) in _LEAVING else Do(_with_heredocs(expression, heredocs))


def _with_heredocs(expression: Expression, heredocs: list[Node]) -> Expression:
    """The text of here-documents, which stands behind the statement, in its place."""
    if not heredocs:
        return expression
    waiting = iter(heredocs)

    def filled(one: Expression) -> Expression:
        match one:
            case Call("<<", None, (Text(token),), _):
                document = next(waiting, None)
                return one if document is None else _heredoc(document, raw=token.startswith("<<'"))
            case Call(name, receiver, arguments, at):
                return Call(name, receiver, tuple(map(filled, arguments)), at)
            case Join(parts):
                return Join(tuple(map(filled, parts)))
            case Assign(target, value, adds, at):
                return Assign(target, filled(value), adds, at)
            case _:
                return one

    return filled(expression)


def _heredoc(node: Node, *, raw: bool) -> Expression:
    if raw:
        return Text(words(node).lstrip("\n"))
    return Join(tuple(template(node, lambda child: _expression(child, 1), _SKIPPED)))


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
    return next((words(child) for child in node.children if not child.is_named), "")


def _binary(node: Node, depth: int) -> Expression:
    sign = _operator(node)
    right = node.child_by_field_name("right")
    left = _field(node, "left", depth)
    if right is None:
        return Opaque((left,))
    if sign in {"=~", "!~"}:
        return _bound(left, right, depth)
    other = _expression(right, depth + 1)
    if sign in {".", "x"}:
        return Join((left, other))
    if sign in {"||", "//", "or"}:
        return Either((left, other))
    if sign in {"eq", "ne", "==", "!="}:
        return Compare(left, other, equal=sign in {"eq", "=="})
    return Opaque((left, other))


def _bound(left: Expression, node: Node, depth: int) -> Expression:
    """``$x =~ /.../``, ``s/.../.../``, ``tr/.../.../``."""
    content = node.child_by_field_name("content")
    replacement = next((child for child in node.children if child.type == "replacement"), None)
    pattern = words(content) if content is not None else ""
    modifiers = node.child_by_field_name("modifiers")
    arguments = (
        Text(pattern),
        _children(replacement, depth) if replacement is not None and replacement.named_children
        else Text(words(replacement) if replacement is not None else ""),
        Text(words(modifiers) if modifiers is not None else ""),
    )  # fmt: skip
    if node.type not in _BOUND:
        return Call("=~", left, (_expression(node, depth + 1), Text(""), Text("")), line(node))
    return Call(_BOUND[node.type], left, arguments, line(node))


def _hash_element(node: Node, depth: int) -> Expression:
    key = node.child_by_field_name("key")
    base = node.named_children[0]
    inner: Expression = NOTHING
    if key is not None:
        plain = key.type in {"autoquoted_bareword", "number"}
        inner = Text(words(key)) if plain else _expression(key, depth + 1)
    return Item(_expression(base, depth + 1), inner)


def _array_element(node: Node, depth: int) -> Expression:
    index = node.child_by_field_name("index")
    inner = (
        NOTHING if index is None else Text(words(index)) if index.type == "number" else _expression(index, depth + 1)
    )
    return Item(_expression(node.named_children[0], depth + 1), inner)


def _list(node: Node, depth: int) -> Expression:
    """A list; with ``=>``, or two to four of them, a hash."""
    if any(child.type == "=>" for child in node.children):
        return Pairs(tuple(_pairs(node, depth)))
    return Pairs(tuple((None, _expression(child, depth + 1)) for child in named(node)))


def _pairs(node: Node, depth: int) -> Iterator[tuple[Expression | None, Expression]]:
    key: Expression | None = None
    previous: Expression | None = None
    for child in node.children:
        if child.type == "=>":
            key, previous = previous, None
        elif child.is_named and child.type != "comment":
            if previous is not None:
                yield key, previous
                key = None
            previous = Text(words(child)) if child.type == "autoquoted_bareword" else _expression(child, depth + 1)
    if previous is not None:
        yield key, previous


def _function(node: Node, depth: int) -> Expression:
    name = node.child_by_field_name("function")
    called = words(name).lstrip("&").rpartition("::")[2] if name is not None else ""
    given = node.child_by_field_name("arguments")
    holder = next((child for child in named(node) if child.type == "indirect_object"), None)
    if called in {"print", "printf", "say"}:
        return _print(given, holder, depth, line(node))
    return Call(called.lower(), None, _arguments(given, depth), line(node))


def _print(given: Node | None, holder: Node | None, depth: int, at: int) -> Expression:
    """``print MAIL "..."`` is read by the grammar as a call of MAIL."""
    if holder is not None:
        name = words(holder).strip("{} $")
        return Call("print", Name(name), _arguments(given, depth), at)
    if given is not None and given.type in {"ambiguous_function_call_expression", "function_call_expression"}:
        name_node = given.child_by_field_name("function")
        name = words(name_node) if name_node is not None else ""
        if name.isupper():
            return Call("print", Name(name), _arguments(given.child_by_field_name("arguments"), depth), at)
    return Call("print", Name("STDOUT"), _arguments(given, depth), at)


def _arguments(node: Node | None, depth: int) -> tuple[Expression, ...]:
    if node is None:
        return ()
    if node.type != "list_expression":
        return (_expression(node, depth + 1),)
    places = tuple(_expression(child, depth + 1) for child in named(node))
    arrows = any(child.type == "=>" for child in node.children)
    return (*places, Pairs(tuple(_pairs(node, depth)))) if arrows else places


def _one_argument(node: Node, depth: int) -> Expression:
    name = node.children[0]
    given = tuple(one for child in named(node) for one in _arguments(child, depth))
    return Call(words(name).lower(), None, given, line(node))


def _method(node: Node, depth: int) -> Expression:
    name, given = node.child_by_field_name("method"), node.child_by_field_name("arguments")
    return Call(
        words(name).lower() if name is not None else "", _field(node, "invocant", depth), _arguments(given, depth),
        line(node),
    )  # fmt: skip


def _assignment(node: Node, depth: int) -> Expression:
    sign = _operator(node)
    value = _field(node, "right", depth)
    if sign not in {"=", ".=", "||=", "//="}:
        value = Opaque((value,))
    return Assign(_field(node, "left", depth), value, adds=sign != "=", line=line(node))


def _declaration(node: Node, depth: int) -> Expression:
    names = node.children_by_field_name("variables") or node.children_by_field_name("variable")
    parts = [_expression(one, depth + 1) for one in names]
    if len(parts) == 1 and not node.children_by_field_name("variables"):
        return parts[0]
    return Pairs(tuple((None, part) for part in parts))


def _string(node: Node, depth: int) -> Expression:
    content = node.child_by_field_name("content")
    if content is None:
        return NOTHING
    parts = template(content, lambda child: _expression(child, depth + 1))
    return parts[0] if len(parts) == 1 else Join(tuple(parts)) if parts else NOTHING


def _plain_string(node: Node, _: int) -> Expression:
    content = node.child_by_field_name("content")
    return Text(words(content).replace("\\'", "'")) if content is not None else NOTHING


def _map(node: Node, depth: int) -> Expression:
    callback = node.child_by_field_name("callback")
    tests = tuple(_expression(one, depth + 2) for block in ([callback] if callback else []) for one in named(block))
    kind = "grep" if words(node).startswith("grep") else "map"
    return Call(kind, None, (_field(node, "list", depth), Opaque(tests)), line(node))


def _variable(node: Node, _: int) -> Expression:
    inner = next(named(node), None)
    return Name(words(inner).rpartition("::")[2] if inner is not None else words(node).lstrip("$@%&*"))


_EXPRESSIONS: Final[dict[str, Callable[[Node, int], Expression]]] = {
    "scalar": _variable, "array": _variable, "hash": _variable, "container_variable": _variable, "glob": _variable,
    "slice_container_variable": _variable, "arraylen": lambda *_: NOTHING,
    "bareword": lambda node, _: Name(words(node)),
    "autoquoted_bareword": lambda node, _: Text(words(node)),
    "filehandle": lambda node, _: Name(words(node)),
    "string_literal": _plain_string, "interpolated_string_literal": _string,
    "command_string": lambda node, depth: Call("`", None, (_string(node, depth),), line(node)),
    "heredoc_token": lambda node, _: Call("<<", None, (Text(words(node)),), line(node)),
    "readline_expression": lambda node, depth: Call("<>", None, (_children(node, depth),), line(node)),
    "quoted_word_list": lambda *_: NOTHING,
    "parenthesized_expression": _children, "localization_expression": _children, "block": _children,
    "expression_statement": _children, "refgen_expression": _children, "scalar_deref_expression": _children,
    "array_deref_expression": _children, "hash_deref_expression": _children,
    "binary_expression": _binary, "lowprec_logical_expression": _binary, "equality_expression": _binary,
    "hash_element_expression": _hash_element, "array_element_expression": _array_element,
    "slice_expression": lambda node, depth: Item(_expression(node.named_children[0], depth + 1), NOTHING),
    "list_expression": _list, "anonymous_hash_expression": _children, "anonymous_array_expression": _children,
    "function_call_expression": _function, "ambiguous_function_call_expression": _function,
    "func1op_call_expression": _one_argument, "func0op_call_expression": _one_argument,
    "method_call_expression": _method,
    "assignment_expression": _assignment, "variable_declaration": _declaration,
    "conditional_expression": lambda node, depth: Choice(
        _field(node, "condition", depth), _field(node, "consequent", depth), _field(node, "alternative", depth)
    ),
    "map_grep_expression": _map,
    "match_regexp": lambda node, depth: _bound(Name("_"), node, depth),
    "substitution_regexp": lambda node, depth: _bound(Name("_"), node, depth),
    "transliteration_expression": lambda node, depth: _bound(Name("_"), node, depth),
    "regexp_content": lambda node, _: Text(words(node)),
}  # fmt: skip
