"""What the shell offers for values: names of jobs and sessions of the workspace that is meant, outcomes, KEY=VALUE."""

import pytest
from command_line import CommandLine


@pytest.fixture
def offered(small: CommandLine, monkeypatch: pytest.MonkeyPatch) -> "Offered":
    """Return what asks for the completions of a command line, in a folder with a generated workspace."""
    assert small.generate().code == 0
    return Offered(small, monkeypatch)


class Offered:
    """Completions of command lines, of which the last word is being typed."""

    def __init__(self, cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cli = cli
        self.monkeypatch = monkeypatch

    def __call__(self, line: str) -> list[str]:
        """Return what is offered for the last word of `line`."""
        with self.monkeypatch.context() as patched:
            patched.setenv("_CANARY_WF_COMPLETE", "bash_complete")
            patched.setenv("COMP_WORDS", line)
            patched.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
            done = self.cli()
        return [each.partition(",")[2] for each in done.out.splitlines() if each]


def test_jobs_are_offered_by_name(offered: Offered) -> None:
    """Of the workspace that -d names, and that the configuration names."""
    out = offered.cli.out
    assert offered(f"canary-wf log -d {out} tw") == ["two.n=1", "two.n=2"]
    assert offered(f"canary-wf rerun -d {out} one ") == ["one", "two.n=1", "two.n=2"]
    assert offered("canary-wf location o") == []
    (offered.cli.folder / "canary-wf.yaml").write_text(f"paths: {{out: {out.name}}}\n")
    assert offered("canary-wf location o") == ["one"]
    (offered.cli.folder / "canary-wf.yaml").write_text("paths: [\n")
    assert offered("canary-wf location o") == []


def test_sessions_outcomes_and_pairs_are_offered(offered: Offered) -> None:
    """Sessions newest first; of several outcomes the one behind the last comma."""
    out = offered.cli.out
    (session,) = (path.name for path in (out / ".canary-wf" / "sessions").iterdir() if not path.name.startswith("."))
    assert offered(f"canary-wf diff -d {out} 2") == [session]
    assert offered("canary-wf status -r failed,ti") == ["failed,timeout"]
    assert offered("canary-wf rerun --only o") == ["oom"]
    assert offered("canary-wf generate -b fail") == ["fail_on=any", "fail_on=never"]


def test_a_job_that_is_not_there_is_compared_with_those_that_are(offered: Offered) -> None:
    """Parts of names, then names that look alike."""
    out = offered.cli.out
    assert "did you mean two.n=1, two.n=2?" in offered.cli("log", "two", "-d", out).err
    assert "did you mean one?" in offered.cli("log", "onne", "-d", out).err
    assert "status -r all lists them" in offered.cli("log", "qqqq", "-d", out).err
    assert offered.cli("rerun", "-d", out).out == "No job has failed; nothing to reset.\n"
