"""Where every command starts: `run-batch` and `slurm-submit` start lightly, the others through the command line."""

import io
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        _main()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)  # before a command took over, or after it was through


def _main() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Names of jobs may have letters that this terminal cannot show; they are told escaped then.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.argv[1:2] == ["run-batch"]:
        from canary_wf.execution.runner import main as run_batch

        sys.exit(run_batch(sys.argv[2:]))
    if sys.argv[1:2] == ["slurm-submit"]:
        from canary_wf.workflow.sbatch import main as submit

        sys.exit(submit(sys.argv[2:]))
    from canary_wf.cli.main import main as command_line

    sys.exit(command_line())


if __name__ == "__main__":
    main()
