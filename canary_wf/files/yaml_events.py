"""Reads ordinary YAML straight from the parser's events: its value, and the lines of its parts.

PyYAML makes a node with two marks for every scalar, which takes most of the time and memory of a long file. A text with
anchors, aliases, tags, merge keys or keys that are not text has no value here, and the caller has to compose it.
"""

from collections.abc import Callable, Iterator
from typing import Any

_MERGE_OR_VALUE = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
_TEXT = "tag:yaml.org,2002:str"
_END = object()
"""What stands for the end of a list or mapping."""


class NotOrdinaryError(Exception):
    """The text has something that only a composed document can express, or is no YAML document."""


def value_of(text: str, loader: Any, deepest: int) -> object:  # noqa: ANN401 - a loader class of PyYAML
    """Return the value of the one document in `text`. `loader` is a class of PyYAML that resolves plain scalars.

    Raises NotOrdinaryError, also for more than one document, none, a repeated key, and nesting beyond `deepest`.
    """
    return _Reader(text, loader, deepest).document()


def line_of(text: str, loader: Any, keys: tuple[str | int, ...]) -> int | None:  # noqa: ANN401 - as above
    """Return the line, from 1, of the part of `text` at `keys`, or of the nearest part around it.

    That is the line of a key in a mapping, and of the element in a list. Returns None if there is no document. Raises
    NotOrdinaryError if an anchor or alias comes before that part, and YAMLError if the text is not YAML that far.
    """
    import yaml

    events = (event for event in yaml.parse(text, loader) if not isinstance(event, yaml.DocumentStartEvent))
    next(events)  # the start of the stream
    lines = list(_lines_along(events, keys))
    return lines[-1] if lines else None


class _Reader:
    """The reader of one text."""

    def __init__(self, text: str, loader: Any, deepest: int) -> None:  # noqa: ANN401 - a loader class of PyYAML
        self._loader = loader(text)
        self._next: Callable[[], Any] = self._loader.get_event
        self._deepest = deepest
        every = loader.yaml_implicit_resolvers.get(None, [])
        self._resolvers = {first: [*each, *every] for first, each in loader.yaml_implicit_resolvers.items()}
        self._known: dict[str, object] = {}

    def document(self) -> object:
        import yaml

        self._next()
        try:
            if not isinstance(self._next(), yaml.DocumentStartEvent):
                raise NotOrdinaryError
            value = self._value(self._next(), 0)
            self._next()  # the end of the document
            if not isinstance(self._next(), yaml.StreamEndEvent):
                raise NotOrdinaryError
        finally:
            self._loader.dispose()
        return value

    def _value(self, event: Any, depth: int) -> object:  # noqa: ANN401 - an event of PyYAML
        kind = type(event).__name__
        if kind == "ScalarEvent":
            return self._scalar(event)
        if kind in {"SequenceEndEvent", "MappingEndEvent"}:
            return _END
        if kind == "AliasEvent" or event.anchor is not None or event.tag is not None or depth >= self._deepest:
            raise NotOrdinaryError
        return self._list(depth + 1) if kind == "SequenceStartEvent" else self._mapping(depth + 1)

    def _list(self, depth: int) -> list[object]:
        found: list[object] = []
        while (value := self._value(self._next(), depth)) is not _END:
            found.append(value)
        return found

    def _mapping(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while (key := self._value(self._next(), depth)) is not _END:
            if not isinstance(key, str) or key in found:
                raise NotOrdinaryError
            found[key] = self._value(self._next(), depth)
        return found

    def _scalar(self, event: Any) -> object:  # noqa: ANN401 - an event of PyYAML
        if event.anchor is not None or event.tag is not None:
            raise NotOrdinaryError
        text: str = event.value
        if not event.implicit[0]:
            return text
        resolvers = self._resolvers.get(text[:1])
        if resolvers is None:
            return text
        if text not in self._known:
            self._known[text] = self._resolved(text, resolvers)
        return self._known[text]

    def _resolved(self, text: str, resolvers: list[tuple[str, Any]]) -> object:
        import yaml

        tag = next((tag for tag, pattern in resolvers if pattern.match(text)), _TEXT)
        if tag == _TEXT:
            return text
        if tag in _MERGE_OR_VALUE:
            raise NotOrdinaryError
        return self._loader.construct_object(yaml.ScalarNode(tag, text))


def _lines_along(events: Iterator[Any], keys: tuple[str | int, ...]) -> Iterator[int]:
    """Yield the line of the document, and of the part at each of `keys` as far as there is one."""
    event = next(events)
    kind = _kind(event)
    if kind == "StreamEnd":
        return
    yield event.start_mark.line + 1
    for key in keys:
        if kind == "SequenceStart" and isinstance(key, int):
            event = _element(events, key)
        elif kind == "MappingStart":
            event = _key(events, key)
        else:
            return
        if _kind(event).endswith("End"):
            return
        yield event.start_mark.line + 1
        if kind == "MappingStart":
            event = next(events)
        kind = _kind(event)


def _element(events: Iterator[Any], number: int) -> Any:  # noqa: ANN401 - an event of PyYAML
    """Return the first event of the element `number` of a list that has begun, or its last event."""
    event = next(events)
    while number and _kind(event) != "SequenceEnd":
        _skip(events, event)
        event = next(events)
        number -= 1
    return event


def _key(events: Iterator[Any], key: str | int) -> Any:  # noqa: ANN401 - an event of PyYAML
    """Return the event of `key` in a mapping that has begun, or the mapping's last event."""
    event = next(events)
    while _kind(event) != "MappingEnd" and (_kind(event) != "Scalar" or event.value != key):
        _skip(events, event)
        _skip(events, next(events))
        event = next(events)
    return event


def _kind(event: Any) -> str:  # noqa: ANN401 - an event of PyYAML
    """Return the name of the type of `event`. Raises NotOrdinaryError at an anchor or alias."""
    if getattr(event, "anchor", None) is not None:
        raise NotOrdinaryError
    return type(event).__name__.removesuffix("Event")


def _skip(events: Iterator[Any], event: Any) -> None:  # noqa: ANN401 - an event of PyYAML
    """Pass over the rest of what begins with `event`."""
    depth = 0
    while True:
        kind = _kind(event)
        if kind.endswith("Start"):
            depth += 1
        elif kind.endswith("End"):
            depth -= 1
        if depth <= 0:
            return
        event = next(events)
