"""A job on disk: its working directory, the files placed there, and the files it leaves there."""

from collections.abc import MutableMapping
from pathlib import Path

from canary_wf.api.job.execution_space import ExecutionSpace, workspace_of
from canary_wf.api.job.parts import locked
from canary_wf.api.job.record_view import RecordView
from canary_wf.errors import InputError
from canary_wf.run.job.artifacts import is_wanted, matches
from canary_wf.run.job.judgement import judge
from canary_wf.run.job.standalone import standalone_environment
from canary_wf.run.job.workdir import clear_workdir, prepare_workdir, remove_assets
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.job_file import OUTPUT_FILE, STATE_FILE, compress_text, read_text
from canary_wf.verdict.status import Outcome, Status


class FolderView(RecordView):
    """The part of a job that concerns its working directory, `workspace`."""

    def __init__(self, spec: JobSpec, workspace: ExecutionSpace) -> None:
        super().__init__(spec)
        self.workspace = workspace

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
        """Return the paths of the existing files that the job declared as artifacts for its verdict."""
        return _artifacts_of(self.spec, self.workspace.dir, self.status)

    def create_workspace(self) -> None:
        """Make an empty working directory; of an earlier run only the state file stays. Raises WorkspaceError."""
        self.workspace.create()
        clear_workdir(self.workspace.dir)

    def restore_workspace(self) -> None:
        """Bring the working directory back to what it was before the job ran. Raises as `setup` does."""
        self.create_workspace()
        prepare_workdir(self.spec, self.workspace.dir, self._out)

    def setup(self) -> None:
        """Make the working directory with the job's files in it, and write the state file.

        Raises MissingSourceError for a file that is not there, CanaryWfError for one that would lie outside.
        """
        self.restore_workspace()
        self.save()

    def teardown(self) -> None:
        """Take the files that `setup` brought out of the working directory; files that the job made or changed stay."""
        remove_assets(self.spec, self.workspace.dir, self._out)

    @property
    def _out(self) -> Path:
        return workspace_of(self.workspace.dir) or self.workspace.root

    def set_runtime_env(self, env: MutableMapping[str, str]) -> None:
        """Turn `env`, the environment of the calling program, into the environment of the job."""
        wanted = standalone_environment(env, self.spec, self.last_held, self.workspace.dir, self.variables)
        for name in set(env) - set(wanted):
            del env[name]
        env.update(wanted)

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


def _artifacts_of(spec: JobSpec, folder: Path, status: Status) -> list[str]:
    """Return the absolute paths in `folder` of the artifacts of `spec` for the verdict `status`, sorted, each once."""
    found: set[str] = set()
    for artifact in spec.artifacts:
        if is_wanted(artifact, status):
            found.update(str(path) for path in matches(artifact.file, folder))
    return sorted(found)
