"""A job's command with what its test file wants around it: environment modules, rc files, setup and teardown.

All of that happens in the job's own process, by the script `lifecycle.py` of the runtime; where it fails, the script
leaves the reason in a file, and the job is BROKEN.
"""

from collections.abc import Sequence
from pathlib import Path

from canary_wf.files.json_files import encode
from canary_wf.files.plain_files import open_plain
from canary_wf.run.job.environment import RUNTIME_FOLDER
from canary_wf.spec.job_spec import JobSpec

SCRIPT = f"{RUNTIME_FOLDER}/canary/lifecycle.py"
REPORT = ".canary-broken.txt"
"""Where the reason is left, in the working directory."""

_MOST_READ = 2000


def prepared(spec: JobSpec, command: Sequence[str], python: str) -> list[str]:
    """Return `command` (the first word a path) as it is to be started under what `spec` wants around it."""
    if spec.preparation is None:
        return list(command)
    wanted = {name: getattr(spec.preparation, name) for name in spec.preparation.__struct_fields__}
    content = encode({**wanted, "report": REPORT, "xstatus": spec.xstatus}).decode()
    return [python, "-P", SCRIPT, content, *command]


def why_broken(folder: Path) -> str | None:
    """Return why the preparation of the job that ran in `folder` failed, or None when it did not."""
    try:
        with open_plain(folder / REPORT) as file:
            return file.read(_MOST_READ).decode(errors="replace") or None
    except OSError:
        return None
