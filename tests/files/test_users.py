"""Where a user's own files lie, and the key among them."""

import os
import pwd
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from canary_wf.errors import WorkspaceError
from canary_wf.files.user_key import is_signed, sealing_key, signature
from canary_wf.files.users import user_folder


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s"),
        ({"HOME": "/h"}, "/h/.local/state"),
        ({"XDG_STATE_HOME": "", "HOME": "/h"}, "/h/.local/state"),
        ({"XDG_STATE_HOME": "s", "HOME": "/h"}, "/h/.local/state"),
        ({"XDG_STATE_HOME": "./s", "HOME": "/h"}, "/h/.local/state"),
        ({"XDG_STATE_HOME": "~/s", "HOME": "/h"}, "/h/.local/state"),
    ],
)
def test_only_a_path_from_the_root_counts(environment: dict[str, str], folder: str) -> None:
    """As the specification says; another one would depend on where the command is typed."""
    assert user_folder("XDG_STATE_HOME", environment) == Path(folder)


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "."}])
def test_a_home_that_the_environment_does_not_name_is_the_systems(home: dict[str, str]) -> None:
    """Also a relative one, which would be wherever the command is typed."""
    own = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    assert user_folder("XDG_CACHE_HOME", home) == own / ".cache"
    assert user_folder("XDG_CONFIG_HOME", home) == own / ".config"


def test_the_key_is_the_same_wherever_the_command_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that others may write to cannot bring a key along."""
    environment = {"XDG_STATE_HOME": "state", "HOME": str(tmp_path / "home")}
    prepared = tmp_path / "prepared"
    by = signature("x", {"XDG_STATE_HOME": str(prepared / "state")})
    monkeypatch.chdir(prepared)
    assert not is_signed("x", by, environment)
    assert signature("x", environment) != by
    assert (tmp_path / "home/.local/state/canary-wf/key").stat().st_mode & 0o777 == 0o600


def test_many_who_make_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    """A key is there as a whole or not at all, and the first one stays; each purpose has one of its own."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert sealing_key("a", make=False, environment=environment) is None
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: sealing_key("a", make=True, environment=environment), range(32)))
    assert len(keys) == 1
    assert [path.name for path in (tmp_path / "canary-wf").iterdir()] == ["key"]
    assert sealing_key("b", make=False, environment=environment) not in keys
    assert (tmp_path / "canary-wf" / "key").read_bytes() not in keys


@pytest.mark.parametrize("damage", [b"", b"x" * 31, None])
def test_a_key_that_others_may_know_is_refused(tmp_path: Path, damage: bytes | None) -> None:
    """One that is cut short, too; the message says what to do."""
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    signature("x", environment)
    key = tmp_path / "canary-wf" / "key"
    if damage is None:
        key.chmod(0o644)
    else:
        key.write_bytes(damage)
    with pytest.raises(WorkspaceError, match="remove it; a new one is made then"):
        sealing_key("a", make=True, environment=environment)
