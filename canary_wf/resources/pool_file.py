"""Resource pools in YAML and JSON files, also as CTest writes them; mistakes are reported with file and line."""

import json
import re
from pathlib import Path
from typing import Any

from canary_wf.errors import InputError
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain
from canary_wf.resources.layout import KeyPath, LayoutError, key_path
from canary_wf.resources.pool import ResourcePool

_TEXT = r'(?P<text>"(?:[^"\\]|\\.)*+"?)'
_COMMENT = re.compile(rf"{_TEXT}|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_LAST_COMMA = re.compile(rf"{_TEXT}|,(?P<end>\s*[\]}}])", re.DOTALL)


def read_pool_file(path: Path) -> ResourcePool:
    """Return the pool that the file describes; ``*.json`` is read as JSON, anything else as YAML where it is not JSON.

    As CTest does, JSON may have comments, and commas behind the last item.

    Raises InputError naming the file, and the line where it is known, for a file that cannot be read, is not valid,
    has a key or an id twice, negative slots, or values of the wrong type.
    """
    try:
        text = read_plain(path, follow=True, most=LARGEST_INPUT).decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 text (byte {error.start})", where=path) from error
    if path.suffix.lower() == ".json" or _is_json(text):
        text = _plain_json(text)
        data = _from_json(text, path)
    else:
        data = _from_yaml(text, path)
    try:
        pool = ResourcePool(_filled(data))
        pool.count("nodes")  # looked at here, where the file is known
    except LayoutError as error:
        line = _line(text, error.path)
        where = path if line is None else f"{path}:{line}"
        place = key_path(error.path)
        raise InputError(f"{place}: {error.what}" if place else error.what, where=where) from None
    return pool


def _filled(data: object) -> Any:  # noqa: ANN401 - the pool checks the form
    if not data:
        raise LayoutError("holds no resource pool", ())
    return data


def _is_json(text: str) -> bool:
    """Return whether a file that is not called so is JSON; YAML would take offence at its tabs and comments."""
    if not text.lstrip().startswith(("{", "/")):
        return False
    try:
        json.loads(_plain_json(text))
    except (ValueError, RecursionError):
        return False
    return True


def _plain_json(text: str) -> str:
    """Return JSON without comments and without commas behind the last item, on the same lines."""
    plain = _COMMENT.sub(lambda found: found["text"] or "\n" * found[0].count("\n"), text)
    return _LAST_COMMA.sub(lambda found: found["text"] or found["end"], plain)


def _from_json(text: str, path: Path) -> object:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result: dict[str, Any] = dict(pairs)
        if len(result) < len(pairs):
            _refuse_twice(_compose(text), path)  # knows the line, where YAML understands this JSON
            raise InputError("a key is given twice", where=path)
        return result

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise InputError(f"is not valid JSON ({error.msg})", where=f"{path}:{error.lineno}") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not valid JSON ({error})", where=path) from None


def _from_yaml(text: str, path: Path) -> object:
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        try:
            node = loader.get_single_node()
            _refuse_twice(node, path)
            return None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = path if mark is None else f"{path}:{mark.line + 1}"
        raise InputError(f"is not valid YAML ({error.problem})", where=where) from None
    except InputError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        what = str(error).splitlines()[0]
        raise InputError(f"is not valid YAML ({what})", where=path) from None


def _refuse_twice(root: Any, path: Path) -> None:  # noqa: ANN401 - a node of PyYAML, which is imported late
    """Raise InputError where a mapping has a key twice; PyYAML itself lets the last one win."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen or node.id == "scalar":
            continue
        seen.add(id(node))
        if node.id == "sequence":
            waiting.extend(node.value)
            continue
        keys: set[str] = set()
        for key, value in node.value:
            if key.id == "scalar" and key.value in keys:
                where = f"{path}:{key.start_mark.line + 1}"
                raise InputError(f"the key {key.value!r} is given twice", where=where)
            if key.id == "scalar":
                keys.add(key.value)
            waiting.append(value)


def _compose(text: str) -> Any:  # noqa: ANN401 - a node of PyYAML, which is imported late
    """Return the node of the text, JSON being YAML nearly always, or None."""
    import yaml

    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None


def _line(text: str, path: KeyPath) -> int | None:
    """Return the line of the value at `path`, or of the nearest one around it."""
    node = _compose(text)
    if node is None:
        return None
    line: int = node.start_mark.line + 1
    for part in path:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: Any, part: str | int) -> tuple[int, Any] | None:  # noqa: ANN401 - a node of PyYAML
    if node.id == "sequence" and isinstance(part, int):
        child = node.value[part]
        return child.start_mark.line + 1, child
    if node.id == "mapping":
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    return None
