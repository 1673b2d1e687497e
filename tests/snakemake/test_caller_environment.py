"""Jobs have the environment of the shell that runs Snakemake, not what Snakemake sets for its rules."""

import tempfile

import pytest
from factories import spec
from workspace import Workspace

from canary_wf.errors import WorkspaceError
from canary_wf.run.job.environment import base_environment, job_environment
from canary_wf.snakemake.caller_environment import CALLER, TEMPORARY, THREADS, callers_environment, note_caller


def _rule(shell: dict[str, str], monkeypatch: pytest.MonkeyPatch, **tmpdir: str) -> dict[str, str]:
    """Return what a rule's process finds when Snakemake is run in the environment `shell`, with 16 threads."""
    folder = shell.get("TMPDIR", "/tmp")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: folder)
    environment = dict(shell)
    note_caller(environment)
    return {**environment, **dict.fromkeys(THREADS, "16"), **dict.fromkeys(TEMPORARY, folder), **tmpdir}


@pytest.mark.parametrize(
    "shell",
    [
        {"A": "1"},
        {"OMP_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": ""},
        {"TMPDIR": "/scratch", "TMP": "/tmp", "MKL_NUM_THREADS": "3"},
        {"TEMP": "\udcff"},
    ],
)
def test_a_rule_gives_back_what_the_shell_had(shell: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set is as it was, also empty or not UTF-8, and what was not set is not; once more changes nothing."""
    found = callers_environment(_rule(shell, monkeypatch))
    assert found == shell
    assert callers_environment(found) == found
    stale = {f"{CALLER}_GOTO_NUM_THREADS": "5", **shell}
    assert "GOTO_NUM_THREADS" not in callers_environment(_rule(stale, monkeypatch))


def test_a_folder_that_somebody_chose_for_the_rule_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resource `tmpdir` of a rule or profile."""
    assert callers_environment(_rule({}, monkeypatch, TMPDIR="/fast"))["TMPDIR"] == "/fast"


def test_a_runner_started_by_hand_hands_on_what_it_has() -> None:
    """But for what configures Snakemake itself."""
    assert callers_environment({"OMP_NUM_THREADS": "7", "SNAKEMAKE_PROFILE": "local"}) == {"OMP_NUM_THREADS": "7"}


def test_threads_are_the_jobs_cpus_where_the_user_says_nothing() -> None:
    """What the job declares wins, then what the user's shell says."""
    found = job_environment(base_environment({}), spec("a", cpus=2), {}, "/a")
    assert {name: found[name] for name in THREADS if name in found} == {"OMP_NUM_THREADS": "2"}
    base = base_environment({"OMP_NUM_THREADS": "5", "MKL_NUM_THREADS": "6"})
    found = job_environment(base, spec("a", cpus=2, environment={"MKL_NUM_THREADS": "1"}), {}, "/a")
    assert (found["OMP_NUM_THREADS"], found["MKL_NUM_THREADS"]) == ("5", "1")
    assert job_environment({}, spec("a", cpus=0), {}, "/a")["OMP_NUM_THREADS"] == "1"


def test_jobs_of_a_workflow_see_the_shell_that_runs_snakemake(workspace: Workspace) -> None:
    """Through a real run."""
    workspace.write("a.jobs.yaml", "jobs:\n  - {name: a, command: env, cpus: 2}\n  - {name: b, command: env}\n")
    for name in (*THREADS, *TEMPORARY):
        workspace.environment.pop(name, None)
    workspace.environment |= {"OPENBLAS_NUM_THREADS": "3", "SNAKEMAKE_OUTPUT_CACHE": "/nowhere"}
    workspace.generate("-r", "cpus=3")
    assert workspace.snakemake().returncode == 0
    shown = dict(
        line.split("=", 1) for line in workspace.canary_wf("log", "a", "-d", workspace.out).stdout.splitlines()
    )
    assert {name: shown[name] for name in (*THREADS, *TEMPORARY) if name in shown} == {
        "OPENBLAS_NUM_THREADS": "3",
        "OMP_NUM_THREADS": "2",
    }
    assert not [name for name in shown if name.startswith(("SNAKEMAKE_", CALLER))]


def test_without_a_folder_for_temporary_files_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake would name all the folders that it tried, in a traceback."""

    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(WorkspaceError, match="TMPDIR: no folder for temporary files"):
        note_caller({})
