"""Asking one of Slurm's commands: an answer, or none, but never an error."""

from pathlib import Path

import pytest

from canary_wf.resources.slurm.command import Answer, ask_slurm


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("echo one two", Answer("one two\n", ok=True)),
        ("echo some; echo bad >&2; exit 1", Answer("some\n", ok=False)),
        (r"printf 'b\377\n'", Answer("b\ufffd\n", ok=True)),
        ('read -r word; echo "$word"', Answer("\n", ok=True)),
        ("exec sleep 60", Answer("", ok=False)),
    ],
)
def test_what_a_command_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, answer: Answer) -> None:
    """Its standard output, whatever bytes it has; it is asked nothing, and not waited for without end."""
    (tmp_path / "sinfo").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert ask_slurm("sinfo", seconds=0.5 if "sleep" in script else 60.0) == answer


def test_a_command_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a laptop."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ask_slurm("sinfo") == Answer("", ok=False)
