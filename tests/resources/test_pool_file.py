"""Pools from files: what is read, and that mistakes name file and line."""

import json
from pathlib import Path

import pytest

from canary_wf.errors import InputError
from canary_wf.resources.pool_file import read_pool_file

CTEST = {"version": {"major": 1, "minor": 0}, "local": [{"gpus": [{"id": "0", "slots": 2}, {"id": "1"}]}]}

COMMENTED = """\
// of "this node
{"local":
\t[{"gpus": [{"id": "0", "slots": 2}, /* two, // of
 them */ {"id": "1"},]}],
}
"""
"""JSON as CTest takes it."""


def write(folder: Path, name: str, text: str) -> Path:
    """Return the path of a new file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pool.json", json.dumps(CTEST)),
        ("pool.json", json.dumps(CTEST, indent="\t")),
        ("pool.yaml", json.dumps(CTEST)),
        *((name, COMMENTED) for name in ("pool.json", "pool.txt", "pool")),
        ("pool.yaml", "local:\n  gpus:\n  - id: '0'\n    slots: 2\n  - id: '1'\n"),
        (
            "pool",
            "resource_pool:\n  additional_properties: {}\n  resources:\n    gpus: [{id: '0', slots: 2}, {id: 1}]\n",
        ),
        ("pool.yml", "\ufeffresources:\n  gpus: [{id: '0', slots: 2}, {id: 1}]\n"),
    ],
)
def test_the_documented_forms_are_read(tmp_path: Path, name: str, text: str) -> None:
    """YAML and JSON, both layouts and CTest's file describe the same pool."""
    pool = read_pool_file(write(tmp_path, name, text))
    assert pool.resources == {"gpus": [{"id": "0", "slots": 2}, {"id": "1", "slots": 1}]}


@pytest.mark.parametrize(
    ("name", "text", "place", "message"),
    [
        ("p.yaml", "local:\n  gpus:\n  - id: a\n    slots: -1\n", ":4", "local.gpus[0].slots: must be 0 or more"),
        ("p.yaml", "local:\n  gpus:\n  - id: a\n  - id: a\n", ":4", "the id 'a' is already used"),
        ("p.yaml", "local:\n  gpus: []\n  cpus: []\n  gpus: []\n", ":4", "key 'gpus' is given twice"),
        ("p.yaml", "local:\n  gpus:\n  - id: a\n    slots: 9223372036854775808\n", ":4", "must be below 2**63"),
        ("p.yaml", "additional_properties: {nodes: {count: 0}}\nresources: {cpus: []}\n", ":1", "must be 1 or more"),
        ("p.yaml", "local: [\n", ":1", "is not understood (did not find"),
        (
            "p.yaml",
            "local: !!python/object/apply:os.system [true]\n",
            ":1",
            "is not understood (could not determine",
        ),
        ("p.yaml", "local: 2020-99-99\n", ":1", "local: must be a mapping, not '2020-99-99'"),
        ("p.yaml", "", "", "holds no resource pool"),
        ("p.yaml", "- " * 3000 + "a", ":1", "is nested too deep"),
        ("p.yaml", "a: &a [*a]\nlocal: *a\n", ":1", "an alias stands inside what it stands for"),
        ("p.yaml", "local: \x01\n", ":1", "holds a character that YAML refuses"),
        ("p.yaml", "nodes: 3\n", ":1", "unknown key 'nodes'"),
        ("p.json", '{\n "local": {"gpus": [\n{"id": "a", "slots": "2"}]}}', ":3", "must be a whole number"),
        ("p.json", '{\n "local": {"gpus": [],\n"gpus": []}}', ":3", "key 'gpus' is given twice"),
        ("p.json", '{\n\t"local": {},\n\t"local": {}}', "", "given twice"),
        ("p.json", '{\n "local": ', ":2", "is not JSON"),
        ("p.json", '// a\n{"local": /* b\n */ {"gpus": [{"id": "a//,]", "slots": "2"},]}}', ":3", "a whole number"),
        ("p.json", "/*" * 100_000, ":1", "is not JSON"),
        ("p.json", '"\\"' * 100_000, ":1", "is not JSON"),
        ("p.json", "[" * 100_000, "", "is nested too deep"),
        ("p.json", '{"local": {"gpus": [{"id": "a", "slots": 1e999}]}}', ":1", "must be a whole number"),
        ("p.json", '{"local": {"gpus": [{"id": "a", "slots": ' + "9" * 5000 + "}]}}", "", "is not understood (Exceeds"),
        ("p.json", "[]", "", "holds no resource pool"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, name: str, text: str, place: str, message: str) -> None:
    """Each mistake is an input error of one line that starts with the file, and the line where it is known."""
    path = write(tmp_path, name, text)
    with pytest.raises(InputError) as caught:
        read_pool_file(path)
    assert str(caught.value).startswith(f"{path}{place}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and one that is not text are input errors too."""
    with pytest.raises(InputError, match="cannot be read"):
        read_pool_file(tmp_path / "none.yaml")
    (tmp_path / "raw.yaml").write_bytes(b"local: \xff")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_pool_file(tmp_path / "raw.yaml")
