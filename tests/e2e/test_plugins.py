"""Packages of others: a new source of jobs and a new report, installed beside this one, and what goes wrong in them."""

import inspect
import json
import shutil
from pathlib import Path

import pytest
from workspace import Workspace

PACKAGE = Path(__file__).parent.parent / "plugin_package"
TABLE = "name,command,cpus\nfirst,true,1\nsecond,false,2\n"


@pytest.fixture
def site(workspace: Workspace, tmp_path: Path) -> Path:
    """Return a folder with the test package in it, where Python looks for packages."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site)
    workspace.environment["PYTHONPATH"] = str(site)
    workspace.write("some.jobs.csv", TABLE)
    return site


def test_a_package_adds_a_source_of_jobs_and_a_report(workspace: Workspace, site: Path) -> None:
    """Jobs of tables are planned and run like any others, beside those of other files, and reported as a table."""
    assert site.exists()
    workspace.write("own.jobs.yaml", "jobs: [{name: own, command: 'true'}]\n")
    workspace.generate("-r", "cpus=2")
    assert workspace.snakemake().returncode == 1
    assert workspace.outcomes() == {"first": "SUCCESS", "second": "FAILED", "own": "SUCCESS"}
    done = workspace.canary_wf("report", "table", "-d", workspace.out)
    assert done.returncode == 0, done.stderr
    assert [line.split(",")[:2] for line in done.stdout.splitlines()[1:]] == [
        ["own", "SUCCESS"],
        ["first", "SUCCESS"],
        ["second", "FAILED"],
    ]


def test_each_takes_twenty_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the promise of the documentation."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    import canary_wf_table  # type: ignore[import-not-found]

    for part in (canary_wf_table.TableFinder, canary_wf_table.table):
        assert len(inspect.getsource(part).splitlines()) <= 20


def test_without_the_package_its_names_mean_nothing(workspace: Workspace) -> None:
    """Files are passed over, and the report is unknown."""
    workspace.write("some.jobs.csv", TABLE)
    workspace.write("own.jobs.yaml", "jobs: [{name: own, command: 'true'}]\n")
    found = json.loads(workspace.canary_wf("find", workspace.tree, "--json").stdout)
    assert [job["name"] for job in found["jobs"]] == ["own"]
    workspace.generate()
    done = workspace.canary_wf("report", "table", "-d", workspace.out)
    assert done.returncode == 2
    assert "there is no report 'table'; write one of" in done.stderr


CLAIMS = "class TableFinder:\n    def claims(self, name): return True\n"
BROKEN = {
    "import no_such_module\n": "failed (ModuleNotFoundError: No module named 'no_such_module')",
    "class TableFinder:\n    def __init__(self): 1 / 0\n": "failed (ZeroDivisionError: division by zero)",
    "class TableFinder:\n    def claims(self, name): raise ValueError\n": "failed (ValueError)",
    f"{CLAIMS}    def drafts(self, files, options): return []\n": ("gave 0 lists of jobs for 1 files"),
    f"{CLAIMS}    def drafts(self, files, options): yield ['x']\n": ("gave a str instead of a Draft"),
    f"{CLAIMS}    def drafts(self, files, options): yield 1 / 0\n": ("failed (ZeroDivisionError: division by zero)"),
}


@pytest.mark.parametrize("code", BROKEN)
def test_an_error_in_a_finder_is_told_with_its_name(workspace: Workspace, site: Path, code: str) -> None:
    """One line and exit code 3; --debug shows where in the plug-in it happened."""
    (site / "canary_wf_table.py").write_text(code)
    done = workspace.canary_wf("find", workspace.tree)
    assert done.returncode == 3
    assert done.stderr.startswith(f"canary-wf: plug-in table (canary_wf.finders): {BROKEN[code]}"), done.stderr
    assert done.stderr.count("\n") == 1
    if "failed" in BROKEN[code]:
        assert "canary_wf_table" in workspace.canary_wf("--debug", "find", workspace.tree).stderr


def test_a_mistake_in_what_a_finder_read_is_told_with_the_file(workspace: Workspace, site: Path) -> None:
    """Jobs in the words of a job file are checked as those are."""
    assert site.exists()
    workspace.write("some.jobs.csv", TABLE.replace("second,false,2", "second,false,0"))
    done = workspace.canary_wf("find", workspace.tree)
    assert done.returncode == 3
    assert "some.jobs.csv: jobs[1].cpus: 0 is below 1" in done.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def table(state): return 1 / 0\n", "failed (ZeroDivisionError: division by zero)"),
        ("def table(state): return b'bytes'\n", "gave a bytes instead of text"),
    ],
)
def test_an_error_in_a_reporter_is_told_with_its_name(
    workspace: Workspace, site: Path, code: str, message: str
) -> None:
    """As with finders; formats of our own are written all the same."""
    workspace.write("own.jobs.yaml", "jobs: [{name: own, command: 'true'}]\n")
    workspace.generate("-r", "cpus=2")
    (site / "canary_wf_table.py").write_text(code)
    done = workspace.canary_wf("report", "table", "-d", workspace.out)
    assert done.returncode == 3
    assert done.stderr.startswith(f"canary-wf: plug-in table (canary_wf.reporters): {message}")
    assert workspace.canary_wf("report", "json", "-d", workspace.out).returncode == 0


def test_two_packages_with_one_name_are_told(workspace: Workspace, site: Path) -> None:
    """Which of them was meant cannot be known."""
    shutil.copytree(site / "canary_wf_table-1.0.dist-info", site / "other-1.0.dist-info")
    metadata = site / "other-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("canary-wf-table", "other"))
    done = workspace.canary_wf("find", workspace.tree)
    assert done.returncode == 3
    assert "plug-in table (canary_wf.finders): two packages have one of this name" in done.stderr
