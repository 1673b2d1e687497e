"""e3-testsuite's own tests with our scheduler in the place of its own: nothing of its code is here, both are installed.

The tests come in its source distribution. The call that e3-testsuite makes is the one of its release: with a running
status in fourth place, a graph of e3-core's, and workers of its own class.
"""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION = "27.3"
TESTS = ("test_multiprocessing.py", "test_basics.py")
PASSED = 49
PLUGIN = """
import e3.testsuite.multiprocess_scheduler as theirs
from canary_wf import multiprocess_scheduler as ours

class Scheduler(ours.MultiprocessScheduler):
    def run(self):
        super().run()
        with open({log!r}, "a") as file:
            file.write("ran ")

theirs.MultiprocessScheduler, theirs.compute_next_dyn_poll = Scheduler, ours.compute_next_dyn_poll
"""
"""A plugin of pytest, which is imported before any test."""


def _pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        message = f"needs e3-testsuite, which pip cannot install: {done.stderr.strip()[-300:]}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{message} (CI=true)", pytrace=False)
        pytest.skip(message)


@pytest.fixture
def e3(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder with the installed package and its tests, kept for later runs where pytest has a cache."""
    cache = getattr(request.config, "cache", None)
    folder = Path(tmp_path if cache is None else cache.mkdir("e3-testsuite")) / VERSION
    if not (folder / "complete").is_file():
        what = f"e3-testsuite=={VERSION}"
        _pip("install", "-q", "--upgrade", "--target", folder / "lib", what)
        _pip("download", "-q", "--no-deps", "--no-binary", ":all:", "--dest", folder, what)
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            archive.extractall(folder / "source", filter="data")
        (folder / "complete").touch()
    return folder


def test_the_scheduler_passes_the_tests_of_e3_testsuite(e3: Path, tmp_path: Path) -> None:
    """Errors of processes and of outputs, aborts, dependencies and limits are as they are with its own scheduler."""
    log = tmp_path / "log"
    (tmp_path / "canary_wf_in_e3.py").write_text(PLUGIN.format(log=str(log)))
    (tests,) = (e3 / "source").glob("*/tests")
    environment = {
        **os.environ,
        "PATH": f"{e3 / 'lib' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (tmp_path, ROOT, e3 / "lib"))),
    }
    environment.pop("PYTHONWARNINGS", None)  # one of the tests is about them
    settings = tmp_path / "pytest.ini"  # in the place of theirs, which asks for plugins
    settings.write_text("[pytest]\n")
    plugins = [word for name in ("no:cacheprovider", "no:xdist", "canary_wf_in_e3") for word in ("-p", name)]
    options = ("-q", "-c", str(settings), f"--basetemp={tmp_path / 'temp'}", *plugins)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *(str(tests / "tests" / name) for name in TESTS)],
        cwd=tests,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert f"{PASSED} passed" in done.stdout, done.stdout[-3000:] + done.stderr[-1000:]
    assert done.returncode == 0
    assert len(log.read_text().split()) > 5
