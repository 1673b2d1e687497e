"""One worker process that executes test files, as the parent sees it: a path goes in, a line of JSON comes out."""

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
"""The variable by which what a test file started is known as the reader's."""

_PATIENCE = 5.0
"""Seconds that the keeper of a reader may take to end what the reader left."""

_CHUNK = 1 << 16
_MOST_BYTES = 256 << 20
"""A reply longer than this is a mistake of the test file, not a description of tests."""

_decoder = msgspec.json.Decoder(Reply)


class Worker:
    """A reader process, busy with at most one file; `index` is that file's place in the list of files.

    It may take `memory` bytes, with all that test files start. `end` can be read when it has ended.
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
        with contextlib.suppress(BrokenPipeError):  # it died since; its closed reply pipe tells
            os.write(self._requests, json.dumps(file).encode() + b"\n")

    def receive(self) -> Reply | None:
        """Take what has come in; return the reply when it is complete. Raises EOFError when the process has died."""
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
        """End the process and all it started."""
        os.close(self._requests)  # which tells its keeper
        os.close(self.replies)
        self._said()
        self.end.close()

    def death(self) -> str:
        """Return in words how the process ended."""
        return self._said() or f"the process that read it ended with {_how(self._process.returncode)}"

    def _said(self) -> str:
        """Wait for the end of the keeper, and return what it said; what it left when it was killed is ended here."""
        try:
            said = self._process.communicate(timeout=_PATIENCE)[0] if self._process.returncode is None else b""
        except subprocess.TimeoutExpired:
            said = b""
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.wait() != 0:
            end_marked((), lambda pid: inherited(pid, READING) == self._token, _PATIENCE)
        return said.decode(errors="replace")


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def decode_reply(line: bytes) -> Reply:
    """Return the reply in `line`; what cannot be decoded becomes a reply with an error."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Reply(error=f"its directives cannot be understood ({error})")


def reply_error(file: str, reply: Reply) -> InputError:
    """Return the error of `reply` with its place."""
    place = reply.file or file
    return InputError(str(reply.error), where=f"{place}:{reply.line}" if reply.line else place)
