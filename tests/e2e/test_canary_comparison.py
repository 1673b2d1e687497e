"""The same trees under canary-wm and under canary-wf: jobs, names, dependencies and verdicts.

What differs is listed here and, with the reason, in the table of `docs/canary.md`; neither may say more or less.
"""

import re
import shutil
from pathlib import Path

import pytest
from canary_features import FILES
from canary_peer import Peer, differences, install, run_ours
from workspace import Workspace

DOCUMENT = Path(__file__).parents[2] / "docs" / "canary.md"

pytestmark = pytest.mark.xdist_group("canary-wm")

EXAMPLES = {
    "ctest/resource_group_test_1.cpus=2.gpus=2": ("SUCCESS", "-"),
    "ctest/resource_group_test_1": ("-", "SUCCESS"),
    "ctest/resource_group_test_2.cpus=2.gpus=2": ("SUCCESS", "-"),
    "ctest/resource_group_test_2": ("-", "SUCCESS"),
    "vvt/include": ("SUCCESS", "-"),
    "vvt/test_exec_dir.np=3.x=1.234e6": ("SUCCESS", "-"),
    "vvt/test_exec_dir.np=4.x=1.234e7": ("SUCCESS", "-"),
    "vvt/test_exec_dir.np=5.x=1.234e8": ("SUCCESS", "-"),
    "vvt/test_exec_dir.np=6.x=1.23423476498e-2": ("SUCCESS", "-"),
}
"""In canary's own example tree: the outcome under canary and under canary-wf (``-``: no such job)."""

FEATURES = {
    "all/anyway": ("FAILED", "SUCCESS"),
    "around/beside": ("ERROR", "SUCCESS"),
    "around/late": ("SUCCESS", "TIMEOUT"),
    "around/no_file": ("ERROR", "BROKEN"),
    "around/no_module": ("ERROR", "BROKEN"),
    "self/reads": ("FAILED", "SUCCESS"),
    "when/keywords": ("FAILED", "XFAIL"),
}
"""The same in the tree of `canary_features`."""

REFUSED = {
    "include": (3, 0, "from canary_pyt import directives as d\nd.include('other.pyt')\n"),
    "stages": (3, 0, "from canary_pyt import directives as d\nd.stages('run', 'post')\n"),
    "flag and script": (
        0,
        3,
        "from canary_pyt import directives as d\nd.parameterize('n', [1])\nd.analyze(flag='-x', script='s.sh')\n",
    ),
    "unquoted condition": (
        3,
        0,
        "from canary_pyt import directives as d\nd.parameterize('n', [1])\nd.keywords('k', when='parameters=n=1')\n",
    ),
}
"""Files that one of the two refuses to read: the exit codes under canary and under canary-wf, and the file."""


@pytest.fixture(scope="module")
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """Return canary-wm, installed once and kept for later runs where pytest has a cache."""
    cache = getattr(request.config, "cache", None)
    return install(tmp_path_factory.mktemp("canary-wm") if cache is None else cache.mkdir("canary-wm"))


def _documented() -> dict[str, tuple[str, str]]:
    """Return the rows of the document's tables: the first three cells, of which the first is in backquotes."""
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]+) \| [^|]{10,} \|$", DOCUMENT.read_text(), re.MULTILINE)
    return {place: (one.strip(), other.strip()) for place, one, other in rows}


def test_the_document_lists_every_difference() -> None:
    """Each has its row with a reason, and no row stands for a difference that is gone."""
    codes = {name: (f"exit code {one}", f"exit code {other}") for name, (one, other, _) in REFUSED.items()}
    assert _documented() == {**EXAMPLES, **FEATURES, **codes}


def test_the_example_tree_of_canary(peer: Peer, workspace: Workspace, tmp_path: Path) -> None:
    """All examples of canary's documentation give the same jobs, dependencies and verdicts, but for what is listed."""
    shutil.copytree(peer.examples, workspace.tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for script in workspace.tree.glob("ctest/*.py"):
        script.chmod(0o755)  # as in canary's sources; its wheel loses it
    theirs = peer.run(workspace.tree, tmp_path / "peer")
    assert len(theirs) > 80
    assert differences(theirs, run_ours(workspace)) == EXAMPLES


def test_every_documented_feature(peer: Peer, workspace: Workspace, tmp_path: Path) -> None:
    """A file a feature: parameters, conditions, dependencies, verdicts, masks, aggregates, files, set-up, instance."""
    for name, text in FILES.items():
        workspace.write(name, text).chmod(0o755)
    theirs = peer.run(workspace.tree, tmp_path / "peer", "-o", "opt")
    assert len(theirs) > 130
    assert differences(theirs, run_ours(workspace, "-o", "opt")) == FEATURES


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_one_of_the_two_refuses(peer: Peer, workspace: Workspace, tmp_path: Path, case: str) -> None:
    """What cannot be read ends with exit code 3."""
    one, other, text = REFUSED[case]
    workspace.write("t.pyt", text)
    workspace.write("other.pyt", "")
    assert peer.call("run", workspace.tree / "t.pyt", cwd=tmp_path / "peer").returncode == one
    assert workspace.canary_wf("find", workspace.tree / "t.pyt").returncode == other


def test_selections_choose_the_same_jobs(peer: Peer, workspace: Workspace, tmp_path: Path) -> None:
    """Keyword and parameter expressions, owners and regular expressions mean the same to both."""
    for name, text in FILES.items():
        if name.startswith(("names/", "needs/base", "needs/by")):
            workspace.write(name, text)
    workspace.write("own/mine.pyt", "from canary_pyt import directives as d\nd.owners('me')\nd.keywords('Mine', 'x')\n")
    keywords = ("base", "not base and not f*", "mine", "MINE and x", "*names/*")
    options = [("-k", text) for text in keywords] + [("-p", text) for text in ("n=1", "cpus>1", "n=*", "!n")]
    options += [("--owner", "me"), ("--regex", "owners")]
    for number, option in enumerate(options):
        done = workspace.canary_wf("find", *option, workspace.tree)
        ours = {line.split("  ", 1)[1] for line in done.stdout.splitlines()}
        assert ours == peer.find(workspace.tree, tmp_path / str(number), *option), option
