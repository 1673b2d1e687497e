"""The folders of a user's files outside of any workspace: cache, configuration and state.

Source: the XDG Base Directory Specification. It says that relative paths are invalid and must be ignored. So the
current folder never decides whom a command trusts or which key it signs with.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

_BELOW_HOME = {"XDG_CACHE_HOME": ".cache", "XDG_CONFIG_HOME": ".config", "XDG_STATE_HOME": ".local/state"}


def user_folder(
    variable: Literal["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"],
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """Return the folder in the variable `variable` of `environment`, else the default in the user's home."""
    given = environment.get(variable, "")
    return Path(given) if given.startswith("/") else _home(environment) / _BELOW_HOME[variable]


def _home(environment: Mapping[str, str]) -> Path:
    given = environment.get("HOME", "")
    if given.startswith("/"):
        return Path(given)
    import pwd  # late: nearly every environment has HOME

    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        return Path("/")
