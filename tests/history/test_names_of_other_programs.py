"""Whose run times another program's names are."""

import msgspec
from factories import planned, spec

from canary_wf.durations import LONGEST
from canary_wf.history.import_sources import durations_by_job

JOBS = [
    planned(spec("mesh", command=("mesh.exe",))),
    planned(spec("unit", command=("python3", "-m", "pytest", "tests/test_a.py"))),
    planned(spec("one", command=("pytest", "tests/test_b.py::test_x"))),
]
MESH, UNIT, ONE = (job.id for job in JOBS)


def test_a_name_is_a_job() -> None:
    """By its name or id; other names are counted."""
    assert durations_by_job({"mesh": 1.0, UNIT: 2.0, "gone": 3.0}, JOBS) == ({MESH: 1.0, UNIT: 2.0}, 1)


def test_a_node_counts_for_the_job_that_runs_it() -> None:
    """A job that runs a file takes as long as all its tests; one that runs a test as long as that, parameters too."""
    nodes = {
        "tests/test_a.py::test_1": 1.0,
        "tests/test_a.py::Group::test_2": 2.0,
        "tests/test_b.py::test_x": 4.0,
        "tests/test_b.py::test_y": 8.0,
    }
    assert durations_by_job(nodes, JOBS) == ({UNIT: 3.0, ONE: 4.0}, 1)


def test_sums_stay_durations() -> None:
    """However much is added up, it can be read back."""
    found, _ = durations_by_job({f"tests/test_a.py::{n}": LONGEST for n in range(3)}, JOBS)
    assert found == {UNIT: LONGEST}


def test_files_are_named_from_the_top_or_from_beside_the_job() -> None:
    """A job of tests/a.jobs.yaml runs test_c.py, which pytest calls tests/test_c.py."""
    job = msgspec.structs.replace(planned(spec("beside", command=("pytest", "./test_c.py"))), path="tests/a.jobs.yaml")
    assert durations_by_job({"tests/test_c.py::test_1": 2.0, "test_c.py::test_1": 1.0}, [job]) == ({job.id: 2.0}, 1)


def test_tests_of_ctest_are_found_by_their_own_names() -> None:
    """Which may be none that a job can have."""
    job = planned(spec("Mesh__coarse", kind="ctest", attributes={"test": "Mesh: coarse"}))
    assert durations_by_job({"Mesh: coarse": 2.0, "Mesh:": 1.0}, [job]) == ({job.id: 2.0}, 1)
