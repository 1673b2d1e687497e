"""The kinds of damage: each changes one file or folder of a workspace, as crashes, jobs and other users may.

Each gets the place, what it was, a seeded chance, and a folder outside whose content must never change.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

NOBODY = 65534


_ODD = (
    *(b"null", b"1e308", b"-1", b"1" * 400, b"1" * 5000, b'"NOPE"', b"[]", b"{}", b"true"),
    *(b'"\\u0000"', b'"../../.."'),
)


class Place(NamedTuple):
    """A file or folder that is damaged, and the folder outside that links may lead to."""

    path: Path
    outside: Path
    chance: random.Random

    def take_away(self) -> bytes:
        """Remove it and return what it held, if it was a file."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
            return b""
        content = self.path.read_bytes()
        self.path.unlink()
        return content


Kind = Callable[[Place], None]


def truncated(place: Place) -> None:
    """Cut the file at any byte."""
    os.truncate(place.path, place.chance.randrange(place.path.stat().st_size or 1))


def a_line_lost(place: Place) -> None:
    """Take one line out."""
    lines = place.path.read_bytes().splitlines(keepends=True)
    if lines:
        del lines[place.chance.randrange(len(lines))]
    place.path.write_bytes(b"".join(lines))


def empty(place: Place) -> None:
    """Leave nothing in it."""
    place.path.write_bytes(b"")


def garbage(place: Place) -> None:
    """Fill it with noise."""
    place.path.write_bytes(place.chance.randbytes(place.chance.choice([1, 100, 5000])))


def a_line_of_garbage(place: Place) -> None:
    """Put noise in the place of a line."""
    lines = place.path.read_bytes().splitlines(keepends=True) or [b""]
    lines[place.chance.randrange(len(lines))] = place.chance.choice([b"\0" * 300, b"{}", b"null", b"[1]", b"x"]) + b"\n"
    place.path.write_bytes(b"".join(lines))


def a_bit_flipped(place: Place) -> None:
    """Change one bit."""
    content = bytearray(place.path.read_bytes() or b"\0")
    content[place.chance.randrange(len(content))] ^= 1 << place.chance.randrange(8)
    place.path.write_bytes(content)


def a_value_changed(place: Place) -> None:
    """Put an odd value in the place of a number or a word."""
    content = place.path.read_bytes()
    starts = [number for number, byte in enumerate(content[:-1]) if byte == ord(":")]
    if starts:
        start = place.chance.choice(starts) + 1
        end = start
        while end < len(content) and content[end] not in b",}]\n":
            end += 1
        odd = [
            b"null",
            b"1e308",
            b"-1",
            b"1" * 400,
            b"1" * 5000,
            b'"NOPE"',
            b"[]",
            b"{}",
            b'"\\u0000"',
            b'"../../.."',
            b"true",
        ]
        content = content[:start] + place.chance.choice(odd) + content[end:]
    place.path.write_bytes(content)


def a_pipe(place: Place) -> None:
    """Nobody ever writes into it."""
    place.take_away()
    os.mkfifo(place.path)


def a_folder(place: Place) -> None:
    """Put a folder in its place, with something in it."""
    place.take_away()
    place.path.mkdir()
    (place.path / "x").write_text("x")


def a_file(place: Place) -> None:
    """Put a file in the place of a folder."""
    place.take_away()
    place.path.write_text("x")


def a_link_out(place: Place) -> None:
    """Move it out, and leave a link to where it is now; or let the link lead to a file of somebody else's."""
    target = place.outside / "moved"
    if place.path.is_dir():
        shutil.copytree(place.path, target, symlinks=True)
    else:
        target.write_bytes(place.path.read_bytes())
    place.take_away()
    place.path.symlink_to(target)


def a_link_to_theirs(place: Place) -> None:
    """Let a link lead to what never was a part of this."""
    place.take_away()
    place.path.symlink_to(place.outside / place.chance.choice(["letter.txt", "album", "nothing"]))


def a_device(place: Place) -> None:
    """Let a link lead to zeros without end."""
    place.take_away()
    place.path.symlink_to("/dev/zero")


def huge(place: Place) -> None:
    """Let it be a terabyte, which takes no room."""
    os.truncate(place.path, 1 << 40)


def removed(place: Place) -> None:
    """Remove it."""
    place.take_away()


def forbidden(place: Place) -> None:
    """Let nobody read or write it."""
    place.path.chmod(0)


def read_only(place: Place) -> None:
    """Let nobody write it."""
    place.path.chmod(0o555)


def of_another_user(place: Place) -> None:
    """Give it to somebody else, which only root may."""
    if os.geteuid() == 0:
        os.chown(place.path, NOBODY, NOBODY, follow_symlinks=False)


def nested_deep(place: Place) -> None:
    """Put lists in lists in lists in the place of a value, or of all of it."""
    content = place.path.read_bytes()
    depth = place.chance.choice([200, 900, 100_000])
    deep = b"[" * depth + b"]" * depth
    found = content.find(b"{}", place.chance.randrange(len(content) or 1))
    place.path.write_bytes(deep if found < 0 else content[:found] + b'{"x":' + deep + b"}" + content[found + 2 :])


def of_a_newer_version(place: Place) -> None:
    """Let it be of a later format, or tell of outcomes that this version does not know."""
    content = place.path.read_bytes()
    for old, new in ((b"plan/1", b"plan/2"), (b"history/1", b"history/2"), (b"result/1", b"result/2")):
        content = content.replace(old, new)
    place.path.write_bytes(content.replace(b'"FAILED"', b'"NOPE"').replace(b'"job_launched"', b'"job_paused"'))


OF_FILES: tuple[Kind, ...] = (
    *(truncated, a_line_lost, empty, garbage, a_line_of_garbage, a_bit_flipped, a_value_changed, a_pipe, a_folder),
    *(a_link_out, a_link_to_theirs, a_device, huge, removed, forbidden, read_only, of_another_user, nested_deep),
    of_a_newer_version,
)

OF_FOLDERS: tuple[Kind, ...] = (
    *(a_pipe, a_file, a_link_out, a_link_to_theirs, removed, forbidden, read_only, of_another_user),
)
