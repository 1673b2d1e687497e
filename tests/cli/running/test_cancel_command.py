"""`canary-wf cancel`: what it says of what was running, and of what still is."""

import pytest
from command_line import CommandLine
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import WorkspaceError
from canary_wf.files.locks import file_lock
from canary_wf.state.session_paths import STATE_FOLDER


def test_a_session_that_does_not_run_is_cancelled(cli: CommandLine) -> None:
    """Who expected a run to be ended learns that there was none; the second time, nothing is left."""
    recorded(cli.out, plan_of([spec("a")]), {})
    done = cli("cancel", "-d", cli.out)
    assert (done.code, done.out) == (0, "Cancelled 1 job; nothing was running.\n")
    done = cli("cancel", "-d", cli.out)
    assert (done.code, done.out) == (0, "Nothing runs, and no job is left to cancel.\n")


@pytest.mark.parametrize(
    ("lock", "program"),
    [(f"{STATE_FOLDER}/run.lock", "canary-wf run"), (".snakemake/locks/0.input.lock", "snakemake")],
)
def test_the_program_that_still_runs_is_named_as_it_was_typed(cli: CommandLine, lock: str, program: str) -> None:
    """That is canary-wf run, or snakemake where somebody started that."""
    recorded(cli.out, plan_of([spec("a")]), {})
    path = cli.out / lock
    path.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(path, patience=0, busy=WorkspaceError("busy")):
        said = cli("cancel", "-d", cli.out).out
    assert said.startswith(f"Cancelled 1 job.\n{program} is still running but has nothing left to do")
