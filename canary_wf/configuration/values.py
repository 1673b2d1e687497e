"""Checks configured values beyond the schema: whether the option of a value would accept it.

The options' own parsers check the values. An error is then reported with its file and line, and `canary-wf config`
reports it before any command that needs the value.
"""

import re
from collections.abc import Callable, Iterable

from canary_wf.configuration.keys import Value
from canary_wf.errors import CanaryWfError, InputError


def check_value(name: str, value: Value, source: str) -> None:
    """Raise InputError with the `source` if the option of the key `name` does not accept `value`."""
    check = _CHECKS.get(name) or _CHECKS.get(f"{name.partition('.')[0]}.*")
    if check is None:
        return
    try:
        check(name.rpartition(".")[2], value)
    except CanaryWfError as error:
        place = f"{source}: {name}"
        raise InputError(error.what, where=place, hint=error.hint) from None


def _batch_specification(_name: str, value: Value) -> None:
    from canary_wf.batch.specification import BatchSpecification

    BatchSpecification.parse(str(value))


def _retry(_name: str, value: Value) -> None:
    from canary_wf.verdict.retry_policy import parse_retry

    if isinstance(value, dict) and value:
        parse_retry(",".join(f"{failure_class}:{number}" for failure_class, number in value.items()))


def _resource(name: str, value: Value) -> None:
    from canary_wf.resources.options import parse_resource

    parse_resource(f"{name}={value}")


def _slurm(name: str, value: Value) -> None:
    from canary_wf.plan.cluster.slurm_options import parse_slurm_options

    parse_slurm_options([f"{name}={value}"])


def _hooks(_name: str, value: Value) -> None:
    from canary_wf.hooks.user_hooks import check_hook

    for hook in _texts(value):
        check_hook(hook)


def _keywords(_name: str, value: Value) -> None:
    from canary_wf.expressions import parse_expression

    for text in _texts(value):
        parse_expression(text)


def _parameters(_name: str, value: Value) -> None:
    from canary_wf.discovery.parameter_expression import parse_parameter_expression

    parse_parameter_expression(str(value))


def _regex(_name: str, value: Value) -> None:
    try:
        re.compile(str(value))
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"{str(value)[:80]!r} is not a regular expression ({error})") from None


def _cmake_regex(_name: str, value: Value) -> None:
    from canary_wf.ctest.cmake_regex import compile_cmake

    for text in _texts(value):
        compile_cmake(text)


def _anything(_name: str, _value: Value) -> None:
    """Accept any value that is valid by the schema."""


def _texts(value: Value) -> Iterable[str]:
    """Return the texts of a list, the names of a mapping, or the text itself."""
    return map(str, value) if isinstance(value, list | dict) else (str(value),)


_CHECKS: dict[str, Callable[[str, Value], None]] = {
    "batch.spec": _batch_specification,
    "retry": _retry,
    "resources.pool_file": _anything,
    "resources.query_gpus": _anything,
    "resources.*": _resource,
    "slurm.*": _slurm,
    "hooks": _hooks,
    "select.keywords": _keywords,
    "select.parameters": _parameters,
    "select.regex": _regex,
    "select.names": _cmake_regex,
    "select.not_names": _cmake_regex,
    "select.labels": _cmake_regex,
    "select.not_labels": _cmake_regex,
    "container.images": _keywords,
    "container.environments": _keywords,
}
"""Checks by key. ``section.*`` stands for all other keys of a section."""
