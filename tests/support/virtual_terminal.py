"""A terminal of a test: a pseudo-terminal, and the screen that an emulator makes of what is written to it."""

import fcntl
import os
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TextIO

import pyte

_PATIENCE = 20.0
_KEPT = 1000
"""Lines that have scrolled off the screen and are kept."""


class VirtualTerminal:
    """A terminal of `columns` and `rows`; a context manager. `file` writes to it from this process."""

    def __init__(self, columns: int = 80, rows: int = 24, encoding: str = "utf-8") -> None:
        self._master, self._slave = os.openpty()
        self._screen = pyte.HistoryScreen(columns, rows, history=_KEPT, ratio=0.001)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._size(columns, rows)
        self.raw = bytearray()
        self.file: TextIO = os.fdopen(os.dup(self._slave), "w", encoding=encoding, newline="\n")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self._over.set()
        self._reader.join()
        os.close(self._slave)
        os.close(self._master)

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while True:
            if not select.select([self._master], [], [], 0.02)[0]:
                if self._over.is_set():
                    return
                continue
            content = os.read(self._master, 1 << 16)
            with self._lock:
                self.raw += content
                self._stream.feed(content)

    def resize(self, columns: int, rows: int, *, wraps: bool = False) -> None:
        """Give the terminal another size, as a window manager does; lines that are too long are cut, or wrapped anew.

        The line of the cursor stays on the screen; what is above may scroll off it.
        """
        screen = self._screen
        with self._lock:
            lines = []
            for row in range(screen.cursor.y + 1):
                cells = [screen.buffer[row][column] for column in range(screen.columns)]
                while cells and cells[-1].data == " ":
                    cells.pop()
                starts = range(0, max(1, len(cells)), columns) if wraps else (0,)
                lines += [cells[start : start + columns] for start in starts]
            self._size(columns, rows)
            screen.buffer.clear()
            screen.columns, screen.lines, screen.margins = columns, rows, None
            for row, cells in enumerate(lines[-rows:]):
                screen.buffer[row].update(enumerate(cells))
            screen.cursor.x = min(len(lines[-1]), columns - 1)
            screen.cursor.y = min(len(lines), rows) - 1

    def lines(self) -> list[str]:
        """Return the lines on the screen, without blanks at their ends and without empty lines below."""
        time.sleep(0)
        with self._lock:
            found = [line.rstrip() for line in self._screen.display]
        while found and not found[-1]:
            found.pop()
        return found

    @property
    def rows(self) -> int:
        """The number of lines that the screen has room for."""
        return int(self._screen.lines)

    def column(self, row: int, text: str) -> int:
        """Return the column in which `text` begins on the line `row`; a wide character takes two."""
        with self._lock:
            cells = [self._screen.buffer[row][column].data for column in range(self._screen.columns)]
        starts = [column for column, cell in enumerate(cells) for _ in cell]
        return starts["".join(cells).index(text)]

    def text(self) -> str:
        """Return what is on the screen."""
        return "\n".join(self.lines())

    def scrolled(self) -> list[str]:
        """Return the lines that have scrolled off the top."""
        with self._lock:
            rows = list(self._screen.history.top)
            return ["".join(row[column].data for column in range(self._screen.columns)).rstrip() for row in rows]

    def wait_for(self, condition: Callable[[str], object], seconds: float = _PATIENCE) -> str:
        """Return the screen once it meets `condition`. Fails the test after `seconds`."""
        until = time.monotonic() + seconds
        while not condition(text := self.text()):
            assert time.monotonic() < until, f"the screen never showed it:\n{text}"
            time.sleep(0.02)
        return text

    def start(
        self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Start `command` on this terminal, which controls it: Ctrl-C reaches it."""
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - nothing else runs in the child
        )

    def type(self, text: str) -> None:
        """Type `text`; Ctrl-C is the character 3."""
        os.write(self._master, text.encode())
