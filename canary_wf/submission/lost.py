"""What our `squeue` does, which the executor of the profile `slurm` calls: Slurm's, and the ends of jobs that it lost.

That executor takes a job of which nothing is said for one that still runs, for ever. So the jobs that were submitted
under the name of its run are noted, and one that is in no answer for several rounds is over: how, the accounting says,
else Snakemake looks for its result itself.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from canary_wf.errors import ExitCode
from canary_wf.resources.slurm_jobs import ask_states, ended
from canary_wf.submission.search_path import slurms_program, without_ours

FOLDER = Path(".snakemake/canary-wf-submitted")
"""A file for each name; a line is the id of a job and the rounds in which Slurm did not know it."""

ROUNDS = 4


def note_submitted(name: str, job: str) -> None:
    """Note that `job` was submitted under `name`; a name that is none of the executor's is left out."""
    if not _is_name(name):
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / name).open("a", encoding="ascii") as file:
        file.write(f"{job} 0\n")


def main(arguments: Sequence[str]) -> int:
    """Answer as Slurm's `squeue` does to `arguments`, and tell the ends of lost jobs; return the exit code."""
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
        sys.stdout.writelines(f"{job}|{state}\n" for job, state in _lost(FOLDER / name[0], text))
    return done.returncode


def _lost(note: Path, answer: str) -> list[tuple[str, str]]:
    """Return the jobs of `note` that Slurm has not known for `ROUNDS` rounds, and their ends; `answer` is new."""
    if not note.is_file():
        return []
    known = {line.partition("|")[0].partition("_")[0].strip() for line in answer.splitlines()}
    pairs = (line.split() for line in note.read_text(encoding="ascii").splitlines())
    rounds = {job: 0 if job in known else int(count) + 1 for job, count in pairs}
    beside = note.with_name(f".{note.name}.new")
    beside.write_text("".join(f"{job} {count}\n" for job, count in rounds.items()), encoding="ascii")
    beside.replace(note)
    over = [job for job, count in rounds.items() if count >= ROUNDS]
    states = ask_states(over)
    return [(job, states[job] if ended(states.get(job, "")) else "COMPLETED") for job in over]


def _is_name(name: str) -> bool:
    return name.replace("-", "").replace("_", "").isalnum() and name.isascii()
