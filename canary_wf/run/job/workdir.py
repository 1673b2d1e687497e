"""A job's working directory: made anew for each run, with the job's files copied or linked into it."""

import os
from contextlib import suppress
from pathlib import Path

from canary_wf.errors import CanaryWfError
from canary_wf.files.json_files import not_writable
from canary_wf.files.plain_files import link_on_the_way
from canary_wf.spec.job_spec import Asset, JobSpec
from canary_wf.state.job_file import ARTIFACTS_FOLDER, OUTPUT_FILE, STATE_FILE, earlier_run_number

RESERVED = frozenset({OUTPUT_FILE, STATE_FILE, ARTIFACTS_FOLDER})
"""What canary-wf itself writes into a working directory, so that no asset may have these names."""


class MissingSourceError(CanaryWfError):
    """A file that a job wants copied or linked does not exist."""


def prepare_workdir(spec: JobSpec, folder: Path, out: Path) -> None:
    """Fill `folder` (which holds at most the job's state file) with the assets of `spec`.

    Raises MissingSourceError for a missing source, CanaryWfError for a target outside the folder, and OSError when the
    disk refuses.
    """
    for asset in spec.assets:
        place_asset(asset, folder, out)


def clear_workdir(folder: Path | str, earlier: int = 0, below: str | None = None) -> None:
    """Make `folder` a folder that holds at most the job's state file, and the outputs and artifacts of `earlier` runs.

    Everything else in it is removed, even if the job replaced the folder by a link or took away the permission to write
    to it or to a folder in it. Links are removed, never followed, also those between the folder `below` and `folder`.

    Raises OSError, and WorkspaceError when the parent folder is not writable, which is not a job's doing.
    """
    if below is not None and str(folder).startswith(below):
        with suppress(FileNotFoundError):
            while (link := link_on_the_way(below, str(folder))) is not None:
                os.unlink(link)  # noqa: PTH108 - a string
    try:
        os.mkdir(folder)  # noqa: PTH102 - a path object costs more than the call
    except FileNotFoundError:
        _make(Path(folder))
    except PermissionError as error:
        raise not_writable(Path(folder), error) from error
    except FileExistsError:
        _empty(Path(folder), earlier)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except PermissionError as error:
        raise not_writable(folder, error) from error


def _empty(folder: Path, earlier: int) -> None:
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
        folder.mkdir()
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        folder.chmod(0o777)
    from canary_wf.files.folder_removal import remove_folder  # late, as most folders are new

    entries = list(os.scandir(folder))
    for entry in entries:
        if entry.name == STATE_FILE or (earlier and 0 < (earlier_run_number(entry.name) or 0) <= earlier):
            continue
        if entry.is_dir(follow_symlinks=False):
            remove_folder(entry.path)
        else:
            os.unlink(entry.path)  # noqa: PTH108 - a path object costs more than the call


def remove_assets(spec: JobSpec, folder: Path, out: Path) -> None:
    """Remove from `folder` what `prepare_workdir` put there, except copies that were changed since."""
    for asset in spec.assets:
        try:
            sources = _sources(asset, out)
        except MissingSourceError:
            continue
        for source in sources:
            for target in _targets(asset, source, folder):
                if _is_as_placed(asset, source, target):
                    target.unlink()


def _targets(asset: Asset, source: Path, folder: Path) -> list[Path]:
    """Return the paths at which a source may have been placed: the target, or inside it if that is a folder."""
    target = Path(os.path.normpath(folder / (asset.target or source.name)))
    return [path for path in (target, target / source.name) if path.is_relative_to(folder) and path != folder]


def _is_as_placed(asset: Asset, source: Path, target: Path) -> bool:
    if asset.action == "link":
        return target.is_symlink() and target.readlink() == source
    if target.is_symlink() or not (source.is_file() and target.is_file()):
        return False
    from filecmp import cmp

    return cmp(source, target, shallow=False)


def place_asset(asset: Asset, folder: Path, out: Path) -> None:
    """Copy or link what `asset` names into `folder`; a relative source is relative to `out`."""
    for source in _sources(asset, out):
        target = Path(os.path.normpath(folder / (asset.target or source.name)))
        if not target.is_relative_to(folder):
            raise CanaryWfError(f"{asset.target!r} leads out of the job's working directory", where=asset.action)
        if target != folder:
            target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir() and not target.is_symlink():
            target /= source.name
        if not target.parent.resolve().is_relative_to(folder.resolve()):
            # A folder that was linked before would place the file outside of the job's own folder.
            raise CanaryWfError(
                f"{asset.target!r} leads through a link out of the working directory", where=asset.action
            )
        if target.parent == folder and (target.name in RESERVED or earlier_run_number(target.name) is not None):
            raise CanaryWfError(
                f"{target.name!r} is canary-wf's own file in every working directory", where=asset.action
            )
        _place(asset, source, target)


def _place(asset: Asset, source: Path, target: Path) -> None:
    import shutil

    if target.is_symlink() or target.is_file():
        target.unlink()
    if asset.action == "link":
        target.symlink_to(source)
    elif source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target)


def _sources(asset: Asset, out: Path) -> list[Path]:
    pattern = out / asset.source
    if os.path.lexists(pattern):
        return [pattern]
    import glob

    found = sorted(glob.glob(str(pattern)))  # noqa: PTH207 - the pattern is absolute
    if not found:
        raise MissingSourceError(f"there is no {asset.source!r} to {asset.action}")
    return [Path(path) for path in found]
