"""Changes of environment variables by CTest's ENVIRONMENT_MODIFICATION: ``NAME=op:value``, in order.

Source: CMake's manual on the property. As in CTest, a change that appends after ``unset`` starts from the outer value.
"""

from collections.abc import Callable, Iterable, Mapping

from canary_wf.errors import InputError

_JOINS: dict[str, Callable[[str, str], str]] = {
    "string_append": lambda old, new: old + new,
    "string_prepend": lambda old, new: new + old,
    "path_list_append": lambda old, new: f"{old}:{new}" if old else new,
    "path_list_prepend": lambda old, new: f"{new}:{old}" if old else new,
    "cmake_list_append": lambda old, new: f"{old};{new}" if old else new,
    "cmake_list_prepend": lambda old, new: f"{new};{old}" if old else new,
}


def parse_change(text: str) -> tuple[str, str, str]:
    """Parse one ``NAME=op:value`` into name, operation and value. Raises InputError for any other form."""
    name, equals, rest = text.partition("=")
    operation, colon, value = rest.partition(":")
    if not equals or not colon:
        raise InputError(f"{text!r:.80} is not of the form NAME=op:value", where="ENVIRONMENT_MODIFICATION")
    if not name:
        raise InputError(f"{text!r:.80} names no variable", where="ENVIRONMENT_MODIFICATION")
    if operation not in {"reset", "set", "unset", *_JOINS}:
        raise InputError(f"the operation {operation!r:.40} is not known", where="ENVIRONMENT_MODIFICATION")
    return name, operation, value


def changed_environment(environment: Mapping[str, str], changes: Iterable[str]) -> dict[str, str]:
    """Return `environment` after all `changes`. ``reset`` undoes earlier changes of its variable. Raises InputError."""
    found: dict[str, str | None] = {}
    for change in changes:
        name, operation, value = parse_change(change)
        if operation == "reset":
            found.pop(name, None)
        elif operation == "unset":
            found[name] = None
        elif operation == "set":
            found[name] = value
        else:
            old = found.get(name)
            found[name] = _JOINS[operation](environment.get(name, "") if old is None else old, value)
    result = {**environment, **{name: value for name, value in found.items() if value is not None}}
    for name, changed in found.items():
        if changed is None:
            result.pop(name, None)
    return result
