"""Opening files that a job may have replaced by something else: a pipe would keep its reader waiting for ever."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_plain(path: Path | str, *, follow: bool = False) -> BinaryIO:
    """Open the regular file `path` for reading, without waiting for anybody.

    Links are followed only when asked to. Raises OSError, also for what is no regular file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise _irregular(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _irregular(path)
    return os.fdopen(descriptor, "rb")


def _irregular(path: Path | str) -> OSError:
    return OSError(errno.EINVAL, "it is no regular file", str(path))
