"""The command of the rule `report`: reconciles dead runs and writes the reports. It succeeds whatever the verdicts."""

from pathlib import Path

import click

from canary_wf.files.json_files import not_writable, write_atomic
from canary_wf.recovery.reconcile import reconcile_batches
from canary_wf.report.formats.registry import FORMATS
from canary_wf.report.session import load_session
from canary_wf.report.table import summary
from canary_wf.snakemake.event_handlers import keep_runtimes, warn_about
from canary_wf.snakemake.input_times import results_in, set_back
from canary_wf.state.result_copies import note_copy
from canary_wf.state.session_paths import SessionPaths, absolute_path
from canary_wf.state.trust import require_trusted

_PATH = click.Path(path_type=Path)


@click.command("write-reports", hidden=True)
@click.option("--plan", type=_PATH, required=True)
@click.option("--json", type=_PATH, required=True)
@click.option("--junit", type=_PATH, required=True)
@click.option("--markdown", type=_PATH, required=True)
@click.option("--html", type=_PATH)
@click.option("--summary", type=_PATH)
@click.option("--log", type=_PATH, help="File that lists what was written.")
def command(*, plan: Path, log: Path | None, **targets: Path | None) -> None:
    """Write the session's reports."""
    paths = SessionPaths.of_plan(plan)
    require_trusted(paths.out, [paths.session])
    state = load_session(paths)
    warn_about(reconcile_batches(paths, [batch.id for batch in state.plan.batches]))
    state = load_session(paths)
    keep_runtimes(paths, [batch.id for batch in state.plan.batches])
    chosen = {name: target for name, target in targets.items() if target is not None}
    note_copy(paths.copies, paths.report / "report.json", chosen["json"])
    # The page first, as others link to it, and JSON last: the gate waits for it.
    ordered = sorted(chosen.items(), key=lambda item: (item[0] == "json", item[0] != "html"))
    for name, target in ordered:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(target, error) from error
        write_atomic(target, FORMATS[name](state).encode())
    sessions = (paths.folder, absolute_path(chosen["json"]).parents[1])
    set_back(results_in(sessions, (batch.id for batch in state.plan.batches)), ordered[0][1])
    if log is not None:
        write_atomic(log, f"{summary(state)}\n".encode())
