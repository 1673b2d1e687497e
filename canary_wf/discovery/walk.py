# ruff: noqa: PTH112, PTH113, PTH116, PTH120 - path objects would make up most of the time
"""Finds the test files below the PATHs of the command line, in an order that does not depend on the file system.

Hidden folders and files, virtual environments, excluded files and files that no finder claims are skipped. A folder
that is reached twice (by symbolic links, which may form loops) is searched once.

A file is identified by its path below its PATH. If two PATHs hold files of the same path, such as two build trees, all
files of these PATHs are identified by their paths below the folder that holds both. The order of the PATHs does not
matter, and other PATHs keep their names.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from canary_wf.errors import InputError, MistakeList
from canary_wf.state.session_paths import absolute_path

Claims = Callable[[str], bool]
"""A function that says by a file's name whether any finder reads it."""


class FoundFile(msgspec.Struct, frozen=True):
    """A test file. `path` is relative to the PATH it was found below (with ``/``), `file` is the absolute path.

    If several PATHs hold files of the same path, `path` begins with a `prefix` that distinguishes them.
    """

    path: str
    file: str
    prefix: str = ""

    @property
    def folder(self) -> str:
        """The folder that holds the file, as an absolute path."""
        return os.path.dirname(self.file)


def find_files(
    paths: Sequence[Path], claims: Claims, exclude: Sequence[Path] = (), mistakes: MistakeList | None = None
) -> list[tuple[str, list[FoundFile]]]:
    """Return for each of `paths` its folder (absolute) and the test files below it, sorted by name.

    Raises InputError for a PATH that is missing or not a test file, a folder that cannot be read, a test file that is a
    broken link or has a name that is not UTF-8, and a file that lies below two of the PATHs; MistakesError for several.
    With `mistakes`, these are added to it, and the files that are right are returned.
    """
    found: list[tuple[str, list[FoundFile]]] = []
    seen: set[str] = set()
    hidden = [os.path.realpath(path) for path in exclude]
    found_wrong = MistakeList() if mistakes is None else mistakes
    for path in paths:
        with found_wrong.collecting():
            is_folder = os.path.isdir(path)
            files = _Walk(path, claims, hidden, found_wrong).files() if is_folder else [_single(path, claims)]
            for file in files:
                if file.file in seen:
                    raise InputError("is found below two of the given paths", where=file.file, hint="give one of them")
                seen.add(file.file)
            found.append((str(absolute_path(path)) if is_folder else files[0].folder, files))
    if mistakes is None:
        found_wrong.raise_any()
    return found


def _single(path: Path, claims: Claims) -> FoundFile:
    if not os.path.isfile(path):
        exists = path.exists()
        message = "is neither a file nor a folder" if exists else "there is no such file or folder"
        raise InputError(message, where=path, hint="name test files and folders" if exists else None)
    if not claims(path.name):
        raise InputError(
            "is not a test file", where=path, hint="give a *.pyt, *.jobs.yaml or CTestTestfile.cmake file, or a folder"
        )
    return _checked(path.name, str(absolute_path(path)))


def _checked(path: str, file: str) -> FoundFile:
    try:
        file.encode()
    except UnicodeEncodeError:
        raise InputError("its path is not UTF-8", where=file, hint="rename it") from None
    return FoundFile(path, file)


class _Walk:
    """A search below one PATH."""

    def __init__(self, root: Path, claims: Claims, exclude: Sequence[str], mistakes: MistakeList) -> None:
        self.mistakes = mistakes
        self.root = str(absolute_path(root))
        self.real = os.path.realpath(root)
        self.claims = claims
        self.exclude = exclude
        self.excluded_names = {Path(each).name for each in exclude}
        self.seen: set[tuple[int, int]] = set()
        self.found: list[FoundFile] = []

    def files(self) -> list[FoundFile]:
        # Real folders first: a file that is reachable without a link keeps its plain path.
        links = list(self._search([self.root]))
        while links:
            links = list(self._search(sorted(links)))
        return sorted(self.found, key=lambda file: file.path.split("/"))

    def _search(self, folders: list[str]) -> Iterator[str]:
        """Search `folders` and the real folders below them. Yield the links to folders that were found."""
        waiting = folders[::-1]
        while waiting:
            folder = waiting.pop()
            entries = self._entries(folder)
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not os.path.isdir(entry.path) if entry.is_symlink() else not entry.is_dir():
                    with self.mistakes.collecting():
                        self._keep(entry)
                elif not entry.is_symlink():
                    waiting.append(entry.path)
                elif not self._is_foreign(entry.path):
                    yield entry.path

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            status = os.stat(folder)
            identity = (status.st_dev, status.st_ino)
            if identity in self.seen or self._is_excluded(folder):
                return []
            self.seen.add(identity)
            entries = list(os.scandir(folder))
        except OSError as error:
            raise InputError(f"this folder cannot be read ({error.strerror})", where=folder) from None
        return [] if any(entry.name == "pyvenv.cfg" for entry in entries) else entries

    def _is_excluded(self, path: str) -> bool:
        if not self.exclude:
            return False
        real = os.path.realpath(path)
        return any(real == each or real.startswith(each + "/") for each in self.exclude)

    def _is_foreign(self, link: str) -> bool:
        """Return whether `link` leads into a hidden folder, as links to the results of earlier runs do."""
        real = os.path.realpath(link)
        inner = real[len(self.real) :] if real.startswith(self.real + "/") else real
        return any(part.startswith(".") for part in inner.split("/"))

    def _keep(self, entry: os.DirEntry[str]) -> None:
        if not self.claims(entry.name) or (entry.name in self.excluded_names and self._is_excluded(entry.path)):
            return
        if os.path.isfile(entry.path) if entry.is_symlink() else entry.is_file():
            self.found.append(_checked(entry.path[len(self.root) :].lstrip("/"), entry.path))
        elif entry.is_symlink():
            where = "to something that is not a file" if os.path.lexists(os.path.realpath(entry.path)) else "nowhere"
            raise InputError(f"this link leads {where}", where=entry.path)


def with_distinct_paths(found: Sequence[tuple[str, Sequence[FoundFile]]]) -> list[FoundFile]:
    """Return all files of `found` with distinct paths. `found` has for each PATH its folder (absolute) and files.

    Raises InputError for a file that is below two PATHs, also if different links lead to it.
    """
    if len(found) == 1:
        return list(found[0][1])
    groups = [{number} for number in range(len(found))]
    while True:
        folders = _common_folders([folder for folder, _ in found], groups)
        named = [_named(files, folder, common) for (folder, files), common in zip(found, folders, strict=True)]
        pairs = _collisions(named, groups)
        if not pairs:
            return [file for files in named for file in files]
        for one, other in pairs:
            joint = groups[one] | groups[other]
            for number in joint:
                groups[number] = joint


def _common_folders(folders: Sequence[str], groups: Sequence[set[int]]) -> list[str]:
    return [os.path.commonpath([folders[number] for number in group]) for group in groups]


def _named(files: Sequence[FoundFile], folder: str, common: str) -> Sequence[FoundFile]:
    prefix = folder[len(common) :].strip("/")
    if not prefix:
        return files
    return [msgspec.structs.replace(file, path=f"{prefix}/{file.path}", prefix=f"{prefix}/") for file in files]


def _collisions(named: Sequence[Sequence[FoundFile]], groups: Sequence[set[int]]) -> set[tuple[int, int]]:
    """Return the pairs of PATHs of different groups that have a file of the same path."""
    seen: dict[str, tuple[int, str]] = {}
    found = set()
    for number, files in enumerate(named):
        for file in files:
            other, first = seen.setdefault(file.path, (number, file.file))
            if groups[other] is not groups[number]:
                if os.path.samefile(first, file.file):  # noqa: PTH121 - beside what it compares
                    what = "is found below two of the given paths"
                    raise InputError(what, where=file.file, hint=f"give one of them; the other way is {first}")
                found.add((other, number))
    return found
