# ruff: noqa: ANN401, PTH100, PTH110, PTH112, PTH118, PTH120, PTH123 - values are of any type; tests wait for this module, and pathlib takes longer to import than all of it
"""The job as the running test sees it: read from the `job.json` that canary-wf writes in the job's folder."""

import os

from .exceptions import MissingTestInstanceError
from .notes import read_notes, write_notes
from .parameters import MultiParameters, Parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_VARIABLE = "CANARY_WF_JOB"
_FILE = "job.json"
_OUTPUT = "canary-out.txt"
_LEAST = (("cpus", 1), ("gpus", 0), ("nodes", 1))
"""The amounts of a job whose state does not name them."""


class _Word(str):
    """A string that also has `name` and `value`, like members of an enumeration."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return str(self)

    @property
    def value(self) -> str:
        return str(self)


class Status:
    """The verdict on a job: `category`, `outcome`, `reason` and `code`."""

    def __init__(self, record: "dict[str, Any]") -> None:
        self.category = _Word(record.get("category") or "NONE")
        self.outcome = _Word(record.get("outcome") or "NONE")
        self.reason: str | None = record.get("reason")
        self.code: int | None = record.get("code")

    @property
    def name(self) -> str:
        """The outcome's name."""
        return str(self.outcome)

    def __repr__(self) -> str:
        return f"Status({self.category}, {self.outcome})"


class TestInstance:
    """One job. `working_directory` and `file` are absolute paths, `timeout` and `runtime` seconds, `memory` MiB."""

    __test__ = False

    def __init__(self, record: "dict[str, Any]", working_directory: str) -> None:
        spec = record.get("spec") or {}
        self._record = record
        self._spec = spec
        self._dependencies: list[TestInstance] | None = None
        self.working_directory = working_directory
        self._out = _workspace(working_directory, str(record.get("directory") or ""))
        self.id: str = record.get("id") or spec.get("id", "")
        self.name: str = record.get("name") or spec.get("name", "")
        self.family: str = spec.get("family", self.name)
        self.file: str = self._from_out(spec.get("file", ""))
        self.file_path: str = spec.get("path", "")
        self.keywords: list[str] = list(spec.get("keywords", ()))
        self.owners: list[str] = list(spec.get("owners", ()))
        self.attributes: dict[str, Any] = dict(spec.get("attributes", {}))
        self.cpus: int = spec.get("cpus", 1)
        self.gpus: int = spec.get("gpus", 0)
        self.nodes: int = spec.get("nodes", 1)
        self.memory: int | None = spec.get("memory")
        self.timeout: float = spec.get("timeout", 300.0)
        self.runtime: float | None = spec.get("runtime")
        self.exclusive: bool = spec.get("exclusive", False)
        self.command: list[str] = list(spec.get("command", ()))
        self.cpu_ids: list[str] = list(record.get("cpu_ids") or ())
        self.gpu_ids: list[str] = list(record.get("gpu_ids") or ())
        self.resources: dict[str, list[dict[str, Any]]] = dict(record.get("resources") or {})
        self.status = Status(record)
        self.state = _Word(record.get("phase") or "PENDING")
        self.start: float = record.get("started") or -1.0
        self.stop: float = record.get("finished") or -1.0
        self.returncode: int = -1 if record.get("code") is None else record["code"]
        self.variables: dict[str, str] = dict(spec.get("environment", {}))
        self.baseline: list[dict[str, Any]] = list(spec.get("baselines", ()))
        self.ofile = _OUTPUT
        self.efile: str | None = None
        self.measurements: dict[str, Any] = dict(record.get("measurements") or {})
        attributes, self._noted = read_notes(working_directory)
        self.attributes.update(attributes)
        self.measurements.update(self._noted)
        amounts = {name: spec.get(name, least) for name, least in _LEAST if name in spec.get("meta_parameters", ())}
        self.parameters = Parameters({**spec.get("parameters", {}), **amounts})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"

    def _from_out(self, path: str) -> str:
        return os.path.join(self._out, path) if path else path

    @property
    def dependencies(self) -> "list[TestInstance]":
        """The jobs on which this one depends, in the order of its test file."""
        if self._dependencies is None:
            self._dependencies = [_upstream(entry, self._out) for entry in self._record.get("dependencies") or ()]
        return self._dependencies

    @property
    def multicase(self) -> bool:
        """Whether this job analyzes all parameterized jobs of its family together."""
        return bool(self._spec.get("attributes", {}).get("multicase"))

    @property
    def analyze(self) -> bool:
        """Whether the test was called to analyze the results of other jobs, with or without the flag of that name."""
        return self.multicase or "--analyze" in self.command

    @property
    def file_root(self) -> str:
        """The folder that `file_path` is relative to."""
        return self.file[: -len(self.file_path)].rstrip("/") if self.file.endswith(self.file_path) else ""

    @property
    def work_tree(self) -> str:
        """The session's folder of all working directories."""
        inner = self._spec.get("directory", "")
        whole = self.working_directory
        return whole[: -len(inner)].rstrip("/") if inner and whole.endswith(f"/{inner}") else os.path.dirname(whole)

    @property
    def sources(self) -> "dict[str, list[tuple[str, str | None]]]":
        """The files of the job as pairs of source and target, under ``copy``, ``link`` and ``none`` (only named)."""
        found: dict[str, list[tuple[str, str | None]]] = {}
        for asset in self._spec.get("assets", ()):
            source = self._from_out(asset["source"])
            if source != self.file:
                found.setdefault(asset["action"], []).append((source, asset.get("target")))
        if self._spec.get("sources"):
            found["none"] = [(self._from_out(source), None) for source in self._spec["sources"]]
        return found

    def logfile(self, stage: str = "run") -> str:
        """Return the file with the job's output, which is the same for all stages."""
        del stage
        return os.path.join(self.working_directory, _OUTPUT)

    def output(self) -> str:
        """Return the output of the job so far."""
        try:
            with open(self.logfile(), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @property
    def lockfile(self) -> str:
        """The file with the job's state."""
        return os.path.join(self.working_directory, _FILE)

    @property
    def processors(self) -> int:
        """Another name of `cpus`."""
        return self.cpus

    @property
    def devices(self) -> int:
        """Another name of `gpus`."""
        return self.gpus

    def get_dependency(self, name: "str | None" = None, **parameters: object) -> "TestInstance | None":
        """Return the first dependency with this name or family (None: any) and all these parameters, or None."""
        for dependency in self.dependencies:
            if name not in {None, dependency.name, dependency.family}:
                continue
            have = dependency.parameters
            if all(name in have and have[name] == value for name, value in parameters.items()):
                return dependency
        return None

    def get_attribute(self, name: str, default: "Any" = None) -> "Any":
        """Return the attribute `name`, or `default`."""
        return self.attributes.get(name, default)

    def set_attribute(self, **attributes: "Any") -> None:
        """Set attributes, which later readers of this job see, too. Raises TypeError for values that are not JSON."""
        self._note({**self.attributes, **attributes}, self._noted)
        self.attributes.update(attributes)

    def add_measurement(self, name: str, value: "Any") -> None:
        """Add a measurement to those of the runner. Raises TypeError for a value that is not JSON."""
        self._note(self.attributes, {**self._noted, name: value})
        self._noted[name] = value
        self.measurements[name] = value

    def _note(self, attributes: "dict[str, Any]", measurements: "dict[str, Any]") -> None:
        write_notes(self.working_directory, {**self._spec, "attributes": attributes}, measurements)


class TestMultiInstance(TestInstance):
    """The job that analyzes all parameterized jobs of a family; `parameters` has a tuple of their values per name."""

    def __init__(self, record: "dict[str, Any]", working_directory: str) -> None:
        super().__init__(record, working_directory)
        members = [one for one in self.dependencies if one.family == self.family and one.file == self.file]
        names = list(members[0].parameters) if members else []
        self.parameters = MultiParameters({name: tuple(one.parameters[name] for one in members) for name in names})


class MissingTestInstance:
    """The instance of a script that does not run as a job: it is false, and its attributes raise an error."""

    __test__ = False

    def __init__(self, file: str) -> None:
        self.file = file

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"MissingTestInstance({self.file!r})"

    def __getattr__(self, name: str) -> "NoReturn":
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingTestInstanceError(
            f"{name}: the script does not run as a job of canary-wf ({self.file}: there is no such file)"
        )


def get_instance(path: "str | None" = None) -> "TestInstance | MissingTestInstance":
    """Return the running job, or the job whose folder or `job.json` is `path`; a script run by hand is not a job.

    Raises MissingTestInstanceError when the job's state cannot be read.
    """
    file = path or os.environ.get(_VARIABLE) or _FILE
    if os.path.isdir(file):
        file = os.path.join(file, _FILE)
    if not os.path.exists(file):
        return MissingTestInstance(file)
    return _instance(_read(file), os.path.dirname(os.path.abspath(file)))


def get_job(path: "str | None" = None) -> "TestInstance | None":
    """Return the result of `get_instance`, or None when the script does not run as a job."""
    found = get_instance(path)
    return None if isinstance(found, MissingTestInstance) else found


get_testcase = get_job
Job = TestCase = TestInstance
"""Names of the running job in annotations of test files."""


def _instance(record: "dict[str, Any]", folder: str) -> TestInstance:
    multicase = ((record.get("spec") or {}).get("attributes") or {}).get("multicase")
    return TestMultiInstance(record, folder) if multicase else TestInstance(record, folder)


def _read(file: str) -> "dict[str, Any]":
    import json

    try:
        with open(file, encoding="utf-8") as stream:
            record = json.load(stream)
    except OSError as error:
        raise MissingTestInstanceError(f"{file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise MissingTestInstanceError(f"{file}: is damaged ({error})") from None
    if not isinstance(record, dict):
        raise MissingTestInstanceError(f"{file}: is not the state of a job")
    return record


def _workspace(folder: str, directory: str) -> str:
    """Return OUT, to which the `directory` of the job in `folder` is relative; "" if it cannot be determined."""
    for path in (folder, os.path.realpath(folder)):  # TestResults is a link
        if directory and path.endswith(f"/{directory}"):
            return path[: -len(directory)]
    return ""


def _upstream(entry: "dict[str, Any]", out: str) -> TestInstance:
    folder = os.path.join(out, entry["directory"])
    try:
        record = _read(os.path.join(folder, _FILE))
    except MissingTestInstanceError:
        # It never ran (blocked, left out): only the dependency itself describes it.
        record = {"id": entry.get("id"), "name": entry.get("name")}
    return _instance(record, folder)


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
