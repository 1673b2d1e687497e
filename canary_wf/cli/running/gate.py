"""The command of the rule `gate`: the verdict on the whole session, as an exit code."""

import io
import sys
from pathlib import Path

import click

from canary_wf.errors import ExitCode
from canary_wf.files.json_files import write_atomic, write_json
from canary_wf.report.closing import print_closing
from canary_wf.report.colour import choose_colour
from canary_wf.report.failures import damage, print_failures
from canary_wf.report.session import SessionState, load_session
from canary_wf.snakemake.input_times import set_back
from canary_wf.spec.batch_slice import PlannedJob
from canary_wf.state.result_copies import note_copy
from canary_wf.state.session_paths import SessionPaths, absolute_path
from canary_wf.state.trust import require_trusted
from canary_wf.wording import count


@click.command("gate", hidden=True)
@click.option("--plan", type=click.Path(path_type=Path), required=True)
@click.option("--result", type=click.Path(path_type=Path), required=True)
@click.option("--log", type=click.Path(path_type=Path), help="File for the text of the verdict.")
def command(*, plan: Path, result: Path, log: Path | None) -> int:
    """Exit with 1 if jobs of the session failed or were not run, unless it was planned with fail_on=never."""
    paths = SessionPaths.of_plan(plan)
    require_trusted(paths.out, [paths.session])
    state = load_session(paths)
    bad = [*state.failed, *state.not_done]
    choose_colour("never")  # the same text goes into a file
    text = _verdict(state, bad)
    if log is not None:
        write_atomic(log, text.encode())
    sys.stderr.write(text)
    if bad and state.plan.fail_on == "any":
        return ExitCode.JOBS_FAILED
    note_copy(paths.copies, paths.gate, result)
    write_json(result, {"session": state.plan.session, "counts": state.counts()})
    set_back((folder / "report" / "report.json" for folder in (paths.folder, absolute_path(result).parent)), result)
    return ExitCode.DONE


def _verdict(state: SessionState, bad: list[PlannedJob]) -> str:
    """Return the failures, and the closing lines of the session."""
    text = io.StringIO()
    if bad:
        text.write(f"canary-wf: {len(bad)} of {count(len(state.plan.jobs), 'job')} did not pass:\n")
        print_failures(state, text, jobs=bad)
    text.writelines(f"{line}\n" for line in damage(state))
    print_closing(state, text, over=True)
    return text.getvalue()
