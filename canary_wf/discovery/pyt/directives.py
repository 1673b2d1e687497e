"""Checks the bound arguments of directives and turns them into declared fields.

`HANDLERS` has one function for each directive. It returns pairs of field and value.
"""

import re
from collections.abc import Callable
from typing import Any

from canary_wf.discovery.dependencies import dependency_arguments
from canary_wf.discovery.pyt.parameters import given_twice, parameter_names, parameter_rows
from canary_wf.durations import parse_positive_duration
from canary_wf.errors import InputError
from canary_wf.resources.memory_size import parse_memory
from canary_wf.verdict.dependency_condition import check_when
from canary_wf.verdict.exit_code import ANY_FAILURE, DIFFED

Arguments = dict[str, Any]
Fields = list[tuple[str, Any]]

_SAVE_ON = {
    "always": "always",
    "success": "success",
    "on_success": "success",
    "failure": "failure",
    "on_failure": "failure",
}
_LARGEST_CODE = 255
_LARGEST_SIGNAL = -64
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def whole_number(value: object, least: int) -> int:
    """Return `value`. Raises InputError unless it is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{value!r:.80} is not a whole number from {least}")
    return value


def _texts(arguments: Arguments, key: str = "args") -> list[str]:
    values = arguments.get(key, [])
    for value in values:
        _text(value)
    return list(values)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f"{value!r:.80} is not text")
    return value


def _optional(arguments: Arguments, key: str) -> str | None:
    value = arguments.get(key)
    return None if value is None else _text(value)


def _keywords(arguments: Arguments) -> Fields:
    return [("keywords", _texts(arguments))]


def _parameterize(arguments: Arguments) -> Fields:
    names = parameter_names(arguments["names"])
    repeated = sorted({name for name in names if names.count(name) > 1})
    return [("rows", parameter_rows(arguments)), *(("warnings", given_twice(name)) for name in repeated)]


def _count(field: str, least: int) -> Callable[[Arguments], Fields]:
    def handler(arguments: Arguments) -> Fields:
        given = [arguments[key] for key in ("n", "arg") if arguments.get(key) is not None]
        if len(given) != 1:
            raise InputError("takes one number")
        return [(field, whole_number(given[0], least))]

    return handler


def _memory(arguments: Arguments) -> Fields:
    return [("memory", parse_memory(arguments["size"]))]


def _resources(arguments: Arguments) -> Fields:
    types = arguments.get("types", {})
    for resource_type, count in types.items():
        if resource_type in {"cpus", "gpus", "nodes", "memory"}:
            raise InputError(f"{resource_type} has a directive of its own", hint=f"use {resource_type}(…)")
        whole_number(count, 0)
    return [("resources", types)]


def _depends_on(arguments: Arguments) -> Fields:
    found = dependency_arguments(arguments["arg"], arguments.get("expect"), arguments.get("result"))
    return [("dependencies", found)]


def _name(arguments: Arguments) -> Fields:
    name = _text(arguments["arg"])
    if not name.strip() or _CONTROL.search(name):
        raise InputError(f"{name!r:.80} is not a name")
    return [("family", name)]


def _timeout(arguments: Arguments) -> Fields:
    value = arguments["arg"]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"{value!r:.80} is not a duration")
    return [("timeout", parse_positive_duration(value))]


def _enable(arguments: Arguments) -> Fields:
    given = arguments.get("args", [])
    if len(given) > 1:
        raise InputError("takes one true or false")
    return [("enable", bool(given[0]) if given else True)]


def _skipif(arguments: Arguments) -> Fields:
    reason = _text(arguments["reason"])
    if not reason.strip():
        raise InputError("its reason is empty", hint="say why the test is skipped")
    return [("skip", reason)] if arguments["arg"] else []


def _asset(action: str) -> Callable[[Arguments], Fields]:
    def handler(arguments: Arguments) -> Fields:
        files, src, dst = _texts(arguments, "files"), _optional(arguments, "src"), _optional(arguments, "dst")
        if src is not None:
            return [("assets", each) for each in (*((action, file, None) for file in files), (action, src, dst))]
        if dst is not None and len(files) != 1:
            raise InputError(f"dst= goes with one file, not {len(files)}")
        if not files:
            raise InputError("no file is named")
        return [("assets", (action, file, dst)) for file in files]

    return handler


def _sources(arguments: Arguments) -> Fields:
    return [("sources", _texts(arguments, "files"))]


def _artifact(arguments: Arguments) -> Fields:
    save_on = arguments.get("save_on", "always")
    if not isinstance(save_on, str) or save_on not in _SAVE_ON:
        raise InputError(f"save_on={save_on!r:.80} is not known", hint="use always, success or failure")
    return [("artifacts", (_text(arguments["file"]), _SAVE_ON[save_on]))]


def _baseline(arguments: Arguments) -> Fields:
    src, dst, flag = (_optional(arguments, key) for key in ("src", "dst", "flag"))
    if flag is None and (src is None or dst is None):
        raise InputError("needs both src and dst, or flag")
    if flag is not None and (src is not None or dst is not None):
        raise InputError("give either src and dst, or flag")
    return [("baselines", (src, dst, flag))]


def _owner(arguments: Arguments) -> Fields:
    return [("owners", [_text(arguments["arg"])])]


def _owners(arguments: Arguments) -> Fields:
    return [("owners", _texts(arguments))]


def _set_attribute(arguments: Arguments) -> Fields:
    return [("attributes", arguments.get("attributes", {}))]


def _exclusive(_: Arguments) -> Fields:
    return [("exclusive", True)]


def _xfail(arguments: Arguments) -> Fields:
    code = arguments.get("code", ANY_FAILURE)
    if isinstance(code, bool) or not isinstance(code, int) or not _LARGEST_SIGNAL <= code <= _LARGEST_CODE:
        raise InputError(f"code={code!r:.80} is not an exit code", hint="use 1 to 255, or -N for signal N")
    return [("xstatus", code)]


def _xdiff(_: Arguments) -> Fields:
    return [("xstatus", DIFFED)]


def _aggregate(arguments: Arguments) -> Fields:
    flag, script = _optional(arguments, "flag"), _optional(arguments, "script")
    requires = _text(arguments.get("requires", "success"))
    if flag is not None and script is not None:
        raise InputError("give either flag= or script=")
    return [("aggregate", (flag, script, check_when(requires)))]


def _analyze(arguments: Arguments) -> Fields:
    given = {key: value for key, value in arguments.items() if value is not None}
    return _aggregate(given if "script" in given else {"flag": "--analyze", **given})


def _set_id(arguments: Arguments) -> Fields:
    return [("id", _text(arguments["id"]))]


def _execution_path(arguments: Arguments) -> Fields:
    return [("execution_path", _text(arguments["path"]))]


def _stages(arguments: Arguments) -> Fields:
    return [("stages", _texts(arguments))]


def _load_module(arguments: Arguments) -> Fields:
    name, use = _text(arguments["name"]), _optional(arguments, "use")
    if not name.strip() or name.startswith("-") or _CONTROL.search(name):
        raise InputError(f"{name!r:.80} is not the name of a module")
    return [("modules", (name, use))]


def _source(arguments: Arguments) -> Fields:
    return [("rcfiles", _text(arguments["rcfile"]))]


def _function(field: str) -> Callable[[Arguments], Fields]:
    def handler(arguments: Arguments) -> Fields:
        name = _text(arguments["func"])
        if not name.isidentifier():
            raise InputError("must mark a function at the top level of the file")
        return [(field, name)]

    return handler


def _preload(_: Arguments) -> Fields:
    return [("warnings", "preload has no effect; use source(…)")]


def _nothing(_: Arguments) -> Fields:
    return []


HANDLERS: dict[str, Callable[[Arguments], Fields]] = {
    "aggregate": _aggregate,
    "analyze": _analyze,
    "artifact": _artifact,
    "baseline": _baseline,
    "copy": _asset("copy"),
    "cpus": _count("cpus", 1),
    "depends_on": _depends_on,
    "description": _nothing,
    "enable": _enable,
    "exclusive": _exclusive,
    "execution_path": _execution_path,
    "filter_warnings": _nothing,
    "generate_composite_base_case": _aggregate,
    "gpus": _count("gpus", 0),
    "keywords": _keywords,
    "link": _asset("link"),
    "load_module": _load_module,
    "memory": _memory,
    "name": _name,
    "nodes": _count("nodes", 1),
    "owner": _owner,
    "owners": _owners,
    "parameterize": _parameterize,
    "preload": _preload,
    "resources": _resources,
    "set_attribute": _set_attribute,
    "set_id": _set_id,
    "setup": _function("setup"),
    "skipif": _skipif,
    "source": _source,
    "sources": _sources,
    "stages": _stages,
    "teardown": _function("teardown"),
    "testname": _name,
    "timeout": _timeout,
    "xdiff": _xdiff,
    "xfail": _xfail,
}
