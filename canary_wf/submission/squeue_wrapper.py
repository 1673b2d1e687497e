"""What our `squeue` does, which the executor of the profile `slurm` calls: Slurm's, and the ends of jobs that it lost.

That executor takes a job of which nothing is said for one that still runs, for ever. So the jobs that were submitted
under the name of its run are noted, and one that is in no answer for several rounds is over: how, the accounting says,
else Snakemake looks for its result itself.
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
from canary_wf.submission.search_path import slurms_program, without_ours

FOLDER = Path(".snakemake/canary-wf-submitted")
"""A file for each name; a line is the id of a job and the rounds in which Slurm did not know it."""

ROUNDS = 4

_LINE = re.compile(r"(\S+) (\d+)", re.ASCII)


def note_submitted(name: str, job: str) -> None:
    """Note that `job` was submitted under `name`; a name that is not one of the executor's is left out.

    The job is in Slurm's queue already, so a note that cannot be written is a warning on standard error.
    """
    if not _is_name(name):
        return
    try:
        with file_lock(_lock(name)):
            _append(FOLDER / name, f"{job} 0\n")
    except (CanaryWfError, OSError) as error:
        sys.stderr.write(f"canary-wf: if Slurm forgets job {job}, that will not be noticed: {error}\n")


def main(arguments: Sequence[str]) -> int:
    """Answer `arguments` as Slurm's `squeue` does, and add the ends of lost jobs; return the exit code."""
    program = slurms_program("squeue", os.environ)
    if program is None:
        sys.stderr.write("canary-wf: there is no squeue of Slurm's on the PATH\n")
        return ExitCode.JOBS_FAILED
    called = without_ours(os.environ)
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
            sys.stderr.write(f"canary-wf: jobs that Slurm has forgotten are not looked for: {error}\n")
    return done.returncode


def _lost(name: str, answer: str) -> list[tuple[str, str]]:
    """Return the jobs of the run `name` that Slurm has not known for `ROUNDS` rounds, and their ends.

    `answer` is what Slurm says now.
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
    """Return the lock of a note: jobs are submitted while others are asked about."""
    return FOLDER / f".{name}.lock"


def _is_name(name: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum() and name.isascii()
