"""The submit command of the profile `slurm-sbatch`: one `sbatch` for one job script written by Snakemake.

Snakemake writes the job's rule, threads and resources into the script as a comment (its documentation, "Job
properties"). The resources have the same names as for the executor of the profile `slurm`, so that one set of site
settings serves both. The command prints the id of the job and nothing else.
"""

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from canary_wf.errors import CanaryWfError, ExitCode, InputError, one_line
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain
from canary_wf.resources.slurm.jobs import ask_states, lives
from canary_wf.state.journal import read_journal
from canary_wf.state.session_paths import BatchPaths, SessionPaths
from canary_wf.state.submission import read_submissions
from canary_wf.submission.start import ignored_warning
from canary_wf.submission.submit import Label, SubmissionError, submit

LOGS = ".snakemake/slurm_logs"
"""The folder for the output of Slurm jobs, with a subfolder per rule; the profile `slurm` uses the same."""

_PROPERTIES = re.compile(r"^# properties = (\{.*\})$", re.MULTILINE)
_SESSION = re.compile(r"sessions/([^/]+)/")

_NAMED = {
    "slurm_account": "account",
    "slurm_partition": "partition",
    "qos": "qos",
    "constraint": "constraint",
    "reservation": "reservation",
}
"""Options of `sbatch` by the resource that sets them."""

_CLUSTERS = ("cluster", "clusters", "slurm_cluster")


def main(arguments: Sequence[str]) -> int:
    """Submit the job script in `arguments`, print its id, and return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("canary-wf: slurm-submit takes one job script, which Snakemake writes\n")
        return ExitCode.USAGE
    script = Path(arguments[0])
    try:
        properties = read_properties(script)
        command = sbatch_command(properties, script)
        job = live_job(properties)
        if job is None:
            Path(_log_folder(command)).mkdir(parents=True, exist_ok=True)
            warning = ignored_warning(os.environ)
            sys.stderr.write("" if warning is None else f"canary-wf: {warning}\n")
            job = submit(command, Label(_word(command, "--job-name="), _word(command, "--comment=")))
    except SubmissionError as error:
        sys.stderr.write(f"{error}\n")
        sys.stdout.write(f"{error}\n")  # the executor puts this into its own message
        return ExitCode.JOBS_FAILED
    except (CanaryWfError, OSError) as error:
        sys.stderr.write(f"canary-wf: cannot submit: {one_line(str(error))}\n")
        return ExitCode.JOBS_FAILED
    sys.stdout.write(f"{job}\n")
    return ExitCode.DONE


def read_properties(script: Path) -> dict[str, Any]:
    """Return the job properties in `script`. Raises InputError when there are none."""
    found = _PROPERTIES.search(read_plain(script, follow=True, most=LARGEST_INPUT).decode())
    try:
        properties = json.loads(found[1]) if found else None
    except json.JSONDecodeError:
        properties = None
    if not isinstance(properties, dict):
        raise InputError("is not a job script of Snakemake", where=script, hint="use the profile slurm-sbatch")
    return properties


def sbatch_command(properties: Mapping[str, Any], script: Path) -> list[str]:
    """Return the `sbatch` call for a job with `properties`. Raises InputError for invalid resources."""
    resources = properties.get("resources", {})
    rule = str(properties.get("rule", "job"))
    batch = properties.get("wildcards", {}).get("batch")
    name = rule if batch is None else f"batch_{batch}"
    session = next((found[1] for path in properties.get("output", ()) if (found := _SESSION.search(path))), "")
    nodes = resources.get("nodes", 1)
    if not isinstance(nodes, int) or nodes < 1:
        raise InputError(f"nodes: {nodes!r:.40} is not a whole number above zero", where=rule, hint="edit the profile")
    if any(resources.get(key) for key in _CLUSTERS):
        hint = "use the profile slurm, or submit on that cluster"
        raise InputError("slurm-sbatch asks after the jobs of one cluster only", where="resource clusters", hint=hint)
    cpus = resources.get("cpus_per_task") or properties.get("threads", 1)
    command = ["sbatch", "--parsable", f"--job-name={name}", f"--comment=canary-wf {session} {rule}"]
    command += [f"--output={LOGS}/{rule}/%j.log", "--export=ALL"]
    command += [f"--{option}={resources[key]}" for key, option in _NAMED.items() if resources.get(key)]
    command += [f"--nodes={nodes}", f"--ntasks={nodes}", f"--cpus-per-task={cpus}"]
    command += _sizes(resources, nodes, cpus)
    try:
        command += shlex.split(str(resources.get("slurm_extra", "")))
    except ValueError as error:
        raise InputError(f"cannot be split ({error})", where="slurm_extra", hint="edit the profile") from error
    return [*command, str(script)]


def _sizes(resources: Mapping[str, Any], nodes: int, cpus: int) -> list[str]:
    options = [f"--time={resources['runtime']}"] if resources.get("runtime") else []
    options += _memory(resources, cpus)
    if resources.get("gres"):
        options.append(f"--gres={resources['gres']}")
    if resources.get("gpu"):
        options.append(_gpus(resources["gpu"], str(resources.get("gpu_model") or ""), nodes))
    return options


def _memory(resources: Mapping[str, Any], cpus: int) -> list[str]:
    """Return the option for a node's memory: what the jobs need, or the memory of its CPUs if that is more."""
    whole, by_cpu = (_whole_number(resources, name) for name in ("mem_mb", "mem_mb_per_cpu"))
    if by_cpu and by_cpu * cpus >= whole:
        return [f"--mem-per-cpu={by_cpu}"]
    return [f"--mem={whole}"] if whole else []


def _whole_number(resources: Mapping[str, Any], name: str) -> int:
    value = resources.get(name) or 0
    if not isinstance(value, int):
        raise InputError(f"{value!r:.40} is not a whole number", where=name, hint="edit the profile")
    return value


def _gpus(count: Any, model: str, nodes: int) -> str:  # noqa: ANN401 - what a rule or profile says
    """Return the option for `count` GPUs in total; several nodes get equal shares, if the number is divisible."""
    prefix = f"{model}:" if model else ""
    if nodes > 1 and isinstance(count, int) and count % nodes == 0:
        return f"--gpus-per-node={prefix}{count // nodes}"
    return f"--gpus={prefix}{count}"


def _log_folder(command: Sequence[str]) -> str:
    return _word(command, "--output=").rpartition("/")[0]


def _word(command: Sequence[str], option: str) -> str:
    return next(word for word in command if word.startswith(option)).removeprefix(option)


def live_job(properties: Mapping[str, Any]) -> str | None:
    """Return the Slurm job that still carries the batch of a job script with `properties`, or None.

    Slurm is only asked if the batch was submitted before. A batch whose state cannot be read is submitted: its runner
    makes sure that no job runs twice at a time.
    """
    files = _batch_of(properties)
    known = [] if files is None else _known_jobs(files)
    states = ask_states(known)
    return next((job for job in known if lives(states.get(job, ""))), None)


def _batch_of(properties: Mapping[str, Any]) -> BatchPaths | None:
    """Return the files of the batch, which is known from the rule's plan and result."""
    plan = properties.get("params", {}).get("plan")
    outputs = properties.get("output", ())
    if not isinstance(plan, str) or len(outputs) != 1:
        return None
    try:
        return SessionPaths.of_plan(Path(plan)).batch(Path(outputs[0]).parent.name)
    except CanaryWfError:
        return None


def _known_jobs(files: BatchPaths) -> list[str]:
    """Return the Slurm jobs as which the batch was last submitted and last started, in this order."""
    submissions = read_submissions(files.submission)
    found = [submissions[-1].slurm_job_id] if submissions and submissions[-1].ended is None else []
    if files.journal.exists():
        attempt = read_journal(files.journal).attempt
        found.append(None if attempt is None else attempt.slurm_job_id)
    return list(dict.fromkeys(job for job in found if job))
