"""Reading YAML and JSON that people write (job files, the configuration, resource pools); every error names its line.

The traps of YAML are removed: duplicate keys are refused, ``1e-3`` is a number, dates stay strings, and a file whose
aliases blow it up is refused before it is expanded. PyYAML is imported on first use.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from canary_wf.errors import MOST_TOLD, InputError
from canary_wf.files import json_lines, yaml_events
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain
from canary_wf.files.yaml_events import NotOrdinaryError

if TYPE_CHECKING:
    import yaml

_FLOAT = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+")
_ODD_ESCAPE = re.compile(r"\\[0xuU]")
"""Escapes for what the file itself cannot contain: a NUL character, or half of a surrogate pair."""

_INDENT = re.compile(r"[ \-?:]*")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_DEEPEST = 50
_GROWTH = 10
_FREE_NODES = 100_000
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


@cache
def _base() -> Any:  # noqa: ANN401 - the fast loader, if PyYAML was built with it
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def _loader() -> Any:  # noqa: ANN401 - a class derived from one that is known at run time only
    """Return a safe loader that reads dates as strings and ``1e-3`` as a number."""
    base = _base()
    resolvers = {
        first: [(tag, pattern) for tag, pattern in each if tag != _TIMESTAMP]
        for first, each in base.yaml_implicit_resolvers.items()
    }
    loader: Any = type("_Loader", (base,), {"yaml_implicit_resolvers": resolvers})
    loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    return loader


class Document:
    """The value of a file with this `text`, and the lines of its parts; `node` is YAML's parse of it, if known.

    `is_checked` says that this content has been found valid before.
    """

    def __init__(
        self, file: str, text: str, value: object, node: "yaml.Node | None" = None, *, is_checked: bool = False
    ) -> None:
        self.file = file
        self._text = text
        self.value = value
        self._node = node
        self.is_checked = is_checked
        self._errors = 0

    def error(self, keys: tuple[str | int, ...], what: str, hint: str | None = None) -> InputError:
        """Return the error about the part at `keys`, as ``file:line: jobs[0].cpus: …``.

        Errors that are not reported any more have no line, because finding it takes long in a long file.
        """
        self._errors += 1
        path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
        where = self.place(keys) if self._errors <= MOST_TOLD else self.file
        return InputError(f"{path}: {what}" if path else what, where=where, hint=hint)

    def place(self, keys: tuple[str | int, ...]) -> str:
        """Return ``file:line`` of the part at `keys`, or of the nearest part around it."""
        line = self._line(keys) if self._text else None
        return self.file if line is None else f"{self.file}:{line}"

    def _line(self, keys: tuple[str | int, ...]) -> int | None:
        """Return the line of the part at `keys`, or None if YAML cannot parse the text."""
        import yaml

        if self.file.endswith(".json"):
            return json_lines.line_of(self._text, keys)
        try:
            if self._node is None:
                with suppress(NotOrdinaryError):
                    return yaml_events.line_of(self._text, _base(), keys)
                self._node = yaml.compose(self._text, _base())
        except (yaml.YAMLError, UnicodeEncodeError, RecursionError):
            return None
        lines = list(_along(self._node, keys))
        return lines[-1] if lines else None


def load_document(file: str, known: Callable[[str], object] | None = None) -> Document:
    """Return the content of `file`, JSON if its name ends so, else YAML. Raises InputError with the line.

    The value contains only what JSON can express. The file is not parsed if `known` returns its value, found valid.
    """
    text = read_text(file)
    if known is not None and (value := known(file)) is not None:
        return Document(file, text, value, is_checked=True)
    document = json_document(file, text) if file.endswith(".json") else yaml_document(file, text)
    _check_values(document, text)
    return document


def read_text(file: str | Path) -> str:
    """Return the text of `file`. Raises InputError when it cannot be read or is not UTF-8."""
    try:
        return read_plain(file, follow=True, most=LARGEST_INPUT).decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=file) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError("is not UTF-8 text", where=f"{file}:{line}") from None


def json_document(file: str, text: str) -> Document:
    """Return the document in `text`, the JSON of `file`. Raises InputError, with the line if known."""
    try:
        return Document(file, text, _from_json(file, text))
    except RecursionError:
        raise InputError("is nested too deep", where=file) from None


def yaml_document(file: str, text: str) -> Document:
    """Return the document in `text`, the YAML of `file`. Raises InputError with the line."""
    try:
        return Document(file, text, *_from_yaml(file, text))
    except RecursionError:
        raise InputError("is nested too deep", where=file) from None


def _from_json(file: str, text: str) -> object:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise _repeated(file, text, key)
            found[key] = value
        return found

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON ({error.msg})", where=f"{file}:{error.lineno}") from None
    except InputError:
        raise
    except ValueError as error:  # a number with thousands of digits
        raise InputError(f"is not understood ({error})", where=file) from None


def _repeated(file: str, text: str, key: str) -> InputError:
    """Return the error about a duplicate key of a JSON object."""
    line = json_lines.line_of_repeated(text, key)
    return InputError(f"key {key!r:.80} is given twice", where=file if line is None else f"{file}:{line}")


def _from_yaml(file: str, text: str) -> "tuple[object, yaml.Node | None]":
    import yaml

    # Whatever is wrong is found again, and reported, where the text is composed.
    with suppress(NotOrdinaryError, yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError):
        return yaml_events.value_of(text, _loader(), _DEEPEST), None
    loader = _loader()(text)
    try:
        _check_nesting(file, text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _check_nodes(file, node)
        return loader.construct_document(node), node
    except InputError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # PyYAML counts the end of the text as a line of its own.
        where = file if mark is None else f"{file}:{min(mark.line + 1, max(1, len(text.splitlines())))}"
        problem = error.problem or error.context
        # The C library has its own limit, and reaches it while it looks ahead.
        what = "is nested too deep" if "nesting depth" in str(problem) else f"is not understood ({problem})"
        if mark is not None and "cannot start any token" in str(problem) and text[mark.index : mark.index + 1] == "\t":
            raise InputError("a tab stands where only blanks may indent", where=where) from None
        raise InputError(what, where=where) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"holds a character that YAML refuses ({error.reason})", where=f"{file}:{line}") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"is not understood ({error})", where=file) from None
    finally:
        loader.dispose()


def _check_nesting(file: str, text: str) -> None:
    """Refuse collections nested so deep that the recursion of the parser would overflow."""
    if not any(map(_may_nest_deep, text.splitlines())) and text.count("[") + text.count("{") <= _DEEPEST:
        return
    import yaml

    depth = 0
    for event in yaml.parse(text, _loader()):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise InputError("is nested too deep", where=_at(file, event.start_mark))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _at(file: str, mark: Any) -> str:  # noqa: ANN401 - a mark of either parser, or nothing
    return file if mark is None else f"{file}:{mark.line + 1}"


def _may_nest_deep(line: str) -> bool:
    indent = _INDENT.match(line)
    return indent is not None and indent.end() > _DEEPEST // 3


def _check_nodes(file: str, root: "yaml.Node") -> None:
    """Refuse duplicate keys, cyclic aliases, and aliases that make the whole far larger than its text."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    waiting: list[tuple[Any, bool]] = [(root, False)]
    while waiting:
        node, left = waiting.pop()
        if left:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            continue
        if id(node) in sizes:
            continue
        if id(node) in open_nodes:
            raise InputError("an alias stands inside what it stands for", where=f"{file}:{node.start_mark.line + 1}")
        _check_keys(file, node)
        open_nodes.add(id(node))
        waiting.append((node, True))
        waiting.extend((child, False) for child in _children(node) if id(child) not in sizes)
    if sizes[id(root)] > _GROWTH * len(sizes) + _FREE_NODES:
        raise InputError("its aliases make it far too large", where=file)


def _children(node: Any) -> list[Any]:  # noqa: ANN401 - a node of any kind
    if node.id == "mapping":
        return [each for pair in node.value for each in pair]
    return list(node.value) if node.id == "sequence" else []


def _check_keys(file: str, node: Any) -> None:  # noqa: ANN401 - a node of any kind
    if node.id != "mapping":
        return
    seen: set[str] = set()
    for key, _ in node.value:
        where = f"{file}:{key.start_mark.line + 1}"
        if key.id != "scalar":
            raise InputError("a list or mapping cannot be a key", where=where)
        if key.value in seen:
            raise InputError(f"key {key.value!r:.80} is given twice", where=where)
        seen.add(key.value)


def _check_values(loaded: Document, text: str) -> None:
    """Refuse what JSON cannot express: keys and values of other types, numbers beyond 64 bits, NUL in strings.

    Only an error needs the position of a value, so a fast check comes first.
    """
    if _ODD_ESCAPE.search(text) is None and _is_sound(loaded.value):
        return
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), loaded.value)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise loaded.error(keys, f"the key {key!r:.80} is not text", "put quotes around it")
                _check_text(loaded, keys, key)
            waiting.extend(((*keys, key), each) for key, each in value.items())
        elif isinstance(value, list):
            waiting.extend(((*keys, number), each) for number, each in enumerate(value))
        elif isinstance(value, str):
            _check_text(loaded, keys, value)
        elif not _is_plain(value):
            raise loaded.error(keys, _why_not_plain(value))


def _is_sound(root: object) -> bool:
    """Return whether nothing in `root` must be refused; strings are not checked."""
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is dict:
            waiting.extend(each for each in value.values() if type(each) is not str)
            if not all(type(key) is str for key in value):
                return False
        elif kind is list:
            waiting.extend(each for each in value if type(each) is not str)
        elif kind is not str and not _is_plain(value):
            return False
    return True


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return _SMALLEST <= value <= _LARGEST
    return value is None


def _why_not_plain(value: object) -> str:
    if isinstance(value, int):
        return f"{value!r:.80} is too large" if value > 0 else f"{value!r:.80} is too small"
    return f"{value!r:.80} is not a value for a job file"


def _check_text(loaded: Document, keys: tuple[str | int, ...], text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise loaded.error(keys, "is not valid text") from None
    if "\0" in text:
        raise loaded.error(keys, "holds a NUL character")


def _along(node: Any, keys: tuple[str | int, ...]) -> Iterator[int]:  # noqa: ANN401 - a node or nothing
    if node is not None:
        yield node.start_mark.line + 1
    for key in keys:
        if node is not None and node.id == "sequence" and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            yield node.start_mark.line + 1
        elif node is not None and node.id == "mapping":
            pair = next((pair for pair in node.value if pair[0].value == key), None)
            if pair is None:
                return
            yield pair[0].start_mark.line + 1
            node = pair[1]
        else:
            return
