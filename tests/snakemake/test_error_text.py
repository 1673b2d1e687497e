"""The essence of Snakemake's text: the line that says why, whatever stands around it."""

from pathlib import Path

import pytest

from canary_wf.snakemake.error_text import essence

GATE = """\
RuleException:
CalledProcessError in file "/w/rules/gate.smk", line 55:
Command 'set -euo pipefail;  false' returned non-zero exit status 1.
Error in rule gate:
    jobid: 1
Exiting because a job execution failed. Look below for error messages
canary-wf: the run did not pass; see what happened with: canary-wf status
WorkflowError:
At least one job did not complete successfully.
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("snakemake: error: unrecognized arguments: --nosuch\n", "unrecognized arguments: --nosuch"),
        ("usage: snakemake\n__main__.py: error: invalid choice: 'x'\n", "invalid choice: 'x'"),
        (
            "WorkflowError:\nFailed to open source file a\nNo such file\n\nmore\n",
            "Failed to open source file a No such file",
        ),
        ("LockException:\nError: Directory cannot be locked.\n", "Error: Directory cannot be locked."),
        (
            'NameError in file "/w/Snakefile", line 3:\nname x is not defined\n',
            'in file "/w/Snakefile", line 3: name x',
        ),
        (
            "Traceback (most recent call last):\n  File x\nOSError: [Errno 28] No space left\n",
            "[Errno 28] No space left",
        ),
        (
            "canary-wf: /w: was planned for Slurm nodes; run it there\nWorkflowError:\nrefused\n",
            "was planned for Slurm",
        ),
        (f"Error in rule batch_ab12:\n    jobid: 3\n{GATE}", "rule batch_ab12 failed"),
        ("something else\n\n", "something else"),
        ("\x1b[2J::error::x\n", "\\x1b[2J::error::x"),
    ],
)
def test_the_reason_is_found(text: str, expected: str, tmp_path: Path) -> None:
    """In one line without control characters."""
    file = tmp_path / "snakemake.log"
    file.write_text(f"building DAG of jobs...\n{text}")
    found = essence(file)
    assert found is not None
    assert expected in found
    assert found.isprintable()


def test_only_this_run_counts(tmp_path: Path) -> None:
    """What an earlier run wrote into the file is passed over; a long text is read from its end."""
    file = tmp_path / "snakemake.log"
    file.write_text("WorkflowError:\nearlier\n\n")
    start = file.stat().st_size
    with file.open("a") as more:
        more.write("x" * (1 << 20) + "\nWorkflowError:\nnow\n")
    assert essence(file, start) == "now"
    assert essence(tmp_path / "nowhere") is None


def test_a_failed_rule_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    """Such as the disk that was full."""
    session = tmp_path / ".canary-wf" / "sessions" / "s"
    session.mkdir(parents=True)
    (tmp_path / "log.txt").write_text("[1/2] PASS a\ncanary-wf: batch ab: free some space\n")
    text = "Error in rule batch_ab:\n    jobid: 3\n    log: log.txt (check log file(s) for error details)\n    shell:\n"
    (session / "snakemake.log").write_text(text)
    assert essence(session / "snakemake.log") == "rule batch_ab failed: canary-wf: batch ab: free some space"
