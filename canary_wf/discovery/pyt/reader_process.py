# ruff: noqa: PTH100, PTH113, PTH118, PTH120, PTH123 - a path object a file costs more than reading it
"""The worker process that executes test files and reports the directives they called.

It is a script of its own (``python -P reader_process.py REQUESTS REPLIES RUNTIME MEMORY``), so that only the standard
library and the runtime's `canary` are loaded besides the test files. It reads paths, one JSON line each, from the
descriptor REQUESTS and answers each with one JSON line on REPLIES: the recorded calls, or the error with its line.
After each file it restores the state of the process (environment, current folder, `sys.path`, `sys.modules`,
`sys.argv`, standard streams).
"""

import importlib.util
import inspect
import json
import math
import os
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LOAD_NAME = "__load__"
"""The `__name__` of a test file while it is executed, so that its ``__main__`` block does not run."""

_DEEPEST_INCLUDE = 20
_LARGEST = 2**64 - 1
_SMALLEST = -(2**63)
_LONGEST_MESSAGE = 500

_ENUMERABLE = {("parameterize", "names"), ("parameterize", "values")}
"""Arguments that may be any iterable."""

_TRUTHS = {("skipif", "arg")}
"""Arguments of which only the truth value counts, for example a path that `shutil.which` returns."""


class ReadError(Exception):
    """An error in the test file that was found while executing it."""


class Recorder:
    """The directives that one test file calls, in order."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.files = [file]
        self.conditions: list[Any] = []
        self.calls: list[dict[str, Any]] = []
        self.reads: list[str] = []

    def record(self, name: str, signature: inspect.Signature, arguments: Any, named: Any) -> None:  # noqa: ANN401
        """Record one call of the directive `name`. Raises ReadError if the arguments do not fit its signature."""
        try:
            bound = signature.bind(*arguments, **named).arguments
        except TypeError as error:
            raise ReadError(f"{name}: {error}; it is {name}{_shown(signature)}") from None
        values = {key: plain(value, name, key) for key, value in bound.items()}
        if name == "include":
            self.include(values)
            return
        call = {"name": name, "arguments": values, "line": self.line()}
        if len(self.files) > 1:
            call["file"] = self.files[-1]
        if self.conditions:
            call["conditions"] = self.conditions[:]
        self.calls.append(call)

    def line(self) -> int:
        """Return the line in the file being read that called the directive, directly or through a helper."""
        frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001 - the cheap way to the caller
        while frame is not None:
            if frame.f_code.co_filename == self.files[-1]:
                return frame.f_lineno
            frame = frame.f_back
        return 0

    def include(self, values: dict[str, Any]) -> None:
        """Read the directives of another file here."""
        file = os.path.join(os.path.dirname(self.files[-1]), str(values["file"]))
        if len(self.files) > _DEEPEST_INCLUDE:
            raise ReadError(f"include: {values['file']!r} is nested too deep (does it include itself?)")
        if not os.path.isfile(file):
            raise ReadError(f"include: there is no file {values['file']!r:.200} here")
        self.reads.append(file)
        condition = values.get("when")
        self.files.append(file)
        if condition is not None:
            self.conditions.append(condition)
        execute(file)
        self.files.pop()
        if condition is not None:
            self.conditions.pop()


def _shown(signature: inspect.Signature) -> str:
    """Return `signature` without annotations."""
    parameters = [item.replace(annotation=inspect.Parameter.empty) for item in signature.parameters.values()]
    return str(inspect.Signature(parameters))


def plain(value: Any, directive: str, argument: str) -> Any:  # noqa: ANN401 - any value in, JSON out
    """Return `value` as JSON data. Raises ReadError that names the directive and the value."""
    if callable(value) and directive in {"setup", "teardown"}:
        # A method or an inner function cannot be called by its name. The directive recognises it by its dots.
        return getattr(value, "__qualname__", getattr(value, "__name__", "function"))
    if (directive, argument) in _TRUTHS:
        return bool(value)
    if (directive, argument) == ("enable", "args"):
        return [bool(each) for each in value]
    if (directive, argument) in _ENUMERABLE and not isinstance(value, str | list | tuple | dict | set | frozenset):
        value = list(value.tolist() if hasattr(value, "tolist") else value)
    return _plain(value, directive)


def _plain(value: Any, directive: str) -> Any:  # noqa: ANN401, PLR0911 - any value in, JSON out, a return for each type
    match value:
        case None | bool():
            return value
        case str():
            return _text(str(value), directive)
        case int() if _SMALLEST <= value <= _LARGEST:
            return int(value)
        case float() if math.isfinite(value):
            return float(value)
        case list() | tuple():
            return [_plain(item, directive) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {_text(str(key), directive): _plain(item, directive) for key, item in value.items()}
        case os.PathLike():
            return _text(os.fsdecode(value), directive)
        case _ if hasattr(value, "item") and not isinstance(item := value.item(), type(value)):
            return _plain(item, directive)
    raise ReadError(
        f"{directive}: {value!r:.80} (of type {type(value).__name__}) cannot be kept;"
        " use finite numbers of up to 64 bits, text, booleans, None or lists"
    )


def _text(value: str, directive: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ReadError(f"{directive}: {value!r:.80} is not valid text") from None
    return value


def execute(file: str) -> None:
    """Run the code of `file` as a module named `LOAD_NAME`."""
    try:
        with open(file, "rb") as stream:
            source = stream.read()
    except OSError as error:
        raise ReadError(f"{file}: cannot be read ({error.strerror})") from None
    _check_encoding(file, source)
    module = types.ModuleType(LOAD_NAME)
    module.__file__ = file
    sys.modules[LOAD_NAME] = module
    exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - test files are Python


def _check_encoding(file: str, source: bytes) -> None:
    """Refuse text that is not UTF-8 and declares no encoding, as Python does; `compile` allows it in comments."""
    if source.isascii() or any(b"coding" in line for line in source.split(b"\n", 2)[:2]):
        return
    try:
        source.decode()
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise SyntaxError("is not UTF-8 and declares no other encoding", (file, line, None, None)) from None


def read(file: str) -> dict[str, Any]:
    """Return the calls of the directives of `file`, or an ``error`` with its line."""
    modules = sys.modules.copy()
    with undone(file, modules):
        recorder = Recorder(file)
        state.recorder = recorder
        try:
            os.chdir(os.path.dirname(file))
            with tracker.watching():
                execute(file)
        except SystemExit as error:
            return _failed(recorder, error, f"calls sys.exit({'' if error.code is None else error.code}) at top level")
        except SyntaxError as error:
            return _misspelt(recorder, error)
        except ReadError as error:
            return _failed(recorder, error, str(error))
        except BaseException as error:  # noqa: BLE001 - the code of a test file may raise anything
            return _failed(recorder, error, _described(error))
        found = {"calls": recorder.calls, "reads": recorder.reads + sorted(_local_files(modules))}
        return {**found, "environment": tracker.environment, "outside": tracker.outside}


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the `__str__` of a test file's exception may fail
        text = ""
    if isinstance(error, AttributeError) and text.startswith("unknown directive"):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _misspelt(recorder: Recorder, error: SyntaxError) -> dict[str, Any]:
    found: dict[str, Any] = {"error": f"syntax error: {error.msg}", "line": error.lineno or 0}
    if error.filename not in {None, recorder.file}:
        found["file"] = str(error.filename)
    return found


def _failed(recorder: Recorder, error: BaseException, message: str) -> dict[str, Any]:
    """Return the error with the line in the file being read that led to it."""
    line = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == recorder.files[-1]:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    found: dict[str, Any] = {"error": message[:_LONGEST_MESSAGE], "line": line}
    if len(recorder.files) > 1:
        found["file"] = recorder.files[-1]
    return found


def _sibling(name: str) -> types.ModuleType:
    """Import a module from the folder of this script, which is not part of a package here."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.path.dirname(__file__), f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class State:
    """The state that the recording directives and the clean-up between files share."""

    def __init__(self) -> None:
        self.recorder = Recorder("")
        self.path: list[str] = []


state = State()
tracker: Any = _sibling("access_log").AccessTracker(frozenset({__file__}))


def _local_files(before: dict[str, types.ModuleType]) -> set[str]:
    """Return the files of modules imported since `before` that belong to the tests, not to an installed library."""
    return {file for _, module in _changed(before) if (file := _local_file(module))}


def _changed(before: dict[str, types.ModuleType]) -> list[tuple[str, types.ModuleType]]:
    return [(name, module) for name, module in sys.modules.copy().items() if before.get(name) is not module]


def _local_file(module: object) -> str | None:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or getattr(module, "__name__", None) == LOAD_NAME:
        return None
    return None if any(file.startswith(entry + os.sep) for entry in state.path) else file


@contextmanager
def undone(file: str, modules: dict[str, types.ModuleType]) -> Iterator[None]:
    """Set `sys.path` and `sys.argv` for `file` within this context, and restore the process afterwards."""
    path, environment = sys.path[:], dict(os.environ)
    streams = sys.stdin, sys.stdout, sys.stderr
    process = os.getpid()
    try:
        sys.path.insert(0, os.path.dirname(file))
        sys.argv = [file]
        yield
    finally:
        if os.getpid() != process:
            os._exit(0)  # a child that the test file forked must not answer instead of this process
        sys.stdin, sys.stdout, sys.stderr = streams
        sys.path[:] = path
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        _forget_modules(modules)
        os.chdir("/")


def _forget_modules(before: dict[str, types.ModuleType]) -> None:
    """Remove the modules from the test file's folder. Libraries stay, because many cannot be loaded twice."""
    for name, module in _changed(before):
        if name == LOAD_NAME or _local_file(module) or _is_folder(module):
            del sys.modules[name]
    sys.modules.update(before)


def _is_folder(module: object) -> bool:
    """Return whether this is a namespace package, which may consist of folders beside the test file."""
    return getattr(module, "__file__", None) is None and hasattr(module, "__path__")


def record_directives() -> None:
    """Replace each directive of the runtime's `canary` by a recording function."""
    directives = importlib.import_module("canary.directives")
    for name in directives.known():
        setattr(directives, name, _recording(name, getattr(directives, name)))


def _recording(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    def directive(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - passed on as they are
        state.recorder.record(name, signature, arguments, named)
        return original(*arguments, **named)

    directive.__name__ = name
    return directive


def main(requests: int, replies: int, runtime: str, memory: int) -> None:
    """Answer requests until the other side closes its end, within `memory` bytes."""
    _sibling("supervisor").run_supervised(requests, replies, memory)
    sys.dont_write_bytecode = True  # no __pycache__ appears in the folders of the tests
    sys.path.insert(0, runtime)
    state.path = [os.path.abspath(entry) for entry in sys.path if entry]
    record_directives()
    tracker.install(state.path)
    for descriptor in (requests, replies):
        os.set_inheritable(descriptor, False)
    with open(requests, encoding="ascii") as questions:
        for question in questions:
            answer = read(json.loads(question))
            text = memoryview(json.dumps(answer).encode() + b"\n")
            while text:
                text = text[os.write(replies, text) :]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
