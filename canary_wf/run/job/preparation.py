"""The command of a job, wrapped in what its test file asks for: environment modules, rc files, setup and teardown.

The wrapper is the script `lifecycle.py` of the runtime, in the job's own process. If a step fails, the script writes
the reason to a file and the job is BROKEN.
"""

from collections.abc import Sequence
from pathlib import Path

from canary_wf.files.json_files import encode
from canary_wf.files.plain_files import open_plain
from canary_wf.run.job.environment import RUNTIME_FOLDER
from canary_wf.spec.job_spec import JobSpec

SCRIPT = f"{RUNTIME_FOLDER}/canary/lifecycle.py"
REPORT = ".canary-broken.txt"
"""The file with the reason, in the working directory."""

_MOST_READ = 2000


def prepared(spec: JobSpec, command: Sequence[str], python: str) -> list[str]:
    """Return `command` (the first word is a path), wrapped in the script if `spec` has a preparation."""
    if spec.preparation is None:
        return list(command)
    settings = {name: getattr(spec.preparation, name) for name in spec.preparation.__struct_fields__}
    content = encode({**settings, "report": REPORT, "xstatus": spec.xstatus}).decode()
    return [python, "-P", SCRIPT, content, *command]


def why_broken(folder: Path) -> str | None:
    """Return why the preparation of the job in `folder` failed, or None when it did not."""
    try:
        with open_plain(folder / REPORT) as file:
            return file.read(_MOST_READ).decode(errors="replace") or None
    except OSError:
        return None
