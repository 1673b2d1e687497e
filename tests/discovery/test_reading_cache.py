"""Readings of test files kept between two commands."""

import hashlib
import os
from pathlib import Path

import pytest

from canary_wf.discovery import DiscoveryOptions, discover
from canary_wf.discovery.reading_cache import ReadingCache, cache_folder
from canary_wf.errors import InputError
from canary_wf.files.users import user_folder

HEAD = "import canary\nd = canary.directives\n"


class Reader:
    """A tree and its cache; each `names` is one command."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "tree"
        self.tree.mkdir()
        self.folder = folder / "cache"

    def write(self, text: str, name: str = "t.pyt") -> Path:
        """Write one file."""
        path = self.tree / name
        path.write_text(text)
        return path

    def names(self) -> list[str]:
        """Return the names of the jobs, read with what the cache holds, and save what is new."""
        cache = ReadingCache(self.folder, [str(self.tree)])
        found = discover([self.tree], DiscoveryOptions(readings=cache))
        cache.save()
        return [job.name for job in found.jobs]

    def is_known(self, name: str = "t.pyt") -> bool:
        """Return whether a further command would not read the file."""
        return ReadingCache(self.folder, [str(self.tree)]).get(str(self.tree / name)) is not None


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Return an empty tree with a cache."""
    return Reader(tmp_path)


def test_an_unchanged_file_is_not_read_again(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second command starts no process at all and finds the same."""
    reader.write(f"{HEAD}d.parameterize('n', [1, 2.5, None, 'x', [1]])\nd.timeout('1m', when='options=x')\n")
    first = reader.names()
    monkeypatch.setattr("canary_wf.discovery.pyt.collect.Worker", None)
    assert reader.names() == first


def test_a_changed_file_is_read_again(reader: Reader) -> None:
    """The text counts, not the time."""
    path = reader.write(f"{HEAD}d.name('one')\n")
    assert reader.names() == ["one"]
    path.touch()
    assert reader.is_known()
    path.write_text(f"{HEAD}d.name('two')\n")
    assert reader.names() == ["two"]


@pytest.mark.parametrize("use", ["d.include('other.py')", "import other\nd.name(other.NAME)"])
def test_what_a_file_executes_counts_too(reader: Reader, use: str) -> None:
    """A change of an included file, or of a module beside the test, voids the reading."""
    other = reader.write(f"{HEAD}NAME = 'one'\nif __name__ == '__load__': d.name(NAME)\n", "other.py")
    reader.write(f"{HEAD}{use}\n")
    assert reader.names() == ["one"]
    assert reader.is_known()
    other.write_text(f"{HEAD}NAME = 'two'\nif __name__ == '__load__': d.name(NAME)\n")
    assert reader.names() == ["two"]
    other.unlink()
    with pytest.raises(InputError):
        reader.names()


@pytest.mark.parametrize("ask", ["os.environ.get('COLOUR', 'none')", "os.getenv('COLOUR') or 'none'"])
def test_environment_variables_count_too(reader: Reader, monkeypatch: pytest.MonkeyPatch, ask: str) -> None:
    """A reading holds for the values that were asked for, absent ones included."""
    reader.write(f"import os\n{HEAD}d.name({ask})\n")
    monkeypatch.delenv("COLOUR", raising=False)
    assert reader.names() == ["none"]
    assert reader.is_known()
    monkeypatch.setenv("COLOUR", "red")
    assert not reader.is_known()
    assert reader.names() == ["red"]
    assert reader.is_known()


@pytest.mark.parametrize(
    "look",
    [
        "open('data.txt').read()",
        "__import__('pathlib').Path('data.txt').read_text()",
        "__import__('os').listdir('.')",
        "__import__('glob').glob('*.txt')",
        "__import__('os').path.exists('data.txt')",
        "__import__('pathlib').Path('data.txt').is_file()",
        "__import__('shutil').which('sh')",
        "__import__('subprocess').run(['true'])",
        "__import__('os').system('true')",
        "__import__('os').cpu_count()",
        "dict(__import__('os').environ)",
        "__import__('socket').gethostname()",
        "__import__('os').statvfs('/')",
        "try: __import__('os').getlogin()\nexcept OSError: pass",
        "__import__('time').time()",
        "__import__('time').strftime('%A')",
        "__import__('os').environb.get(b'HOME')",
        "__import__('importlib.util').util.find_spec('no_such_module')",
    ],
)
def test_a_file_that_looks_around_is_always_read(reader: Reader, look: str) -> None:
    """What depends on other files, programs or the machine may be otherwise next time."""
    reader.write("x", "data.txt")
    reader.write(f"{HEAD}{look}\nd.name('a')\n")
    assert reader.names() == ["a"]
    assert not reader.is_known()


def test_a_module_that_is_missing_may_come(reader: Reader) -> None:
    """A test that is masked without its module is not masked any more once the module is there."""
    reader.write(
        f"{HEAD}try:\n    import mymod\nexcept ImportError:\n    mymod = None\n"
        "d.skipif(mymod is None, reason='needs mymod')\n"
    )
    reader.write(f"{HEAD}d.name('other')\n", "u.pyt")
    reader.names()
    assert not reader.is_known()
    reader.write("", "mymod.py")
    reader.names()
    assert reader.is_known()


def test_libraries_may_look_around_while_they_are_imported(reader: Reader) -> None:
    """Importing what is installed is no reason to read a file again."""
    reader.write(f"{HEAD}import json, tempfile, logging.handlers, multiprocessing, yaml, msgspec\nd.name('a')\n")
    assert reader.names() == ["a"]
    assert reader.is_known()


def test_an_unchanged_job_file_is_not_parsed_again(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second command finds the same in it without YAML, also after a change of another file."""
    text = "jobs:\n  - {name: a, command: 'true', parameters: {n: [1, 2.5, x]}, timeout: 1m}\n"
    reader.write(text, "t.jobs.yaml")
    first = reader.names()
    assert len(first) == 3
    monkeypatch.setattr("canary_wf.files.documents._from_yaml", None)
    assert reader.names() == first
    reader.write('{"jobs": [{"name": "b", "command": "true"}]}', "u.jobs.json")
    assert reader.names() == [*first, "b"]


def test_a_changed_job_file_is_parsed_again(reader: Reader) -> None:
    """The text counts."""
    reader.write("jobs: [{name: one, command: 'true'}]\n", "t.jobs.yaml")
    assert reader.names() == ["one"]
    reader.write("jobs: [{name: two, command: 'true'}]\n", "t.jobs.yaml")
    assert reader.names() == ["two"]


def test_a_mistake_in_a_known_job_file_is_told_with_its_line(reader: Reader) -> None:
    """A dependency that is gone with another file is found where it stands."""
    reader.write("jobs:\n  - name: a\n    command: 'true'\n    depends_on: [b]\n", "t.jobs.yaml")
    other = reader.write("jobs: [{name: b, command: 'true'}]\n", "u.jobs.yaml")
    assert reader.names() == ["a", "b"]
    other.unlink()
    with pytest.raises(InputError, match=r"t\.jobs\.yaml:4"):
        reader.names()


SECRET = f"import os\n{HEAD}d.skipif(not os.environ.get('API_TOKEN'), reason='no token')\nd.name('a')\n"


def test_values_of_variables_are_not_written(reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file holds the value in any plain form, all are their owner's alone, and the value still counts."""
    monkeypatch.setenv("API_TOKEN", "zzSECRETzz")
    reader.write(SECRET)
    old = os.umask(0)
    try:
        reader.names()
    finally:
        os.umask(old)
    files = {path.name.partition("-")[0]: path for path in reader.folder.iterdir()}
    assert set(files) == {"files"}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    assert reader.folder.stat().st_mode & 0o777 == 0o700
    content = files["files"].read_bytes()
    assert b"zzSECRETzz" not in content
    for digest in ("md5", "sha1", "sha256", "blake2b"):
        assert hashlib.new(digest, b"zzSECRETzz").digest()[:16] not in content
    assert reader.is_known()
    monkeypatch.setenv("API_TOKEN", "zzOTHERzz")
    assert not reader.is_known()
    elsewhere = tmp_path / "elsewhere"
    cache = ReadingCache(reader.folder, [str(reader.tree)])
    discover([reader.tree], DiscoveryOptions(readings=cache))
    cache.save(elsewhere)
    assert ReadingCache(elsewhere, [str(reader.tree)]).get(str(reader.tree / "t.pyt")) is not None


def test_what_earlier_versions_kept_is_removed(reader: Reader) -> None:
    """Their files hold values as they are, or a key of their own; an open folder is closed."""
    reader.write(SECRET)
    reader.folder.mkdir(mode=0o755)
    for name in ("readings-0123456789abcdef.msgpack", ".readings-0123456789abcdef.msgpack.7.tmp", "key"):
        (reader.folder / name).write_text("zzSECRETzz")
    reader.names()
    assert {path.name.partition("-")[0] for path in reader.folder.iterdir()} == {"files"}
    assert reader.folder.stat().st_mode & 0o777 == 0o700


def test_without_a_key_only_files_that_ask_for_no_variable_are_known(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key that others may read seals nothing; one that is another user's makes the readings void."""
    reader.write(SECRET)
    reader.write(f"{HEAD}d.name('b')\n", "b.pyt")
    reader.names()
    assert reader.is_known()
    key = user_folder("XDG_STATE_HOME") / "canary-wf" / "key"
    key.chmod(0o644)
    assert not reader.is_known()
    assert sorted(reader.names()) == ["a", "b"]
    assert not reader.is_known()
    assert reader.is_known("b.pyt")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    reader.names()
    assert reader.is_known()
    key.chmod(0o600)
    monkeypatch.setenv("XDG_STATE_HOME", str(key.parent.parent))
    assert not reader.is_known()


def test_a_link_in_place_of_the_folder_is_left_alone(reader: Reader, tmp_path: Path) -> None:
    """Nothing is written, removed or closed where it leads."""
    target = tmp_path / "mine"
    target.mkdir(mode=0o755)
    (target / "readings-of-mine").touch()
    reader.folder.symlink_to(target)
    reader.write(SECRET)
    assert reader.names() == reader.names() == ["a"]
    assert [path.name for path in target.iterdir()] == ["readings-of-mine"]
    assert target.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
def test_what_another_user_left_is_not_believed(reader: Reader) -> None:
    """A cache of somebody else's says nothing, and stays as it is."""
    reader.write(SECRET)
    reader.names()
    (file,) = reader.folder.glob("files-*")
    os.chown(file, 12345, 12345)
    assert not reader.is_known()
    os.chown(reader.folder, 12345, 12345)
    reader.names()
    assert file.stat().st_uid == 12345


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x81\xa1a\xc0", b"\xff" * 100])
def test_a_damaged_cache_is_passed_over(reader: Reader, content: bytes) -> None:
    """Whatever stands in the file, the tests are read."""
    reader.write(f"{HEAD}d.name('a')\n")
    assert reader.names() == ["a"]
    (file,) = reader.folder.glob("files-*")
    file.write_bytes(content)
    assert reader.names() == ["a"]
    assert reader.is_known()


def test_a_cache_that_cannot_be_written_is_no_error(reader: Reader) -> None:
    """A file where the folder should be changes nothing."""
    reader.write(f"{HEAD}d.name('a')\n")
    reader.folder.write_text("")
    assert reader.names() == reader.names() == ["a"]


def test_files_that_are_gone_are_forgotten(reader: Reader) -> None:
    """The cache holds what the last command used."""
    gone = reader.write(f"{HEAD}d.name('gone')\n", "gone.pyt")
    reader.write(f"{HEAD}d.name('a')\n")
    reader.names()
    gone.unlink()
    reader.names()
    gone.write_text(f"{HEAD}d.name('gone')\n")
    assert not reader.is_known("gone.pyt")


def test_the_cache_lies_in_the_workspace_or_with_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no workspace, XDG_CACHE_HOME says where."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    assert cache_folder(tmp_path / "none") == tmp_path / "user" / "canary-wf"
    assert cache_folder(tmp_path) == tmp_path / "cache"
