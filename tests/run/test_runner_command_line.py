"""The command line of `run-batch`: what rules write is read without argparse, and means the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from factories import plan_of, spec
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.plan.store import write_session
from canary_wf.run.command_line import RunOptions, command_parser, read_arguments, read_rule_form

WORDS = st.sampled_from(
    ["b1", "--plan", "p.json", "--result", "r.json", "--workers", "3", "0", "--bind", "--debug", "-x", "--plan=p", ""]
)


def _by_argparse(arguments: list[str]) -> RunOptions | None:
    try:
        return RunOptions(**vars(command_parser().parse_args(arguments)))
    except SystemExit:
        return None


@given(st.lists(WORDS, max_size=9))
def test_what_is_read_at_once_means_what_argparse_says(arguments: list[str]) -> None:
    """The short way gives the same answer, or none."""
    options = read_rule_form(arguments)
    assert options is None or options == _by_argparse(arguments)


def test_a_rule_s_line_is_read_at_once() -> None:
    """Both forms that rules have."""
    plan, result = Path("/o/plan.json"), Path("/p/result.json")
    assert read_rule_form(["c2", "--plan", "/o/plan.json"]) == RunOptions("c2", plan)
    line = ["c2", "--plan", "/o/plan.json", "--result", "/p/result.json", "--workers", "2", "--bind"]
    assert read_rule_form(line) == RunOptions("c2", plan, result, 2, bind=True)


def test_a_wrong_line_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """As every other command does it."""
    with pytest.raises(SystemExit, match="2"):
        read_arguments(["c2", "--plan", "p", "--workers", "0"])
    assert "'0' is not a whole number above zero; try canary-wf run-batch --help" in capsys.readouterr().err


@pytest.mark.parametrize("hooks", [(), ("atexit_hook:hear",)])
def test_what_a_hook_does_at_exit_is_done(tmp_path: Path, hooks: tuple[str, ...]) -> None:
    """The runner ends at once only where no code of others could want something at its end."""
    (tmp_path / "atexit_hook.py").write_text(
        f"import atexit, pathlib\natexit.register(pathlib.Path({str(tmp_path / 'done')!r}).touch)\ndef hear(*_): pass\n"
    )
    plan = plan_of([spec("a")], hooks=hooks)
    paths = write_session(plan, tmp_path / "out")
    command = [sys.executable, "-m", "canary_wf", "run-batch", plan.batches[0].id, "--plan", str(paths.plan)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "CANARY_WF_LEASE_DIR": str(tmp_path / "l")}
    answer = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "[1/1] PASS a in " in answer.stdout
    assert (tmp_path / "done").exists() == bool(hooks)


def test_ctrl_c_waits_until_msgspec_is_imported(tmp_path: Path) -> None:
    """Its import, cut short, would end in a segmentation fault."""
    (tmp_path / "msgspec.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('whole')\n")
    command = [sys.executable, "-P", "-m", "canary_wf", "run-batch", "b", "--plan", "p"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.returncode) == ("whole\n", 130), answer.stderr
