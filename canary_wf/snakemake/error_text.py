"""The essence of what Snakemake printed before it failed: one line, of a text of any length.

Source: Snakemake 9 prints errors as a line ``NAMEError:`` or ``NAMEException in rule …:`` and what it is about below,
failed rules as ``Error in rule NAME:``, and errors of the command line as ``snakemake: error: …``.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from canary_wf.errors import one_line
from canary_wf.files.plain_files import open_plain
from canary_wf.snakemake.quiet_errors import end_of_log

_MOST = 1 << 18
_LONGEST = 600
_LINES_OF_A_RULE = 8
_OURS = "canary-wf: "
_CLOSING = ("canary-wf: the run did not pass", "canary-wf: warning: ")
_HEADING = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*(?:Error|Exception))\b(.*)", re.ASCII)
_RULE = re.compile(r"Error in rule (\w+):", re.ASCII)
_USAGE = re.compile(r"\S*(?:snakemake|\.py): error: (.+)")
_SUMMED_UP = ("RuleException", "CalledProcessError")
_ABOUT_JOBS = ("At least one job did not complete successfully", "Exiting because a job execution failed")


def essence(text: Path, start: int = 0) -> str | None:
    """Return the reason why Snakemake failed, from its output in the file `text` after byte `start`, or None."""
    try:
        with open_plain(text) as file:
            end = file.seek(0, 2)
            file.seek(max(start, end - _MOST))
            lines = file.read(_MOST).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    found = next((line for reasons in (_own, _usage, _errors) for line in reasons(lines)), None)
    found = found or next(_rules(lines, text.parent.parent.parent.parent), None)
    found = found or next((line.strip() for line in reversed(lines) if line.strip()), None)
    return None if found is None else one_line(found[:_LONGEST])


def _own(lines: Sequence[str]) -> Iterator[str]:
    """Yield the errors that the workflow itself reported, the last one first."""
    for line in reversed(lines):
        if line.startswith(_OURS) and not line.startswith(_CLOSING) and "did not pass:" not in line:
            yield line.removeprefix(_OURS)


def _usage(lines: Sequence[str]) -> Iterator[str]:
    yield from (found[1] for line in reversed(lines) if (found := _USAGE.fullmatch(line.strip())))


def _errors(lines: Sequence[str]) -> Iterator[str]:
    """Yield the errors with what stands below their heading, up to an empty line; a failed command by its rule."""
    for number in reversed(range(len(lines))):
        heading = _HEADING.match(lines[number])
        if heading is None or heading[1] in _SUMMED_UP:
            continue
        below = []
        for line in lines[number + 1 : number + 6]:
            if not line.strip() or line.startswith(("  File ", "Traceback")):
                break
            below.append(line.strip())
        words = " ".join(filter(None, [heading[2].lstrip(":").strip(), *below]))
        if words and not words.startswith(_ABOUT_JOBS):
            yield words


def _rules(lines: Sequence[str], out: Path) -> Iterator[str]:
    """Yield the rules that failed, with the ends of their logs below `out`; the gate only says that jobs did."""
    for number in reversed(range(len(lines))):
        found = _RULE.match(lines[number].strip())
        if found is None or found[1] == "gate":
            continue
        about = (line.strip() for line in lines[number + 1 : number + _LINES_OF_A_RULE])
        log = next((line for line in about if line.startswith("log: ")), "")
        end = end_of_log(str(out / log.removeprefix("log: ").partition(" (check log")[0])) if log else ""
        yield f"rule {found[1]} failed{f': {end}' if end else ''}"
