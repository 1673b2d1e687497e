"""Comparisons over parameters, as in ``cpus > 1 and (mesh = fine or n in (1, 2))``, for `-p` and `when="parameters=…"`.

Python's parser parses the text, and this module evaluates the tree; no code is executed. In addition to Python's
syntax, ``=`` means ``==``, ``name=*`` means that the parameter exists and is true, and ``!name`` means that it does not
exist. A word on the right of a comparison that is not a parameter is a text. So is a word that begins with a digit and
is not a number (``2D``). An expression that needs an unknown name is false.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from canary_wf.errors import InputError

_LONGEST = 2000
_DEEPEST = 100
_TOKEN = re.compile(
    r"""(?P<text>'[^']*'|"[^"]*")|(?P<number>(?<![\w.])\d[\w.]*)|(?P<present>=\s*\*)|(?P<comparison>[=!<>]=)|(?P<equal>=)|!\s*(?P<absent>[^\W\d]\w*)"""
)

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.Compare, ast.BinOp,
    ast.Name, ast.Load, ast.Constant, ast.Tuple, ast.List, ast.Is, ast.IsNot, *_COMPARISONS, *_ARITHMETIC,
)  # fmt: skip


class _UnknownNameError(Exception):
    """The expression needs a parameter that the job does not have."""


Parameters = Mapping[str, Any]
Expression = Callable[[Parameters], bool]


@lru_cache(maxsize=4096)
def parse_parameter_expression(text: str) -> Expression:
    """Compile `text` into a function from a job's parameters to a truth value. Raises InputError that quotes `text`."""
    try:
        if len(text) > _LONGEST:
            raise ValueError("it is too long")  # noqa: TRY301 - reported like the parser's own errors
        tree = ast.parse(_as_python(text).strip(), mode="eval")
        for node in ast.walk(tree):
            _check(node)
        if _depth(tree) > _DEEPEST:
            raise ValueError("it is nested too deep")  # noqa: TRY301 - reported like the parser's own errors
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deep"
        raise InputError(f"parameter expression {text[:80]!r} is not understood ({reason})") from None
    return lambda parameters: _truth(tree.body, parameters)


def _as_python(text: str) -> str:
    return _TOKEN.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "present":
            return " is not None "
        case "equal":
            return "=="
        case "number":
            return match.group() if _is_number(match.group()) else repr(match.group())
        case "absent":
            return f" {match['absent']} is None "
        case _:
            return match.group()


def _is_number(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text), int | float | complex)
    except (SyntaxError, ValueError):
        return False


def _depth(tree: ast.AST) -> int:
    """Return the depth of `tree`. The evaluation recurses to this depth."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _check(node: ast.AST) -> None:
    if not isinstance(node, _ALLOWED):
        raise ValueError(f"{type(node).__name__} is not allowed")  # noqa: TRY004 - the text is wrong, not a type
    if isinstance(node, ast.Compare) and any(isinstance(each, ast.Is | ast.IsNot) for each in node.ops):
        plain = len(node.ops) == 1 and isinstance(node.left, ast.Name)
        if not (plain and isinstance(node.comparators[0], ast.Constant) and node.comparators[0].value is None):
            raise ValueError("'!' and '=*' go with one parameter name")


def _truth(tree: ast.expr, parameters: Parameters) -> bool:
    try:
        return bool(_value(tree, parameters))
    except (_UnknownNameError, ArithmeticError):
        return False


def _value(node: ast.expr, parameters: Parameters) -> Any:  # noqa: ANN401, PLR0911 - a return for each form
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            if node.id not in parameters:
                raise _UnknownNameError
            return parameters[node.id]
        case ast.BoolOp(op=ast.And()):
            return all(_value(each, parameters) for each in node.values)
        case ast.BoolOp():
            return any(_value(each, parameters) for each in node.values)
        case ast.UnaryOp():
            return _signed(node.op, _value(node.operand, parameters))
        case ast.Tuple() | ast.List():
            return [_word(each, parameters) for each in node.elts]
        case ast.BinOp():
            return _calculated(node, parameters)
        case ast.Compare():
            return _compared(node, parameters)
    raise _UnknownNameError


def _signed(sign: ast.unaryop, value: Any) -> Any:  # noqa: ANN401 - a parameter's value
    if isinstance(sign, ast.Not):
        return not value
    if not isinstance(value, int | float):
        raise _UnknownNameError
    return -value if isinstance(sign, ast.USub) else value


def _calculated(node: ast.BinOp, parameters: Parameters) -> Any:  # noqa: ANN401 - a parameter's value
    left, right = _value(node.left, parameters), _value(node.right, parameters)
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        raise _UnknownNameError
    return _ARITHMETIC[type(node.op)](left, right)


def _compared(node: ast.Compare, parameters: Parameters) -> bool:
    if isinstance(node.ops[0], ast.Is | ast.IsNot):
        assert isinstance(node.left, ast.Name)
        name = node.left.id
        return bool(parameters.get(name)) if isinstance(node.ops[0], ast.IsNot) else name not in parameters
    left = _value(node.left, parameters)
    for comparison, each in zip(node.ops, node.comparators, strict=True):
        right = _word(each, parameters)
        try:
            holds = _COMPARISONS[type(comparison)](left, right)
        except TypeError:  # values of types that do not compare
            return False
        if not holds:
            return False
        left = right
    return True


def _word(node: ast.expr, parameters: Parameters) -> Any:  # noqa: ANN401 - a parameter's value
    """Return the value of `node`. A name that is not a parameter is a text."""
    if isinstance(node, ast.Name) and node.id not in parameters:
        return node.id
    return _value(node, parameters)
