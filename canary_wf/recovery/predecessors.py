"""Beginning an attempt at a batch that was begun before: first it is put in order what the ones before left."""

from canary_wf.recovery.closing_verdicts import running_jobs
from canary_wf.recovery.reconcile import take_over
from canary_wf.recovery.slurm_end import end_previous, record_previous, states_of, suspect_of
from canary_wf.resources.slurm.slurm_ids import own_ids
from canary_wf.state.events import AttemptStarted
from canary_wf.state.recorder import Recorder
from canary_wf.state.session_paths import SessionPaths


def follow(recorder: Recorder, paths: SessionPaths, batch: str, event: AttemptStarted) -> None:
    """Record the beginning (`event`) of an attempt at `batch`, and what became of those before it.

    Raises WorkspaceError for a process of theirs that cannot be ended.
    """
    before = recorder.state
    died = before.is_open or bool(running_jobs(before))
    suspect = suspect_of(paths, batch, before, own_ids())
    states = states_of([suspect])
    end_previous(recorder, suspect, states)
    recorder(event)
    if died:
        take_over(recorder)
    record_previous(recorder, paths, suspect, states)
