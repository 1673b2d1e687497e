"""The entry point of every command: `run-batch` and `slurm-submit` start light, the others through the command line."""

import gc
import io
import os
import sys
from typing import NoReturn

_INTERRUPTED = 130

_STREAMS = "canary_wf_streams"
"""The interpreter option (-X) with the encoding of the caller's streams."""


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        _main()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)  # before a command took over, or after it ended


def _main() -> None:
    if sys.stdout is None or sys.stderr is None:
        _open_streams()
    _name_files_in_utf8()
    for stream in (sys.stdout, sys.stderr):
        # Names of jobs may have characters that this terminal cannot show; these are escaped.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=_streams_encoding(), errors="backslashreplace")
    if sys.argv[1:2] == ["run-batch"]:
        gc.disable()  # objects made before the first job live to the end; the runner enables it again
        _import_msgspec()
        from canary_wf.process.lossy_stream import use_lossy_streams
        from canary_wf.run.runner import main as run_batch

        use_lossy_streams()
        _leave(run_batch(sys.argv[2:]))
    if sys.argv[1:2] == ["slurm-submit"]:
        from canary_wf.submission.command import main as submit

        sys.exit(submit(sys.argv[2:]))
    if sys.argv[1:2] == ["sbatch"]:
        from canary_wf.submission.sbatch_wrapper import main as sbatch

        sys.exit(sbatch(sys.argv[2:]))
    if sys.argv[1:2] == ["squeue"]:
        from canary_wf.submission.squeue_wrapper import main as squeue

        sys.exit(squeue(sys.argv[2:]))
    from canary_wf.cli.main import main as command_line

    sys.exit(command_line())


def _name_files_in_utf8() -> None:
    """Restart this process in Python's UTF-8 mode if the locale has another encoding.

    Folders are named after jobs, in any script, and must be the same for a caller with another locale. Python fixes
    that encoding when it starts. The streams keep the encoding of the locale.
    """
    if sys.getfilesystemencoding() == "utf-8" or not sys.executable:
        return
    options = ["-X", "utf8", "-X", f"{_STREAMS}={sys.stdout.encoding}"]
    os.execv(sys.executable, [sys.executable, *options, *sys.orig_argv[1:]])  # noqa: S606 - this very program


def _streams_encoding() -> str | None:
    """Return the encoding of the streams if it differs from Python's choice, else None."""
    given = sys._xoptions.get(_STREAMS)  # noqa: SLF001 - it is documented, with -X
    return given if isinstance(given, str) else None


def _open_streams() -> None:
    """Replace closed streams by /dev/null, so that no other file gets their numbers."""
    for descriptor, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor, inheritable=True)
                os.close(null)
            os.set_inheritable(descriptor, True)
            mode = "r" if descriptor == 0 else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - stays open


def _leave(code: int) -> NoReturn:
    """End this process at once if nothing is lost by that; a regular exit of the interpreter takes 6 ms.

    User hooks may have something to write at the end, so with hooks the exit is regular.
    """
    if "canary_wf.hooks.user_hooks" in sys.modules:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _import_msgspec() -> None:
    """Import msgspec without typing_extensions, which it uses if available and which takes 8 ms.

    From Python 3.11 on, `typing` has everything that msgspec needs. Other modules import typing_extensions as usual.
    Ctrl-C is delayed meanwhile, because interrupting the import of msgspec causes a segmentation fault.
    """
    import signal

    name = "typing_extensions"
    if name in sys.modules:
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # This makes the import fail, see "sys.modules" in Python's manual of the import system.
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        import msgspec  # noqa: F401 - imported for those that follow
    finally:
        del sys.modules[name]
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


if __name__ == "__main__":
    main()
