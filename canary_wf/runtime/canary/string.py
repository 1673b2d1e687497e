"""Small helpers for strings that tests use."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SIBILANTS = ("s", "x", "z", "ch", "sh")


def csvsplit(expr: str) -> list[str]:
    """Return the parts of `expr` between commas outside of quotes. Raises ValueError for an unclosed quote."""
    parts: list[str] = [""]
    quotes: list[str] = []
    for character in expr:
        if character == "," and not quotes:
            parts.append("")
            continue
        if character in {"'", '"'}:
            if quotes and quotes[-1] == character:
                quotes.pop()
            else:
                quotes.append(character)
        parts[-1] += character
    if quotes:
        raise ValueError(f"{expr!r}: a quote is not closed")
    return parts if parts[-1] else parts[:-1]


def strip_quotes(arg: str) -> str:
    """Return `arg` without surrounding quotes: single, double or triple."""
    for quote in ("'''", '"""', "'", '"'):
        if len(arg) >= 2 * len(quote) and arg.startswith(quote) and arg.endswith(quote):
            return arg[len(quote) : -len(quote)]
    return arg


def pluralize(word: str, n: int) -> str:
    """Return the form of `word` for the number `n`."""
    if n == 1:
        return word
    if word.endswith(_SIBILANTS):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def stringify(arg: object, float_fmt: "str | None" = None) -> str:
    """Return `arg` as a string; a float is formatted by `float_fmt` (a ``%`` format), or as in job names."""
    if isinstance(arg, float):
        return f"{arg:g}" if float_fmt is None else float_fmt % arg
    return str(arg)


def truncate_middle(text: str, max_length: int = 254, sep: str = "...") -> str:
    """Return `text` with its middle replaced by `sep` if it exceeds `max_length`. Raises ValueError."""
    if max_length < 0 or not sep:
        raise ValueError(f"max_length={max_length} or sep={sep!r} is not allowed")
    kept = max_length - len(sep)
    if len(text) <= max_length:
        return text
    if kept <= 0:
        return sep[:max_length]
    end = kept - kept // 2
    return f"{text[: kept // 2]}{sep}{text[len(text) - end :]}"


class SimpleTemplate:
    """A text with placeholders ``$name`` and ``${name}``."""

    def __init__(self, s: str) -> None:
        self.string = s

    def substitute(self, mapping: "Mapping[str, str]", missing: "str | None" = None) -> str:
        """Return the text with its placeholders filled in; one without a value becomes `missing`, or stays (None)."""
        import re

        def text(match: "re.Match[str]") -> str:
            other = match.group() if missing is None else missing
            return str(mapping.get(match[1] or match[2], other))

        return re.sub(r"\$(?:(\w+)|\{([^}]+)\})", text, self.string)


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
