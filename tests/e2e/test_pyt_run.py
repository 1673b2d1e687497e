"""Test files from end to end: what happens around a test, what it leaves, references, and what describe shows."""

import json

from workspace import Workspace

AROUND = """
import os, sys, time
import canary
from canary_pyt import directives as d
d.source("env.rc")
d.set_attribute(first=1)
@d.setup
def before(job):
    open("before.txt", "w").write(os.environ["FROM_RC"])
@d.teardown
def after(job):
    open("after.txt", "w").write(str(job.status.outcome))
if __name__ == "__main__":
    assert open("before.txt").read() == "yes"
    me = canary.get_instance()
    me.set_attribute(second=[2])
    me.add_measurement("speed", 4.5)
"""
READER = """
import canary
from canary_pyt import directives as d
d.depends_on("around")
if __name__ == "__main__":
    upstream = canary.get_instance().get_dependency("around")
    assert upstream.attributes == {"first": 1, "second": [2]}, upstream.attributes
    assert upstream.measurements["speed"] == 4.5
    assert open(upstream.working_directory + "/after.txt").read() == "SUCCESS"
"""
COMPARES = """
import sys
import canary
from canary_pyt import directives as d
d.copy("ref.txt")
d.baseline(src="out.txt", dst="ref.txt")
d.baseline(flag="--rebase")
if __name__ == "__main__":
    if "--rebase" in sys.argv:
        print("rebased")
        sys.exit(0)
    open("out.txt", "w").write("new")
    if open("ref.txt").read() != "new":
        raise canary.TestDiffed("not as before")
"""


def test_setup_source_teardown_and_attributes_in_a_run(workspace: Workspace) -> None:
    """All of it works under the batch runner, and `job.json` tells what the test noted."""
    workspace.write("env.rc", "export FROM_RC=yes\n")
    workspace.write("around.pyt", AROUND)
    workspace.write("reader.pyt", READER)
    workspace.write("broken.pyt", AROUND.replace("env.rc", "none.rc"))
    workspace.generate()
    workspace.snakemake()
    assert workspace.outcomes() == {"around": "SUCCESS", "reader": "SUCCESS", "broken": "BROKEN"}
    state = json.loads((workspace.out / "TestResults" / "around" / "job.json").read_text())
    assert state["spec"]["attributes"] == {"first": 1, "second": [2]}
    assert state["measurements"]["speed"] == 4.5
    reasons = {job["name"]: job["reason"] for job in workspace.status()["jobs"]}
    assert "there is no such file to source" in reasons["broken"]


def test_the_multiplier_moves_the_kill_limit(workspace: Workspace) -> None:
    """A job that takes longer than its timeout passes, and the timeout in the plan is the one of the file."""
    text = "import time, canary\ncanary.directives.timeout(1)\nif __name__ == '__main__': time.sleep(1.5)\n"
    workspace.write("slow.pyt", text)
    workspace.generate("--timeout", "multiplier=20")
    assert workspace.snakemake().returncode == 0
    (job,) = json.loads(next(workspace.out.glob(".canary-wf/sessions/*/plan.json")).read_text())["jobs"]
    assert (job["timeout"], job["timeout_multiplier"]) == (1.0, 20.0)


def test_rebaseline_makes_differences_the_reference(workspace: Workspace) -> None:
    """By default what DIFFED; afterwards the test passes. Jobs without results or baselines are refused by name."""
    workspace.write("ref.txt", "old")
    workspace.write("compares.pyt", COMPARES)
    workspace.write("plain.pyt", "")
    workspace.generate()
    early = workspace.canary_wf("rebaseline", "compares", "-d", workspace.out)
    assert (early.returncode, "has not run" in early.stderr) == (2, True)
    workspace.snakemake()
    assert workspace.outcomes() == {"compares": "DIFFED", "plain": "SUCCESS"}
    done = workspace.canary_wf("rebaseline", "-d", workspace.out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "compares: ref.txt, ran it with --rebase",
        "Made the results of 1 job the reference.",
    ]
    assert (workspace.tree / "ref.txt").read_text() == "new"
    assert (workspace.out / "TestResults/compares/canary-baseline.txt").read_text() == "rebased\n"
    none = workspace.canary_wf("rebaseline", "plain", "-d", workspace.out)
    assert (none.returncode, "declares no baseline" in none.stderr) == (2, True)
    workspace.generate()
    workspace.snakemake()
    assert workspace.outcomes() == {"compares": "SUCCESS", "plain": "SUCCESS"}
    nothing = workspace.canary_wf("rebaseline", "-d", workspace.out)
    told = "Made the results of 0 jobs the reference: no job ended with differences.\n"
    assert (nothing.returncode, nothing.stdout) == (0, told)


def test_describe_shows_patterns_of_other_files_and_masks(workspace: Workspace) -> None:
    """A file is shown alone: what it depends on elsewhere by pattern, what is masked with the reason."""
    file = workspace.write(
        "a.pyt",
        "from canary_pyt import directives as d\nd.parameterize('n', [1, 2])\nd.depends_on('elsewhere.*')\n"
        "d.depends_on({'job': 'other', 'expects': 3, 'when': 'always'})\nd.enable(False, when=\"parameters='n=2'\")\n",
    )
    done = workspace.canary_wf("describe", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("depends on jobs of other files: elsewhere.* (on_success), other (always)") == 2
    assert done.stdout.count("masked: enable=False") == 1
    (one, _) = json.loads(workspace.canary_wf("describe", "--json", file).stdout)["jobs"]
    assert one["depends_elsewhere"] == ["elsewhere.* (on_success)", "other (always)"]
    assert "link" in workspace.canary_wf("describe", "-v", file).stdout


def test_what_a_file_prints_does_not_reach_the_json(workspace: Workspace) -> None:
    """Standard output holds the JSON and nothing else, whatever the file prints, and by which way."""
    workspace.write(
        "a.pyt",
        "import os, sys\nprint('noise')\nos.write(1, b'noise')\nos.system('echo noise')\nsys.stderr.write('x')\n",
    )
    done = workspace.canary_wf("find", "--json", workspace.tree)
    assert [job["name"] for job in json.loads(done.stdout)["jobs"]] == ["a"]
    assert done.stderr == ""


def test_a_second_generate_keeps_what_was_read(workspace: Workspace) -> None:
    """The readings lie in OUT; `plan` writes nothing there."""
    workspace.write("a.pyt", "import canary\n")
    assert workspace.canary_wf("plan", workspace.tree, "-d", workspace.out, "-b", "scheduler=local").returncode == 0
    assert not workspace.out.exists()
    workspace.generate()
    assert len(list((workspace.out / ".canary-wf" / "cache").glob("files-*.msgpack"))) == 1
