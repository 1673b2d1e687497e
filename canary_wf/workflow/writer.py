"""Putting a generated workflow into OUT: nothing of the user's is overwritten, and nothing is left half-written.

All that could be in the way is looked at before the first byte is written (docs/reference/contract.md,
"Files").
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from canary_wf.errors import WorkspaceError
from canary_wf.files.json_files import keep_mode, not_writable
from canary_wf.files.plain_files import LARGEST_INPUT, read_plain
from canary_wf.snakemake.in_use import check_free, check_nothing_queued
from canary_wf.state.session_paths import STATE_FOLDER, SessionPaths, sessions_folder
from canary_wf.workflow.ownership import Ownership, marked, ownership

RESULTS_LINK = "TestResults"
_ELSEWHERE = "move it away or choose another folder with -d"


def check_out(out: Path, files: Mapping[str, str]) -> None:
    """Raise WorkspaceError when `files` cannot be put into `out` without harm: foreign files, or a run in progress."""
    _check_name(out)
    check_free(out)
    check_nothing_queued(out)
    for name in files:
        path = out / name
        _check_folders(path.parent, out)
        found = ownership(path)
        if found is Ownership.FOREIGN:
            raise WorkspaceError("is not canary-wf's and is not overwritten", where=path, hint=_ELSEWHERE)
        if found is Ownership.EDITED and not _is_profile(name):
            raise WorkspaceError("was edited and is not overwritten", where=path, hint=_ELSEWHERE)
        if found is Ownership.ABSENT and _is_profile(name) and _holds_something(path.parent):
            raise WorkspaceError("is not a profile of canary-wf", where=path.parent, hint=_ELSEWHERE)
    link = out / RESULTS_LINK
    if os.path.lexists(link) and not _is_results_link(link):
        raise WorkspaceError("is not canary-wf's and is not overwritten", where=link, hint=_ELSEWHERE)


def _check_folders(folder: Path, out: Path) -> None:
    """Raise WorkspaceError for a folder below `out` that is a link: what it leads to may be another workspace."""
    while folder != out:
        if folder.is_symlink():
            raise WorkspaceError("is a link, through which nothing is written", where=folder, hint=_ELSEWHERE)
        folder = folder.parent


def _check_name(out: Path) -> None:
    """Raise WorkspaceError for a folder that Snakemake cannot work in because of its name."""
    name = str(out)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise WorkspaceError("is not UTF-8 text, which Snakemake needs", where=out, hint=_ELSEWHERE) from None
    if any(not inside.isidentifier() for inside in re.findall(r"{([^{}]*)}", name)):
        raise WorkspaceError("has braces that Snakemake would read as its own", where=out, hint=_ELSEWHERE)


def write_workflow(out: Path, files: Mapping[str, str], session: SessionPaths) -> list[str]:
    """Write `files` into `out` and point TestResults to `session`; return warnings about profiles that were kept."""
    warnings = []
    texts = {}
    for name, text in files.items():
        path = out / name
        if ownership(path) is Ownership.EDITED:
            warnings.append(_kept(path, text))
        else:
            texts[path] = marked(text)
    _replace_all(texts, out / RESULTS_LINK, session.jobs.relative_to(out))
    return warnings


def _replace_all(texts: Mapping[Path, str], link: Path, results: Path) -> None:
    """Write all files, and the `link` to `results`, beside their places before the first one is put there.

    Old and new ones do not go together, and neither do new ones with a session that is taken back.
    """
    staged: list[Path] = []
    path = link
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            staged.append(path.with_name(f".{path.name}.new"))
            staged[-1].unlink(missing_ok=True)
            with staged[-1].open("xb") as file:  # never through a link that somebody put there
                file.write(text.encode())
                keep_mode(path, file.fileno())
        path = link
        staged.append(link.with_name(f".{link.name}.new"))
        staged[-1].unlink(missing_ok=True)
        staged[-1].symlink_to(results)
        for path, beside in zip((*texts, link), staged, strict=True):
            beside.replace(path)
    except BaseException as error:  # Ctrl-C too leaves nothing half-written
        for beside in staged:
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise not_writable(path, error) from error
        raise


def _kept(path: Path, text: str) -> str:
    try:
        mine = yaml.safe_load(read_plain(path, follow=True, most=LARGEST_INPUT))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return f"{path}: was edited and is kept, although it is not valid YAML"
    differing = sorted(_differing(mine, yaml.safe_load(text)))
    told = f"differs from a new one in: {', '.join(differing)}" if differing else "says the same as a new one"
    return f"{path}: was edited and is kept; it {told}"


def _differing(mine: Any, fresh: Any, prefix: str = "") -> Iterator[str]:  # noqa: ANN401 - parsed YAML
    if not isinstance(mine, dict) or not isinstance(fresh, dict):
        if mine != fresh:
            yield prefix or "everything"
        return
    for key in mine.keys() | fresh.keys():
        yield from _differing(mine.get(key), fresh.get(key), f"{prefix}.{key}" if prefix else str(key))


def _is_results_link(link: Path) -> bool:
    if not link.is_symlink():
        return False
    return link.readlink().is_relative_to(sessions_folder(Path(STATE_FOLDER).parent))


def _is_profile(name: str) -> bool:
    return not name.startswith("workflow/")


def _holds_something(folder: Path) -> bool:
    return os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir()))
