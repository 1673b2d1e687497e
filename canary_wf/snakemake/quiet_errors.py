"""Error lines for a Snakemake run with ``--quiet all``, which otherwise ends without any message.

The workflow installs this when it is read, so that a read-only folder, a full disk, or a batch ended by the machine is
reported in one line. The gate reports failed jobs itself.
"""

import logging
import os
import sys
from typing import Any

from canary_wf.errors import one_line
from canary_wf.files.plain_files import open_plain

REFUSED = "canary-wf runs no batch that was planned for other machines"
"""The error with which Snakemake ends after the reason was shown, so that it is not shown twice."""

_NAME = "canary-wf errors"
_LONGEST = 1000
_SUMMED_UP = ("At least one job did not complete successfully", "Exiting because a job execution failed")
"""Snakemake's closing messages, which follow the messages about each failed job."""

_OF_A_RULE = "RuleException"
"""The beginning of Snakemake's message about a failed command, before it says which rule that was."""

_SNAKEMAKES_TRACEBACK = "Traceback:"
"""The line after an error in a Snakefile, before the places in files; in a Python traceback the error comes last."""


class _Errors(logging.Handler):
    """Writes a line to standard error for each error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.name = _NAME
        self._has_reported = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line for `record`."""
        line = _job(record) if str(getattr(record, "event", "")) == "job_error" else _message(record)
        if line is not None and not (self._has_reported and any(words in line for words in _SUMMED_UP)):
            sys.stderr.write(f"canary-wf: Snakemake: {line}\n")
        self._has_reported = True


def report_errors(workflow: Any) -> None:  # noqa: ANN401 - Snakemake's workflow, which has no public type
    """Report the errors of a quiet Snakemake in one line each; installs the handler once per process."""
    from snakemake.logging import logger  # type: ignore[import-untyped]  # without types
    from snakemake.settings.enums import Quietness  # type: ignore[import-untyped]  # as above

    settings = workflow.output_settings
    if Quietness.ALL in (settings.quiet or ()) and all(handler.name != _NAME for handler in logger.handlers):
        logger.addHandler(_Errors())


def _job(record: logging.LogRecord) -> str | None:
    """Return the line for a failed rule: the end of its log, and the log's path."""
    rule = str(getattr(record, "rule_name", None) or "")
    if rule == "gate":
        return None
    logs = [str(path) for path in getattr(record, "log", None) or ()]
    parts = [f"rule {rule} failed", *filter(None, map(end_of_log, logs))]
    return one_line(": ".join(parts)[:_LONGEST] + (f"; see {', '.join(logs)}" if logs else ""))


def end_of_log(log: str) -> str:
    """Return the last line of a log, or nothing when it cannot be read."""
    try:
        with open_plain(log) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4 * _LONGEST))
            lines = file.read(4 * _LONGEST).decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _message(record: logging.LogRecord) -> str | None:
    """Return an error in one line: the last line of a traceback, or else all lines; None if it was shown already."""
    lines = [line.strip() for line in record.getMessage().splitlines() if line.strip()]
    if not lines or lines[0].startswith(_OF_A_RULE) or REFUSED in lines:
        return None
    if _SNAKEMAKES_TRACEBACK in lines:
        lines = lines[: lines.index(_SNAKEMAKES_TRACEBACK)]
    elif any(line.startswith("Traceback") for line in lines):
        lines = lines[-1:]
    return one_line(" ".join(lines))[:_LONGEST]
