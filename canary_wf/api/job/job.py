"""A job in a session: its spec, where it stands, what it holds, and everything a program may ask of it or do to it.

The class only brings the parts together; what each does is the business of the module it is named after.
"""

import copy
import math
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Literal

from canary_wf.api.job import stored
from canary_wf.api.job.artifacts import artifacts_of
from canary_wf.api.job.baseline import rebaseline
from canary_wf.api.job.cached_runs import CachedRun, find_cache_dir, keep_run, known_runtime, load_runs
from canary_wf.api.job.dependency import Dependency
from canary_wf.api.job.execution_space import ExecutionSpace, Mask
from canary_wf.api.job.locked import locked
from canary_wf.api.job.resource_holder import ResourceHolder
from canary_wf.api.job.running import JobProcess, Launcher, run_job, settle
from canary_wf.api.job.status_line import Style, escaped, status_line
from canary_wf.ctest.resource_groups import job_request
from canary_wf.errors import CanaryWfError, InputError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.plan.estimate import estimated_runtime
from canary_wf.run.job.environment import base_environment, job_environment
from canary_wf.run.job.judgement import judge
from canary_wf.run.job.workdir import clear_workdir, prepare_workdir, remove_assets
from canary_wf.spec.batch_slice import RuntimeSource
from canary_wf.spec.job_spec import JobSpec
from canary_wf.spec.resource_request import resource_parameters
from canary_wf.spec.values import InvalidTypeError, storable
from canary_wf.state.job_file import OUTPUT_FILE, STATE_FILE, compress_text, read_text
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import Category, JobPhase, Outcome, Status


class Job(ResourceHolder):
    """One job: `spec` says what it is, `workspace` where it runs, `dependencies` what has to end before it.

    Set `launcher` before `run` (the real one is `canary_wf.api.scheduler.job_launcher.ProcessLauncher`). `variables`
    are the environment variables of the job's own; None means not set. Inside a batch the batch's runner keeps the
    state; a job that is run by itself keeps its own `job.json`, which `save` writes and `refresh` reads.
    """

    launcher: Launcher

    def __init__(self, spec: JobSpec, workspace: ExecutionSpace, dependencies: list[Dependency] | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.workspace = workspace
        self.dependencies: list[Dependency] = list(dependencies or ())
        self.timeout_multiplier = spec.timeout_multiplier
        self.batch: str | None = None
        self.slurm_job_id: str | None = None
        self.process: JobProcess | None = None
        self._attributes: dict[str, Any] = {}
        self._estimate: tuple[float, RuntimeSource] | None = None
        self.variables: dict[str, str | None] = self.get_environ_from_spec()

    def __repr__(self) -> str:
        return f"Job({self.name!r}, {self.state.phase.value}, {self.status.outcome.name})"

    # -- what it is ----------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The job's id, a hash of path, family and parameters."""
        return self.spec.id

    @property
    def name(self) -> str:
        """Family and parameters, such as ``mesh.n=1``."""
        return self.spec.name

    @property
    def file(self) -> Path:
        """The test file."""
        return Path(self.spec.file)

    @property
    def exclusive(self) -> bool:
        """Whether nothing else may be started beside it."""
        return self.spec.exclusive

    @property
    def mask(self) -> Mask:
        """Why the job is not to be run at all; false when it is."""
        return Mask(self.spec.mask)

    @property
    def upstreams(self) -> list["Job"]:
        """The jobs it depends on."""
        return [dependency.job for dependency in self.dependencies]

    @property
    @locked
    def attributes(self) -> dict[str, Any]:
        """The attributes of the spec and those set since, as a copy."""
        return copy.deepcopy({**self.spec.attributes, **self._attributes})

    @locked
    def set_attribute(self, name: str, value: Any) -> None:  # noqa: ANN401 - any value that JSON can hold
        """Set one attribute. Raises InvalidTypeError for a value that a state file cannot hold."""
        self._attributes[name] = storable(name, value)

    @locked
    def set_attributes(self, **kwds: Any) -> None:  # noqa: ANN401 - any values that JSON can hold
        """Set several attributes. Raises InvalidTypeError for a value that a state file cannot hold."""
        for name, value in kwds.items():
            self.set_attribute(name, value)

    def get_attribute(self, name: str, default: None = None, /) -> Any | None:  # noqa: ANN401 - any value
        """Return the attribute `name`, or `default` when there is none."""
        return self.attributes.get(name, default)

    def display_name(self, **kwargs: Any) -> str:  # noqa: ANN401 - each kind of job has options of its own
        """Return the name to show, escaped for ``style`` (none, rich or html); with ``full`` after its file's path.

        Options of other kinds of jobs are passed over.
        """
        path = Path(self.spec.path).parent
        name = str(path / self.name) if kwargs.get("full") else self.name
        return escaped(name, kwargs.get("style", "none"))

    def statline(self, style: Literal["none", "rich", "html"] = "none") -> str:
        """Return verdict (or phase), name, duration and reason on one line; markup in names is made harmless."""
        chosen: Style = style
        return status_line(self, chosen)

    # -- where it is ---------------------------------------------------------------------------------------------

    @property
    def stdout(self) -> str:
        """The name, in the working directory, of the file that holds what the job prints."""
        return OUTPUT_FILE

    @property
    def stderr(self) -> str | None:
        """None: what the job prints to standard error is in the same file, in order."""
        return None

    @property
    def lockfile(self) -> Path:
        """The job's state file, its `job.json`."""
        return self.workspace.joinpath(STATE_FILE)

    @property
    def view_path(self) -> Path:
        """Where the job is shown, relative to the folder that `TestResults` leads to."""
        return self.workspace.path

    def read_output(self, compress: bool = False) -> str:
        """Return what the job printed; with `compress` deflated (zlib) and in Base64. Empty when there is none yet."""
        text = read_text(self.workspace.joinpath(self.stdout))
        return compress_text(text) if compress else text

    def get_artifacts(self) -> list[str]:
        """Return the paths of the files that the job declared worth keeping after such a verdict, as far as there."""
        return artifacts_of(self.spec, self.workspace.dir, self.status)

    def create_workspace(self) -> None:
        """Make an empty working directory; of an earlier run only the state file stays. Raises WorkspaceError."""
        self.workspace.create()
        clear_workdir(self.workspace.dir)

    def restore_workspace(self) -> None:
        """Bring the working directory back to what it was before the job ran. Raises as `setup` does."""
        self.create_workspace()
        self._place_assets()

    def setup(self) -> None:
        """Make the working directory with the job's files in it, and write the state file.

        Raises MissingSourceError for a file that is not there, CanaryWfError for one that would lie outside.
        """
        self.restore_workspace()
        self.save()

    def teardown(self) -> None:
        """Take the files that `setup` brought out of the working directory; what the job made or changed stays."""
        remove_assets(self.spec, self.workspace.dir, self._out)

    def do_baseline(self) -> None:
        """Make the results the new reference, as the job declared. Raises MissingSourceError and CanaryWfError."""
        rebaseline(self)

    def _place_assets(self) -> None:
        prepare_workdir(self.spec, self.workspace.dir, self._out)

    @property
    def _out(self) -> Path:
        return stored.workspace_of(self.workspace.dir) or self.workspace.root

    # -- how much it takes ---------------------------------------------------------------------------------------

    @property
    def cpus(self) -> int:
        """CPU slots it needs."""
        return self.spec.cpus

    @property
    def gpus(self) -> int:
        """GPU slots it needs."""
        return self.spec.gpus

    @property
    def nodes(self) -> int:
        """Nodes it needs."""
        return self.spec.nodes

    def required_resources(self) -> list[dict[str, Any]]:
        """Return what it asks of a resource pool: ``[{"type": str, "slots": int}, …]``."""
        return job_request(self.spec)

    def get_resource_parameters_from_spec(self) -> dict[str, int]:
        """Return the numbers that size the job: cpus, gpus, nodes and further types. Raises InvalidTypeError."""
        return resource_parameters(self.spec)

    @property
    def runtime(self) -> float:
        """The seconds it is expected to take, maybe more than its limit; `runtime_source` says where that is from."""
        return self._expected()[0]

    @property
    def runtime_source(self) -> RuntimeSource:
        """Where the expected run time comes from: ``history``, ``declared``, or ``default`` (a part of the limit)."""
        return self._expected()[1]

    @property
    def timeout(self) -> float:
        """The seconds it may take, as its file or the command line says."""
        return self.spec.timeout

    def total_timeout(self) -> float:
        """Return the seconds after which it is ended: its limit times `timeout_multiplier`."""
        return self.timeout * self.timeout_multiplier

    def cost(self) -> float:
        """Return the length of the vector of CPUs and expected seconds; a queue starts the costliest first."""
        return math.hypot(self.cpus, self.runtime)

    def size(self) -> float:
        """Return the length of the vector of time limit (seconds) and all numbers that size the job."""
        return math.hypot(self.timeout, *resource_parameters(self.spec).values())

    def _expected(self) -> tuple[float, RuntimeSource]:
        if self._estimate is None:
            cache = find_cache_dir(self.workspace.root)
            known = None if cache is None else known_runtime(cache, self.id)
            self._estimate = estimated_runtime(self.spec, known)
        return self._estimate

    # -- its environment -----------------------------------------------------------------------------------------

    def get_environ_from_spec(self) -> dict[str, str | None]:
        """Return the environment variables that the job declares."""
        return dict(self.spec.environment)

    @locked
    def add_variables(self, **kwds: str) -> None:
        """Set environment variables for the job. Raises InvalidTypeError for a value that is not a text."""
        for name, value in kwds.items():
            if not isinstance(value, str):
                raise InvalidTypeError(name, value)
        self.variables.update(kwds)

    def set_runtime_env(self, env: MutableMapping[str, str]) -> None:
        """Turn `env`, the environment of who runs the job, into the one the job runs in."""
        base = base_environment(env)
        wanted = job_environment(base, self.spec, self.allocation.last, self.workspace.dir, self.variables)
        for name in set(env) - set(wanted):
            del env[name]
        env.update(wanted)

    # -- where it stands -----------------------------------------------------------------------------------------

    @property
    def record(self) -> JobRecord:
        """The job's state in the terms of the journal and of `status --json`."""
        return stored.record_of(self)

    @locked
    def update_status_from_exit_code(self, *, code: int | str) -> None:
        """Set the verdict on a process that ended with `code` (signal N: -N); a text is a number or an outcome's name.

        Raises InputError for any other text.
        """
        if isinstance(code, str) and code.upper() in Outcome.__members__:
            self.status = Status.of(Outcome[code.upper()])
            return
        try:
            self.status = judge(self.spec, int(code), self.workspace.joinpath(OUTPUT_FILE))
        except (TypeError, ValueError):
            raise InputError(f"{code!r} is neither an exit code nor an outcome", where=f"job {self.name}") from None

    def is_done(self) -> bool:
        """Return whether the job has its verdict."""
        return self.state.is_done()

    def dropped(self) -> bool:
        """Return whether the job is over without having been run: it is masked, or was blocked or cancelled before."""
        never_began = self.is_done() and self.timekeeper.started is None
        return bool(self.mask) or (never_began and self.status.category in {Category.SKIP, Category.CANCEL})

    def is_runnable(self) -> bool:
        """Return whether it could still run: not over, not masked, no upstream ended otherwise than needed."""
        return not (self.is_done() or self.mask) and self._blocked() is None

    def is_ready(self) -> bool:
        """Return whether it can be started now: it waits, and all its dependencies are satisfied."""
        return (
            self.state.phase in {JobPhase.PENDING, JobPhase.SUBMITTED}
            and not self.mask
            and all(dependency.is_satisfied() for dependency in self.dependencies)
        )

    @locked
    def refresh_readiness(self) -> None:
        """Make a waiting job DONE when it can never run: BLOCKED with the reason, or SKIPPED when it is masked."""
        if self.is_done() or self.state.is_running():
            return
        if self.mask:
            self._drop(Status.of(Outcome.SKIPPED, self.mask.reason))
        elif (reason := self._blocked()) is not None:
            self._drop(Status.of(Outcome.BLOCKED, reason))

    def _blocked(self) -> str | None:
        return next((reason for one in self.dependencies if (reason := one.why_blocked()) is not None), None)

    def _drop(self, status: Status) -> None:
        self.status = status
        self.state.phase = JobPhase.DONE

    # -- running it ----------------------------------------------------------------------------------------------

    def runner(self) -> Launcher:
        """Return the launcher. Raises CanaryWfError when none was set."""
        launcher: Launcher | None = getattr(self, "launcher", None)
        if launcher is None:
            hint = "set job.launcher = canary_wf.api.scheduler.job_launcher.ProcessLauncher()"
            raise CanaryWfError("has no launcher", where=f"job {self.name}", hint=hint)
        return launcher

    def run(self) -> None:
        """Run the job in its working directory (see `setup`) until it has its verdict; its state file is kept.

        Raises CanaryWfError when no launcher was set, and when another thread or process runs it; how the job ends is
        told by `status` alone.
        """
        with self.one_run(f"job {self.name}"):
            run_job(self)

    @locked
    def finish(self) -> None:
        """Conclude the job in the process that asked for it: phase DONE, run time kept, state file written."""
        if not self.is_done():
            self.on_finished()
        self.cache_last_run()
        self.save()

    def load_cached_runs(self) -> dict[str, Any] | None:
        """Return the job's last runs with count, mean, median and spread of the good ones (seconds), or None."""
        cache = find_cache_dir(self.workspace.root)
        runs = None if cache is None else load_runs(cache, self.id)
        return None if runs is None else runs.as_dict()

    @locked
    def cache_last_run(self) -> None:
        """Keep when and how long the job ran last, for later estimates; outside of a workspace nothing is kept."""
        record = self.record
        cache = find_cache_dir(self.workspace.root)
        if cache is None or record.started is None or record.duration is None:
            return
        status = record.status
        outcome = status.outcome.name
        run = CachedRun(self.workspace.session, record.started, record.duration, outcome, status.code, status.is_pass)
        keep_run(cache, self.id, self.name, run)
        self._estimate = None

    # -- its state as data ---------------------------------------------------------------------------------------

    @locked
    def getstate(self) -> dict[str, Any]:
        """Return everything about the job as JSON can hold it; `load_job_from_state` makes the job of it again."""
        return stored.state_of(self)

    @locked
    def setstate(self, data: dict[str, Any]) -> None:
        """Take over the results of a run in another process: what `getstate` returned there.

        Raises WorkspaceError for another job's state or data of another form; nothing changes then.
        """
        stored.apply_state(self, data)

    @locked
    def save(self) -> None:
        """Replace the state file at once. Raises WorkspaceError when the disk does not take it."""
        self.workspace.create()
        write_json(self.lockfile, self.getstate())

    @locked
    def refresh(self) -> None:
        """Take over what the state file says, if there is one; a job whose runner died is INTERRUPTED from then on.

        Raises WorkspaceError when the file is damaged.
        """
        if self.lockfile.is_file():
            self.setstate(read_json(self.lockfile, dict[str, Any]))
        if settle(self):
            self.save()
