"""A job in a session: a view of its spec and its record, and everything a program may ask of it or do to it.

The base classes of `Job` hold what comes from the spec, the record, the folder and earlier runs. This module adds what
needs all of them: dependencies, running, and the state as data.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from canary_wf.api.job.cached_runs import HistoryView
from canary_wf.api.job.execution_space import ExecutionSpace, workspace_of
from canary_wf.api.job.parts import locked
from canary_wf.api.job.record_view import JobProcess, StoredState, convert
from canary_wf.errors import CanaryWfError, WorkspaceError
from canary_wf.files.json_files import read_json, write_json
from canary_wf.process.orphans import end_marked, inherited
from canary_wf.process.process_identity import ProcessIdentity, start_ticks
from canary_wf.run.job.artifacts import keep_artifacts
from canary_wf.run.job.baseline import OUTPUT, rebaseline
from canary_wf.run.job.standalone import JobTimedOut, OutputLostError, exit_code, standalone_process
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.job_file import OUTPUT_FILE, job_fields
from canary_wf.state.session_paths import absolute_path, relative_to_out
from canary_wf.verdict.dependency_condition import is_satisfied, why_unsatisfied
from canary_wf.verdict.status import Category, JobPhase, Outcome, Status


@dataclass(eq=False)
class Dependency:
    """The upstream `job`; `when` is a condition of `canary_wf.verdict.dependency_condition`, None for any verdict."""

    job: "Job"
    when: str | None

    def is_satisfied(self) -> bool:
        """Return whether the upstream has its verdict and lets the downstream run."""
        return self.is_done() and is_satisfied(self.when, self.job.status)

    def is_done(self) -> bool:
        """Return whether the upstream has its verdict, or will never get one."""
        return self.job.is_done() or self.job.dropped()

    def why_blocked(self) -> str | None:
        """Return why the downstream can never run because of this upstream, or None while it can."""
        if not self.is_done():
            return None
        if not self.job.is_done():
            return f"dependency {self.job.name} is left out: {self.job.mask}"
        return why_unsatisfied(self.when, self.job.status, self.job.name)


class Launcher(Protocol):
    """Runs one job's process from start to end."""

    def run(self, job: "Job", *, arguments: Sequence[str] = (), output: str = OUTPUT_FILE) -> int:
        """Run the command of `job` with further `arguments` in its working directory and return its exit code.

        What the process prints goes to the file `output` there; what is measured goes to the job. No process is
        left behind, whatever happens. A process killed by signal N has the code -N. Raises JobTimedOut when the
        process had to be ended, OutputLostError when a test of CTest may have printed what is not in the file, and
        CanaryWfError or OSError when it could not be started.
        """
        ...


class Job(HistoryView):
    """One job: `spec` says what it is, `workspace` where it runs, `dependencies` what has to end before it.

    Set `launcher` before `run` (the real one is `canary_wf.job.ProcessLauncher`). `variables` are the
    job's own environment variables; None means not set. Inside a batch the batch's runner writes the state; a job that
    runs by itself has its own `job.json`, which `save` writes and `refresh` reads.
    """

    launcher: Launcher

    def __init__(self, spec: JobSpec, workspace: ExecutionSpace, dependencies: list[Dependency] | None = None) -> None:
        super().__init__(spec, workspace)
        self.dependencies: list[Dependency] = list(dependencies or ())

    def __repr__(self) -> str:
        return f"Job({self.name!r}, {self.state.phase.value}, {self.status.outcome.name})"

    # -- what it waits for ---------------------------------------------------------------------------------------

    @property
    def upstreams(self) -> list["Job"]:
        """The jobs it depends on."""
        return [dependency.job for dependency in self.dependencies]

    def dropped(self) -> bool:
        """Return whether the job is over without having been run: it is masked, or was blocked or cancelled before."""
        never_began = self.is_done() and self.record.started is None
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
        """Make a waiting job DONE if it can never run: BLOCKED with the reason, or SKIPPED if it is masked."""
        if self.is_done() or self.state.is_running():
            return
        if self.mask:
            self.change(phase=JobPhase.DONE, status=Status.of(Outcome.SKIPPED, self.mask.reason))
        elif (reason := self._blocked()) is not None:
            self.change(phase=JobPhase.DONE, status=Status.of(Outcome.BLOCKED, reason))

    def _blocked(self) -> str | None:
        return next((reason for one in self.dependencies if (reason := one.why_blocked()) is not None), None)

    # -- running it ----------------------------------------------------------------------------------------------

    def runner(self) -> Launcher:
        """Return the launcher. Raises CanaryWfError when none was set."""
        launcher: Launcher | None = getattr(self, "launcher", None)
        if launcher is None:
            hint = "set job.launcher = canary_wf.job.ProcessLauncher()"
            raise CanaryWfError("has no launcher", where=f"job {self.name}", hint=hint)
        return launcher

    def run(self) -> None:
        """Run the job in its working directory (see `setup`) until it has its verdict, which its state file has, too.

        A job that cannot be started is BROKEN, and one that runs too long TIMEOUT. It is INTERRUPTED, to be run again,
        when its output was lost, and when an exception ends it that is not its fault (Ctrl-C among them); that one goes
        on to the caller. Raises CanaryWfError when no launcher was set, and when another thread or process runs it.
        """
        with self.one_run(f"job {self.name}"):
            launcher = self.runner()
            self._refuse_another()
            self._run(launcher)

    def _run(self, launcher: Launcher) -> None:
        self.measurements.reset()
        self.change(launcher=ProcessIdentity.own(), status=Status())
        self.on_started()
        self.save()
        try:
            self.update_status_from_exit_code(code=launcher.run(self))
        except JobTimedOut as error:
            self.status = Status.of(Outcome.TIMEOUT, error.what)
        except OutputLostError as error:
            self.status = Status.of(Outcome.INTERRUPTED, error.what)
        except (CanaryWfError, OSError, ValueError) as error:  # ValueError: a NUL in a name
            self.status = Status.of(Outcome.BROKEN, f"could not start: {error}")
        except BaseException as error:  # Ctrl-C too is a verdict; it is raised again
            self.status = Status.of(Outcome.INTERRUPTED, f"ended by {type(error).__name__}")
            raise
        finally:
            self.change(launcher=None, pid=0, started_ticks=0)
            self.on_finished()
            self.change(artifacts=keep_artifacts(self.spec, self.workspace.dir, self.status))
            self.save()

    def _refuse_another(self) -> None:
        """Raise CanaryWfError when another process of this machine runs the job, as its state file says."""
        try:
            found: _Runner = read_json(self.lockfile, _Runner)
        except WorkspaceError:  # there is none, or one that is about to be replaced
            return
        other = None if found.process is None else found.process.launcher
        if other is None or found.phase is not JobPhase.RUNNING or other.pid == os.getpid():
            return
        if other.is_here and other.may_live:
            raise CanaryWfError(f"is being run by process {other.pid}", where=f"job {self.name}", hint="wait for it")

    @locked
    def finish(self) -> None:
        """Conclude the job: phase DONE, run time stored, state file written."""
        if not self.is_done():
            self.on_finished()
        self.cache_last_run()
        self.save()

    def do_baseline(self) -> None:
        """Make the results the new reference, as the job declared. Raises MissingSourceError and CanaryWfError."""

        def run_script(arguments: Sequence[str]) -> int:
            return self.runner().run(self, arguments=arguments, output=OUTPUT)

        rebaseline(self.spec, self.workspace.dir, run_script, running=self.state.is_running())

    # -- its state as data ---------------------------------------------------------------------------------------

    @locked
    def getstate(self) -> dict[str, Any]:
        """Return everything about the job as JSON can hold it; `load_job_from_state` makes the job of it again."""
        out, record = workspace_of(self.workspace.dir), self.record
        dependencies = [
            {
                "id": edge.job.id,
                "name": edge.job.name,
                "when": "always" if edge.when is None else edge.when,
                "directory": _shown(absolute_path(edge.job.workspace.dir), out),
            }
            for edge in self.dependencies
        ]
        state = {
            **job_fields(self.spec, record.batch, record, _shown(self.workspace.dir, out)),
            "spec": self.spec,
            "resources": record.resources,
            "dependencies": dependencies,
            "measurements": dict(record.measurements),
            "artifacts": record.artifacts,
            "submitted": record.submitted,
            "attributes": self.attributes,
            "variables": self.variables,
            "timeout_multiplier": self.timeout_multiplier,
            "process": JobProcess.of(record),
            "workspace": self.workspace.getstate(),
        }
        found: dict[str, Any] = msgspec.to_builtins(state)
        return found

    @locked
    def setstate(self, data: dict[str, Any]) -> None:
        """Take over the results of a run in another process: what `getstate` returned there.

        Raises WorkspaceError for another job's state or data of another form; nothing changes then.
        """
        if not isinstance(data, Mapping):
            raise WorkspaceError(f"is a {type(data).__name__}, not the state of a job", where=self.name)
        if data.get("id") != self.id:
            raise WorkspaceError(f"is the state of job {data.get('id')}, not of {self.id}", where=self.name)
        state: StoredState = convert(data, StoredState, self.name)
        record = state.record(self.name)
        self.record = msgspec.structs.replace(record, batch=record.batch or self.batch)
        if state.timeout_multiplier is not None:
            self.timeout_multiplier = state.timeout_multiplier
        if state.attributes is not None:
            for name, value in state.attributes.items():
                self.set_attribute(name, value)
        if state.variables is not None:
            self.variables = dict(state.variables)

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
        launcher = self.record.launcher
        if self.state.is_running() and launcher is not None and not launcher.may_live:
            self._end_orphan()
            self.save()

    def _end_orphan(self) -> None:
        """End what is left of a job whose launching process died."""
        names = {str(self.lockfile), str(absolute_path(self.lockfile))}  # by which its processes are known
        group = (self.record.pid, self.record.started_ticks)
        end_marked([group], lambda pid: inherited(pid, "CANARY_WF_JOB") in names)
        self.status = Status.of(Outcome.INTERRUPTED, "what ran it died")
        self.on_finished()
        self.change(launcher=None, pid=0, started_ticks=0, finished=None)  # nobody knows when


class ProcessLauncher:
    """Runs a job as a process that leads its own group, so that nothing of it outlives its end or its time limit."""

    def run(self, job: Job, *, arguments: Sequence[str] = (), output: str = OUTPUT_FILE) -> int:
        """Run `job` and return its exit code, as `canary_wf.job.Launcher` says."""
        environment = dict(os.environ)
        job.set_runtime_env(environment)
        folder = absolute_path(job.workspace.dir)
        process = standalone_process(job.spec, folder, environment, job.last_held, arguments=arguments, output=output)
        limit = job.total_timeout()
        try:
            with process:
                if job.record.launcher is not None:
                    job.change(pid=process.pid, started_ticks=start_ticks(process.pid))
                    job.save()
                in_time = process.wait(limit)
        finally:
            job.measurements.update(process.measured)
        return exit_code(job.spec, process, limit, in_time=in_time)


class _Runner(msgspec.Struct, frozen=True):
    """Of a state file, whether the job runs and by whom."""

    phase: JobPhase
    process: JobProcess | None = None


def _shown(folder: Path, out: Path | None) -> str:
    return str(folder) if out is None else relative_to_out(folder, out)
