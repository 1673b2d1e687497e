"""Boolean expressions over names: `a and not (b or c*)`.

Used by `-k`, by the `when=` conditions of directives and by the `when` of dependencies. The caller's predicate decides
what a name means. Nothing is evaluated as Python.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from canary_wf.errors import InputError

Predicate = Callable[[str], bool]
Expression = Callable[[Predicate], bool]

_QUOTED = r""""[^"]+"(?=[\s()]|$)|'[^']+'(?=[\s()]|$)"""
_TOKEN = re.compile(rf"\s*(?:[()]|{_QUOTED}|[^\s()]+)")
_DEEPEST = 100


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Return `text` compiled: a function that takes the predicate for one name and returns the truth value.

    Grammar: ``or`` binds weaker than ``and``, ``and`` weaker than ``not``; parentheses group. Anything else without
    spaces or parentheses is a name, and so is anything in quotes. Raises InputError with the expression.
    """
    parser = _Parser(text)
    expression = parser.alternatives()
    if parser.word is not None:
        raise parser.error("an operator")
    return expression


class _Parser:
    """One left-to-right pass over the tokens of `text`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [match.group().strip() for match in _TOKEN.finditer(text)]
        self.position = 0
        self.depth = 0

    @property
    def word(self) -> str | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def error(self, expected: str) -> InputError:
        found = "the end" if self.word is None else repr(self.word)
        return InputError(f"expression {self.text!r}: expected {expected}, got {found}")

    def alternatives(self) -> Expression:
        terms = [self.conjunction()]
        while self.word == "or":
            self.position += 1
            terms.append(self.conjunction())
        return terms[0] if len(terms) == 1 else lambda holds: any(term(holds) for term in terms)

    def conjunction(self) -> Expression:
        factors = [self.factor()]
        while self.word == "and":
            self.position += 1
            factors.append(self.factor())
        return factors[0] if len(factors) == 1 else lambda holds: all(factor(holds) for factor in factors)

    def factor(self) -> Expression:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise InputError(f"expression {self.text[:40]!r}… is nested too deep")
        try:
            return self._factor()
        finally:
            self.depth -= 1

    def _factor(self) -> Expression:
        word = self.word
        if word is None or word == ")" or word in {"and", "or"}:
            raise self.error("a name, 'not' or '('")
        self.position += 1
        if word == "not":
            negated = self.factor()
            return lambda holds: not negated(holds)
        if word == "(":
            inner = self.alternatives()
            if self.word != ")":
                raise self.error("')'")
            self.position += 1
            return inner
        name = word[1:-1] if re.fullmatch(_QUOTED, word) else word
        return lambda holds: holds(name)
