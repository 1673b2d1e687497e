"""canary-wf's logger plugin for Snakemake, ``--logger canary``: records submissions, and shows progress by jobs.

Snakemake imports it with every command, so heavy imports are late. Without it a run is the same, except that the times
of submission are missing. On a terminal it replaces Snakemake's own output: errors and messages pass through, rules do
not, and a line at the bottom shows how many jobs passed, failed, run and are left. Elsewhere Snakemake's output stays
as it is. In both cases it shows what a batch waits for.
"""

import logging
import sys
from typing import TYPE_CHECKING

from snakemake_interface_logger_plugins.base import LogHandlerBase

from canary_wf.errors import CanaryWfError, one_line

if TYPE_CHECKING:
    from canary_wf.snakemake.waiting_notices import WaitingNotices
    from snakemake_logger_plugin_canary.session_line import SessionLine
    from snakemake_logger_plugin_canary.submissions import SubmissionNotes

_HIDDEN = frozenset({"job_info", "job_started", "job_finished", "shellcmd", "progress", "run_info", "resources_info"})
"""Events about rules, which are hidden on a terminal because the live line shows jobs."""


class LogHandler(LogHandlerBase):
    """Receives every record of one Snakemake; called by one thread at a time."""

    def __post_init__(self) -> None:
        self._on_terminal = not self.common_settings.dryrun and sys.stderr.isatty()
        self._notes: SubmissionNotes | None = None
        self._line: SessionLine | None = None
        self._waiting: WaitingNotices | None = None
        self._reported: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Record and show `record`; an error in here must not end a workflow."""
        try:
            if not self.common_settings.dryrun:
                self._note(record)
            if self._on_terminal:
                self._show(record)
        except (CanaryWfError, OSError) as error:
            self._warn(error)
        except Exception:  # noqa: BLE001 - a logging handler must never fail its caller; `handleError` reports it
            self.handleError(record)

    def _warn(self, error: CanaryWfError | OSError) -> None:
        """Warn in one line, once, that a file of the session is not as it should be; the workflow continues."""
        message = one_line(str(error))
        if message not in self._reported:
            self._reported.add(message)
            self._print(f"canary-wf: warning: submissions are not recorded in full: {message}")

    def _note(self, record: logging.LogRecord) -> None:
        if self._notes is None:
            from snakemake_logger_plugin_canary.submissions import SubmissionNotes

            self._notes = SubmissionNotes()
        self._notes.hear(record)
        if self._waiting is None and self._notes.session is not None:
            from canary_wf.snakemake.waiting_notices import WaitingNotices

            self._waiting = WaitingNotices(self._notes.running_here, self._print)
            self._waiting.start()

    def _print(self, text: str) -> None:
        """Write one of our own lines among Snakemake's."""
        if self._line is not None:
            self._line.write(text)
        else:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def _show(self, record: logging.LogRecord) -> None:
        if self._line is None:
            from snakemake_logger_plugin_canary.session_line import SessionLine

            self._line = SessionLine(sys.stderr)
        if self._notes is not None and self._notes.session is not None:
            self._line.follow(self._notes.session)
        if record.levelno >= logging.INFO and str(getattr(record, "event", "")) not in _HIDDEN:
            self._line.write(self.format(record))

    def close(self) -> None:
        """Complete the records, and leave the last state of the line on the screen; Snakemake is about to end."""
        if self._notes is not None:
            # Snakemake handles a first Ctrl-C itself; a second one ends it with this exception.
            twice = isinstance(sys.exc_info()[1], KeyboardInterrupt)
            try:
                self._notes.close(stopped_twice=twice)
            except (CanaryWfError, OSError) as error:
                self._warn(error)
        if self._waiting is not None:
            self._waiting.close()
        if self._line is not None:
            self._line.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """Whether Snakemake leaves the terminal to this plugin."""
        return self._on_terminal

    @property
    def writes_to_file(self) -> bool:
        """Whether this is a log file for Snakemake to name at the end."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether this plugin filters records itself: it needs them even with --quiet."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Whether this plugin formats messages itself, instead of Snakemake."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """Whether the graph of rules is needed."""
        return False
