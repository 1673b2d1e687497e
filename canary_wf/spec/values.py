"""Values that jobs are given from outside: attributes, measurements, parameters that are numbers."""

from typing import Any

from canary_wf.errors import InputError


class InvalidTypeError(InputError):
    """The value given under a name is of a type that has no meaning there."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"{value!r} is of type {type(value).__name__}, which has no meaning here", where=name)
        self.name = name
        self.value = value
        self.args = (name, value)  # what it is made of again in another process


def storable(name: str, value: Any) -> Any:  # noqa: ANN401 - any value that JSON can hold
    """Return `value` when a state file can hold it. Raises InvalidTypeError otherwise."""
    import json

    try:
        same = json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) == _lists(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        same = False
    if not same:
        raise InvalidTypeError(name, value)
    return value


def _lists(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return `value` with lists for tuples, as JSON has it; all else would be another value when it is read again."""
    if isinstance(value, list | tuple):
        return [_lists(each) for each in value]
    return {key: _lists(each) for key, each in value.items()} if isinstance(value, dict) else value
