"""A plug-in for canary-wf: jobs from tables, and a report as a table."""

import csv
from pathlib import Path

from canary_wf.discovery.plugged import drafts_from_entries


class TableFinder:
    """A job a row: its name, its command, and the seconds it is expected to take."""

    def claims(self, name):
        return name.endswith(".jobs.csv")

    def drafts(self, files, options):
        for file in files:
            rows = csv.DictReader(Path(file.file).read_text().splitlines())
            entries = [{"name": row["name"], "command": row["command"], "cpus": int(row["cpus"])} for row in rows]
            yield drafts_from_entries(file, entries, options)


def table(state):
    """Return a line a job: name, outcome, seconds."""
    lines = ["name,outcome,seconds"]
    for job in state.plan.jobs:
        fields = state.fields(job)
        lines.append(f"{job.name},{fields['outcome']},{fields['duration'] or 0:.1f}")
    return "\n".join(lines) + "\n"
