"""The `squeue` that the executor of the profile `slurm` calls: Slurm's, plus the ends of jobs that Slurm has lost.

The executor assumes for ever that an unreported job still runs. So jobs submitted under the name of its run are noted,
and one that is missing from several answers in a row has ended. The accounting tells how; otherwise Snakemake itself
looks for the result.
"""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from canary_wf.errors import CanaryWfError, ExitCode
from canary_wf.files.json_files import write_all, write_atomic
from canary_wf.files.locks import file_lock
from canary_wf.files.plain_files import open_own, read_plain
from canary_wf.resources.slurm.jobs import ask_states, ended
from canary_wf.submission.search_path import slurm_program, without_wrappers

FOLDER = Path(".snakemake/canary-wf-submitted")
"""One file per name; a line has the id of a job and the number of answers in which it was missing."""

ROUNDS = 4

_LINE = re.compile(r"(\S+) (\d+)", re.ASCII)


def note_submitted(name: str, job: str) -> None:
    """Note that `job` was submitted under `name`; names that the executor does not use are ignored.

    The job is queued already, so a note that cannot be written is only a warning on standard error.
    """
    if not _is_name(name):
        return
    try:
        with file_lock(_lock(name)):
            _append(FOLDER / name, f"{job} 0\n")
    except (CanaryWfError, OSError) as error:
        sys.stderr.write(f"canary-wf: warning: if Slurm loses job {job}, nobody will notice: {error}\n")


def main(arguments: Sequence[str]) -> int:
    """Answer `arguments` like Slurm's `squeue`, and add the ends of lost jobs; return the exit code."""
    program = slurm_program("squeue", os.environ)
    if program is None:
        sys.stderr.write("canary-wf: Slurm's squeue is not on the PATH\n")
        return ExitCode.JOBS_FAILED
    called = without_wrappers(os.environ)
    done = subprocess.run(
        [program, *arguments], stdout=subprocess.PIPE, check=False, env=called, stdin=subprocess.DEVNULL
    )
    text = done.stdout.decode("utf-8", "replace")
    sys.stdout.write(text)
    name = arguments[list(arguments).index("--name") + 1 :][:1]
    if done.returncode == 0 and "--format=%i|%T" in arguments and name and _is_name(name[0]):
        try:
            sys.stdout.writelines(f"{job}|{state}\n" for job, state in _lost(name[0], text))
        except (CanaryWfError, OSError) as error:
            sys.stderr.write(f"canary-wf: warning: cannot look for jobs that Slurm has lost: {error}\n")
    return done.returncode


def _lost(name: str, answer: str) -> list[tuple[str, str]]:
    """Return the jobs of the run `name` that were missing from `ROUNDS` answers in a row, and their ends.

    `answer` is Slurm's current one.
    """
    note = FOLDER / name
    if not note.is_file():
        return []
    known = {line.partition("|")[0].partition("_")[0].strip() for line in answer.splitlines()}
    with file_lock(_lock(name)):
        lines = map(_LINE.fullmatch, read_plain(note).decode("ascii", "replace").splitlines())
        rounds = {line[1]: 0 if line[1] in known else int(line[2]) + 1 for line in lines if line is not None}
        write_atomic(note, "".join(f"{job} {count}\n" for job, count in rounds.items()).encode())
    over = [job for job, count in rounds.items() if count >= ROUNDS]
    states = ask_states(over)
    return [(job, states[job] if ended(states.get(job, "")) else "COMPLETED") for job in over]


def _append(note: Path, line: str) -> None:
    descriptor = open_own(note, os.O_WRONLY | os.O_APPEND)
    try:
        write_all(descriptor, line.encode("ascii"))
    finally:
        os.close(descriptor)


def _lock(name: str) -> Path:
    """Return the lock of a note: jobs are submitted while others are queried."""
    return FOLDER / f".{name}.lock"


def _is_name(name: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum() and name.isascii()
