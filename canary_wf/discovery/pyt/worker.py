"""The parent's side of a worker process that executes test files: it sends a path and receives a line of JSON."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from canary_wf.discovery.pyt.protocol import Reply
from canary_wf.errors import InputError
from canary_wf.process.orphans import end_marked, inherited
from canary_wf.runtime import RUNTIME

_READER = Path(__file__).with_name("reader_process.py")
READING = "CANARY_WF_READING"
"""The environment variable that marks processes started by a test file as the reader's."""

_PATIENCE = 5.0
"""Seconds that the supervisor of a reader may take to end the reader's remaining processes."""

_CHUNK = 1 << 16
_MOST_BYTES = 256 << 20
"""Size limit of a reply in bytes. A longer reply is a mistake in the test file."""

_decoder = msgspec.json.Decoder(Reply)


class Worker:
    """A reader process that reads at most one file at a time. `index` is the file's index in the list of files.

    The process and all processes that test files start may take `memory` bytes. `end` becomes readable when it ends.
    """

    def __init__(self, memory: int) -> None:
        requests, self._requests = os.pipe()
        self.replies, replies = os.pipe()
        self._token = os.urandom(16).hex()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_READER), str(requests), str(replies), str(RUNTIME), str(memory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, READING: self._token},
            pass_fds=(requests, replies),
            start_new_session=True,  # Ctrl-C is for the parent
        )
        assert self._process.stdout is not None
        self.end = self._process.stdout
        os.close(requests)
        os.close(replies)
        self._buffer = bytearray()
        self.index: int | None = None
        self.deadline = 0.0

    def ask(self, index: int, file: str, limit: float) -> None:
        """Send `file` to be read within `limit` seconds."""
        self.index = index
        self.deadline = time.monotonic() + limit
        with contextlib.suppress(BrokenPipeError):  # it has died; the closed reply pipe shows it
            os.write(self._requests, json.dumps(file).encode() + b"\n")

    def receive(self) -> Reply | None:
        """Read the available data and return the reply if it is complete. Raises EOFError if the process has died."""
        chunk = os.read(self.replies, _CHUNK)
        if not chunk:
            raise EOFError
        self._buffer += chunk
        if not chunk.endswith(b"\n"):
            if len(self._buffer) > _MOST_BYTES:
                return Reply(error="its directives describe too much")
            return None
        line, self._buffer = bytes(self._buffer), bytearray()
        return decode_reply(line)

    def close(self) -> None:
        """End the process and all processes that it started."""
        os.close(self._requests)  # the supervisor notices this
        os.close(self.replies)
        self._message()
        self.end.close()

    def death(self) -> str:
        """Return in words how the process ended."""
        return self._message() or f"the process that read it ended with {_how(self._process.returncode)}"

    def _message(self) -> str:
        """Wait for the end of the supervisor and return its message. If it was killed, end the remaining processes."""
        try:
            message = self._process.communicate(timeout=_PATIENCE)[0] if self._process.returncode is None else b""
        except subprocess.TimeoutExpired:
            message = b""
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.wait() != 0:
            end_marked((), lambda pid: inherited(pid, READING) == self._token, _PATIENCE)
        return message.decode(errors="replace")


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def decode_reply(line: bytes) -> Reply:
    """Return the reply in `line`. A line that cannot be decoded becomes a reply with an error."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Reply(error=f"its directives cannot be understood ({error})")


def reply_error(file: str, reply: Reply) -> InputError:
    """Return the error of `reply` with its location."""
    place = reply.file or file
    return InputError(str(reply.error), where=f"{place}:{reply.line}" if reply.line else place)
