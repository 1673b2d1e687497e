import hashlib
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from canary_wf.spec.identity import batch_id, job_directories, job_id, job_name


def test_names_have_parameters_in_key_order_and_short_floats() -> None:
    """`family.key=value`, floats by %g."""
    assert job_name("alpha", {"cpus": 2, "b": 1e6}) == "alpha.b=1e+06.cpus=2"
    assert job_name("alpha", {"b": 100000.0}) == "alpha.b=100000"
    assert job_name("alpha", {}) == "alpha"


def test_the_id_is_the_hash_of_canonical_json() -> None:
    """Anyone can compute an id from the words of docs/reference/contract.md, "Names and ids"."""
    text = '["a/b.pyt","b",{"n":1,"x":2.5}]'
    assert job_id("a/b.pyt", "b", {"x": 2.5, "n": 1}) == hashlib.sha256(text.encode()).hexdigest()[:20]


def test_the_batch_id_does_not_depend_on_the_order_of_jobs() -> None:
    """Twelve digits over the sorted ids."""
    assert batch_id(["b", "a"]) == batch_id(["a", "b"]) == hashlib.sha256(b"a\nb").hexdigest()[:12]


def test_plain_directories_are_folder_and_name() -> None:
    """The usual case is readable."""
    assert job_directories([("1" * 20, "sub/t.pyt", "t.a=1")]) == {"1" * 20: "sub/t.a=1"}


def test_colliding_directories_get_a_piece_of_the_id() -> None:
    """Names that differ only in case, or by what %g rounds away, do not share a directory."""
    found = job_directories([("a" * 20, "t.pyt", "T"), ("b" * 20, "t.pyt", "t"), ("c" * 20, "t.pyt", "u")])
    assert found == {"a" * 20: "T.aaaaaaaa", "b" * 20: "t.bbbbbbbb", "c" * 20: "u"}


def test_no_directory_lies_inside_another() -> None:
    """Clearing one job's directory must not remove another's."""
    found = job_directories([("a" * 20, "t.jobs.yaml", "mesh"), ("b" * 20, "mesh/t.pyt", "x")])
    assert found["a" * 20] == "mesh.aaaaaaaa"
    assert found["b" * 20] == "mesh/x"


@given(st.lists(st.tuples(st.sampled_from(["t.pyt", "a/t.pyt", "A/b/t.pyt"]), st.text(min_size=1)), max_size=8))
def test_directories_are_safe_and_distinct_whatever_the_names(jobs: list[tuple[str, str]]) -> None:
    """No name leads out of the jobs folder, is too long for a file system, or shares its place with another."""
    numbered = [(f"{number:020d}"[::-1], path, name) for number, (path, name) in enumerate(jobs)]
    found = job_directories(numbered)
    folded = [directory.casefold() for directory in found.values()]
    assert len(set(folded)) == len(numbered)
    for directory in found.values():
        parts = PurePosixPath(directory).parts
        assert directory == "/".join(parts)
        assert not PurePosixPath(directory).is_absolute()
        assert not {"..", "."} & set(parts)
        assert all(len(part.encode("utf-8", "surrogatepass")) <= 255 for part in parts)
        assert "\0" not in directory
