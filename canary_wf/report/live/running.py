"""The jobs that run now and what the rest of a session waits for, printed once: `status -r running`."""

from collections.abc import Container
from typing import TextIO

from canary_wf.report.colour import is_coloured
from canary_wf.report.columns import terminal_width
from canary_wf.report.live.snapshot import Snapshots
from canary_wf.report.live.views.lines import harmless, painted
from canary_wf.report.live.views.running_table import running_table
from canary_wf.state.session_paths import SessionPaths


def print_running(paths: SessionPaths, only: Container[str], file: TextIO) -> None:
    """Print the jobs that run, of those with the ids `only`, and a line for each thing that batches wait for.

    Raises OSError and WorkspaceError for files that cannot be read.
    """
    snapshot = Snapshots(paths, patient=True).take()
    jobs = [running for running in snapshot.running if running.job.id in only]
    table = running_table(jobs, terminal_width(file), file.encoding) if jobs else ()
    coloured = is_coloured(file)
    file.writelines(painted(line, coloured=coloured) + "\n" for line in table)
    file.writelines(f"{harmless(str(wait), file.encoding)}\n" for wait in snapshot.waits)
