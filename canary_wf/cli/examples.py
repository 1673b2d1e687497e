"""The examples at the end of each command's `--help`: what a command line is for, and how one types it."""

from typing import NamedTuple


class Example(NamedTuple):
    """A command line, and what it is for."""

    purpose: str
    command: str


PROGRAM = "canary-wf"
"""The key of the program's own examples."""

EXAMPLES = {
    name: tuple(Example(*pair) for pair in pairs)
    for name, pairs in {
        PROGRAM: (
            (
                "find the jobs below tests/, and run them on this machine",
                "canary-wf run tests -b scheduler=local",
            ),
            ("what failed, and why", "canary-wf status"),
            ("run what failed once more", "canary-wf run --failed"),
        ),
        "run": (
            (
                "all jobs below tests/ on this machine; on a cluster without the -b",
                "canary-wf run tests -b scheduler=local",
            ),
            ("go on with a run that was cut short", "canary-wf run"),
            ("what failed last, once more", "canary-wf run --failed"),
            ("jobs by their names", "canary-wf run mesh 'solve.*'"),
        ),
        "generate": (
            (
                "plan all jobs below tests/ for this machine, and run them",
                "canary-wf generate tests -b scheduler=local && snakemake --profile local",
            ),
            ("only the quick ones, in at most 8 batches", "canary-wf generate tests -k fast -b spec=count:8"),
            ("batches of an hour for nodes with 32 CPUs", "canary-wf generate tests -r cpus=32 -b spec=duration:1h"),
            ("after a change: keep the verdicts of jobs that are as before", "canary-wf generate tests --update"),
        ),
        "plan": (
            ("which batches there would be, and what they cost", "canary-wf plan tests"),
            ("how long it takes on 4 nodes with 32 CPUs", "canary-wf plan tests -r cpus=32 --cluster-nodes 4"),
            ("why a job is in its batch", "canary-wf plan tests --explain solve.cells=8"),
            ("the plan as a page", "canary-wf plan tests --html plan.html"),
        ),
        "find": (
            ("all jobs below tests/", "canary-wf find tests"),
            ("quick jobs that are not about meshes", "canary-wf find tests -k 'fast and not mesh'"),
            ("by a parameter, with the reason why others are left out", "canary-wf find tests -p 'cells > 8' -v"),
        ),
        "describe": (
            ("the jobs of one file", "canary-wf describe tests/heat.jobs.yaml"),
            ("with their commands, files and limits", "canary-wf describe -v tests/heat.jobs.yaml"),
        ),
        "status": (
            ("what failed, and why", "canary-wf status"),
            ("all jobs, one a line", "canary-wf status -r all"),
            ("with the last lines of what they printed", "canary-wf status -v"),
            ("jobs that ran into their time limit, and flaky ones", "canary-wf status -r timeout,flaky"),
            ("the ten slowest jobs", "canary-wf status --durations"),
            ("follow a run until it is over", "canary-wf status --watch"),
        ),
        "show": (
            ("what a job was, where it ran, and what it used", "canary-wf show solve.cells=8"),
            ("all of it for a script: max_rss is its peak memory", "canary-wf show solve.cells=8 --json"),
        ),
        "log": (
            ("what a job printed", "canary-wf log solve.cells=8"),
            ("follow a job that runs", "canary-wf log -f mesh"),
            ("the last 50 lines of its first run, before it was retried", "canary-wf log mesh --attempt 1 -n 50"),
            ("what it printed in the session before the newest", "canary-wf log mesh --session -1"),
        ),
        "location": (("go to where a job ran", 'cd "$(canary-wf location solve.cells=8)"'),),
        "cancel": (("end the run here, and in Slurm's queue", "canary-wf cancel"),),
        "rerun": (
            ("run what failed once more", "canary-wf rerun --failed && snakemake --profile local"),
            ("only what ran into a time limit or out of memory", "canary-wf rerun --only timeout,oom"),
            ("jobs by their names", "canary-wf rerun mesh 'solve.*'"),
        ),
        "rebaseline": (
            ("accept the results of all jobs that found differences", "canary-wf rebaseline"),
            ("accept those of one job", "canary-wf rebaseline solve.cells=8"),
        ),
        "diff": (
            ("what has changed since the session before", "canary-wf diff"),
            ("the same for a program", "canary-wf diff --json"),
        ),
        "report": (
            ("a page with all jobs", "canary-wf report html -o report.html"),
            ("for a CI service; end with 1 if jobs failed", "canary-wf report junit -o junit.xml --exit-code"),
            ("the summary and the failures for a message", "canary-wf report markdown"),
        ),
        "sessions": (
            ("when what was run, and what came of it", "canary-wf sessions"),
            ("only the newest five", "canary-wf sessions -n 5"),
        ),
        "history": (
            ("what the jobs took so far", "canary-wf history"),
            ("which of them now pass and now fail", "canary-wf history --flaky"),
            ("the five slowest ones", "canary-wf history --slowest 5"),
            ("take the run times along to another workspace", "canary-wf history export times.json"),
            ("forget what a job took, after it has changed", "canary-wf history forget solve.cells=8"),
        ),
        "gc": (
            ("see what would go", "canary-wf gc --keep 3 --dry-run"),
            ("remove sessions that are older than 30 days", "canary-wf gc --older-than 30d"),
        ),
        "pool": (
            ("what this machine has", "canary-wf pool"),
            ("write it into a file, to edit it", "canary-wf pool > pool.yaml"),
        ),
        "config": (
            ("each value, and where it comes from", "canary-wf config"),
            ("also the keys that have no value", "canary-wf config --all"),
        ),
        "init": (("write canary-wf.yaml with all keys as comments", "canary-wf init"),),
    }.items()
}
"""By command. Each runs in a folder that has `tests/heat.jobs.yaml` with the jobs mesh and solve."""
