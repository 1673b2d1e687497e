"""The recorder of a batch's state, set up from the batch's slice of the plan."""

from canary_wf.hooks.recorder import Recorder, upstream_entries
from canary_wf.job.journal import read_journal
from canary_wf.plan.model import BatchSlice
from canary_wf.session_paths import SessionPaths


def open_recorder(part: BatchSlice, paths: SessionPaths) -> Recorder:
    """Return the recorder of the batch of `part`, which goes on where the batch's journal ends."""
    names = {job.id: job.name for job in part.jobs} | {job.id: job.name for job in part.upstreams}
    directories = {job.id: job.directory for job in part.jobs}
    directories |= {job.id: job.directory for job in part.upstreams}
    upstreams = {
        job.id: upstream_entries(
            [(edge.job, names[edge.job], edge.when, directories[edge.job]) for edge in job.dependencies], paths
        )
        for job in part.jobs
    }
    specs = {job.id: job for job in part.jobs}
    return Recorder(paths, part.batch.id, specs, upstreams, read_journal(paths.batch(part.batch.id).journal))
