"""Finds the files that jobs want copied or linked, and that are not there before any job runs."""

import glob
import os
from collections.abc import Iterator, Sequence

from canary_wf.spec.job_spec import JobSpec
from canary_wf.wording import count


def missing_sources(jobs: Sequence[JobSpec]) -> Iterator[str]:
    """Yield a warning for each file that `jobs` want copied or linked and that does not exist, with its test file.

    A job that waits for others may get the file from one of them, so that nothing is said of it, nor of masked jobs.
    """
    known: dict[str, bool] = {}
    found: dict[tuple[str, str, str], list[str]] = {}
    for job in jobs:
        if not job.assets or job.dependencies or job.mask is not None:
            continue
        for asset in job.assets:
            if asset.source not in known:
                known[asset.source] = os.path.lexists(asset.source) or bool(glob.glob(asset.source))  # noqa: PTH207
            if not known[asset.source]:
                found.setdefault((job.file, asset.action, asset.source), []).append(job.name)
    for (file, action, source), names in found.items():
        more = f" and {count(len(names) - 1, 'more job')}" if len(names) > 1 else ""
        yield f"{file}: {names[0]}{more}: there is no {os.path.relpath(source, os.path.dirname(file))} to {action}"  # noqa: PTH120
