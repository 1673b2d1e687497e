"""Files of the same place below several PATHs, such as two build trees: what they are called so that they differ.

A file is called by its path below its PATH. Where that is the same below two of them, all files of these PATHs are
called from the folder that holds both, whatever the order of the PATHs is; other PATHs keep their names.
"""

import os
from collections.abc import Sequence

import msgspec

from canary_wf.discovery.walk import FoundFile
from canary_wf.errors import InputError


def told_apart(found: Sequence[tuple[str, Sequence[FoundFile]]]) -> list[FoundFile]:
    """Return all files of `found`, which has for each PATH its folder (absolute) and the files below it.

    Raises InputError that names a file which two PATHs reach, also by different links.
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
    """Return the pairs of PATHs of different groups that have a file of one name."""
    seen: dict[str, tuple[int, str]] = {}
    found = set()
    for number, files in enumerate(named):
        for file in files:
            other, place = seen.setdefault(file.path, (number, file.file))
            if groups[other] is not groups[number]:
                if os.path.samefile(place, file.file):  # noqa: PTH121 - beside what it compares
                    what = "is found below two of the given paths"
                    raise InputError(what, where=file.file, hint=f"give one of them; the other way is {place}")
                found.add((other, number))
    return found
