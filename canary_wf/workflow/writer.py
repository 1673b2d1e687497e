"""Writing a generated workflow to OUT. No file of the user is overwritten, and nothing is left half-written.

All obstacles are checked before the first byte is written (docs/reference/contract.md, "Files").
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
    """Raise WorkspaceError if `files` cannot be written to `out` safely: foreign files, or a run in progress."""
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
        if found is Ownership.ABSENT and _is_profile(name) and _is_occupied(path.parent):
            raise WorkspaceError("is not a profile of canary-wf", where=path.parent, hint=_ELSEWHERE)
    link = out / RESULTS_LINK
    if os.path.lexists(link) and not _is_results_link(link):
        raise WorkspaceError("is not canary-wf's and is not overwritten", where=link, hint=_ELSEWHERE)


def _check_folders(folder: Path, out: Path) -> None:
    """Raise WorkspaceError for a folder below `out` that is a link, as it may lead to another workspace."""
    while folder != out:
        if folder.is_symlink():
            raise WorkspaceError("is a link, through which nothing is written", where=folder, hint=_ELSEWHERE)
        folder = folder.parent


def _check_name(out: Path) -> None:
    """Raise WorkspaceError for a folder whose name Snakemake cannot handle."""
    name = str(out)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise WorkspaceError("is not UTF-8 text, which Snakemake needs", where=out, hint=_ELSEWHERE) from None
    if any(not inside.isidentifier() for inside in re.findall(r"{([^{}]*)}", name)):
        raise WorkspaceError("has braces that Snakemake would read as its own", where=out, hint=_ELSEWHERE)


def write_workflow(out: Path, files: Mapping[str, str], session: SessionPaths) -> list[str]:
    """Write `files` to `out` and point TestResults to `session`; return warnings about profiles that were kept."""
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
    """Write all files, and the `link` to `results`, under temporary names before the first one is renamed.

    Old and new files do not work together, and neither do new files with a session that is removed again.
    """
    staged: list[Path] = []
    path = link
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            staged.append(path.with_name(f".{path.name}.new"))
            staged[-1].unlink(missing_ok=True)
            with staged[-1].open("xb") as file:  # never through an existing link
                file.write(text.encode())
                keep_mode(path, file.fileno())
        path = link
        staged.append(link.with_name(f".{link.name}.new"))
        staged[-1].unlink(missing_ok=True)
        staged[-1].symlink_to(results)
        for path, temporary in zip((*texts, link), staged, strict=True):
            temporary.replace(path)
    except BaseException as error:  # Ctrl-C, too, leaves nothing half-written
        for temporary in staged:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise not_writable(path, error) from error
        raise


def _kept(path: Path, text: str) -> str:
    try:
        edited = yaml.safe_load(read_plain(path, follow=True, most=LARGEST_INPUT))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return f"{path}: was edited and is kept, although it is not valid YAML"
    differing = sorted(_differing(edited, yaml.safe_load(text)))
    comparison = f"differs from a new one in: {', '.join(differing)}" if differing else "says the same as a new one"
    return f"{path}: was edited and is kept; it {comparison}"


def _differing(edited: Any, generated: Any, prefix: str = "") -> Iterator[str]:  # noqa: ANN401 - parsed YAML
    if not isinstance(edited, dict) or not isinstance(generated, dict):
        if edited != generated:
            yield prefix or "everything"
        return
    for key in edited.keys() | generated.keys():
        yield from _differing(edited.get(key), generated.get(key), f"{prefix}.{key}" if prefix else str(key))


def _is_results_link(link: Path) -> bool:
    if not link.is_symlink():
        return False
    return link.readlink().is_relative_to(sessions_folder(Path(STATE_FOLDER).parent))


def _is_profile(name: str) -> bool:
    return not name.startswith("workflow/")


def _is_occupied(folder: Path) -> bool:
    return os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir()))
