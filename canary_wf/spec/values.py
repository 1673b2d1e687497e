"""Values that users and programs set on jobs: attributes, measurements, and numeric parameters."""

from typing import Any

from canary_wf.errors import InputError


class InvalidTypeError(InputError):
    """The value set for a name has a type that is not allowed there."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"{value!r} is of type {type(value).__name__}, which has no meaning here", where=name)
        self.name = name
        self.value = value
        self.args = (name, value)  # with these, unpickling in another process makes an equal error


def storable(name: str, value: Any) -> Any:  # noqa: ANN401 - any value that JSON can hold
    """Return `value` if a state file can hold it. Raises InvalidTypeError otherwise."""
    import json

    try:
        same = json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) == _lists(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        same = False
    if not same:
        raise InvalidTypeError(name, value)
    return value


def _lists(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return `value` with tuples as lists, which is the only change that JSON may make to it."""
    if isinstance(value, list | tuple):
        return [_lists(each) for each in value]
    return {key: _lists(each) for key, each in value.items()} if isinstance(value, dict) else value
