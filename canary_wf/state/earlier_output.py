"""What earlier runs of a job printed: kept beside the output of the last one, as `canary-out.1.txt` and so on."""

from pathlib import Path

from canary_wf.state.job_file import OUTPUT_FILE
from canary_wf.state.record import EARLIER_OUTPUT


def earlier_output_file(number: int) -> str:
    """Return the name of the output of run `number`, counted from 1."""
    stem, dot, suffix = OUTPUT_FILE.rpartition(".")
    return f"{stem}.{number}{dot}{suffix}"


def earlier_output_number(name: str) -> int | None:
    """Return the run whose output the file `name` holds, or None when it is another file."""
    found = EARLIER_OUTPUT.fullmatch(name)
    return int(found[1]) if found else None


def keep_output(folder: Path, number: int) -> str | None:
    """Move the output in `folder` away as that of run `number`; return its new name, None when there was none.

    Raises OSError when the folder does not let it.
    """
    name = earlier_output_file(number)
    try:
        (folder / OUTPUT_FILE).replace(folder / name)
    except FileNotFoundError:
        return None
    return name
