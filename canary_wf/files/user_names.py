"""Names of users, for messages, and the owner of a process."""

import os


def user_name(uid: int) -> str:
    """Return the name of the user with this id, or words with the id if it has none, as in containers."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def uid_of(pid: int) -> int | None:
    """Return the id of the user who owns the process `pid`, or None if it does not exist."""
    try:
        return os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 - not a file path
    except OSError:
        return None
