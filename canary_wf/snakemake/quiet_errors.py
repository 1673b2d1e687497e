"""Errors of a Snakemake that is quiet about everything: with ``--quiet all`` it ends without a word.

The workflow calls this when it is read, so that a folder that is read-only, a disk that is full, or a batch that the
machine ended is reported in one line. What the gate says of jobs that failed, it says itself.
"""

import logging
import os
import sys
from typing import Any

from canary_wf.errors import one_line
from canary_wf.files.plain_files import open_plain

REFUSED = "canary-wf runs no batch that was planned for other machines"
"""The error by which Snakemake ends once the reason was shown, so that it need not be shown again."""

_NAME = "canary-wf errors"
_LONGEST = 1000
_SUMMED_UP = ("At least one job did not complete successfully", "Exiting because a job execution failed")
"""What Snakemake says at the end, after each job that failed."""

_OF_A_RULE = "RuleException"
"""How what Snakemake says of a command that failed begins, before it says which rule that was."""

_SNAKEMAKES_TRACEBACK = "Traceback:"
"""What stands behind an error in a Snakefile, before the places in files; Python's traceback has the error last."""


class _Errors(logging.Handler):
    """Writes a line to standard error for each error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.name = _NAME
        self._told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line for `record`."""
        told = _job(record) if str(getattr(record, "event", "")) == "job_error" else _message(record)
        if told is not None and not (self._told and any(words in told for words in _SUMMED_UP)):
            sys.stderr.write(f"canary-wf: Snakemake: {told}\n")
        self._told = True


def tell_errors(workflow: Any) -> None:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Tell the errors of this Snakemake in one line each when it is quiet about everything, once for each process."""
    from snakemake.logging import logger  # type: ignore[import-untyped]  # it has no types
    from snakemake.settings.enums import Quietness  # type: ignore[import-untyped]  # as above

    settings = workflow.output_settings
    if Quietness.ALL in (settings.quiet or ()) and all(handler.name != _NAME for handler in logger.handlers):
        logger.addHandler(_Errors())


def _job(record: logging.LogRecord) -> str | None:
    """Return what to say of a rule that failed: the end of its log, and where that is."""
    rule = str(getattr(record, "rule_name", None) or "")
    if rule == "gate":
        return None
    logs = [str(path) for path in getattr(record, "log", None) or ()]
    told = [f"rule {rule} failed", *filter(None, map(_end_of, logs))]
    return one_line(": ".join(told)[:_LONGEST] + (f"; see {', '.join(logs)}" if logs else ""))


def _end_of(log: str) -> str:
    """Return the last line of a log, nothing where it cannot be read."""
    try:
        with open_plain(log) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4 * _LONGEST))
            lines = file.read(4 * _LONGEST).decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _message(record: logging.LogRecord) -> str | None:
    """Return an error in one line: the last one of a traceback, else all of its lines; None for one that was shown."""
    lines = [line.strip() for line in record.getMessage().splitlines() if line.strip()]
    if not lines or lines[0].startswith(_OF_A_RULE) or REFUSED in lines:
        return None
    if _SNAKEMAKES_TRACEBACK in lines:
        lines = lines[: lines.index(_SNAKEMAKES_TRACEBACK)]
    elif any(line.startswith("Traceback") for line in lines):
        lines = lines[-1:]
    return one_line(" ".join(lines))[:_LONGEST]
