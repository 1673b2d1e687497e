"""Build trees without a build, and a ctest that answers what a test wants."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest


def listed(name: str, *command: str, **properties: Any) -> dict[str, Any]:  # noqa: ANN401 - any property
    """Return one test as ``ctest --show-only=json-v1`` lists it; without `command`, ``/bin/true`` is meant."""
    pairs = [{"name": key, "value": value} for key, value in properties.items()]
    return {"name": name, "command": list(command or ("/bin/true",)), "properties": pairs}


def answer(*tests: dict[str, Any]) -> str:
    """Return the listing of `tests`."""
    return json.dumps({"kind": "ctestInfo", "version": {"major": 1, "minor": 0}, "tests": tests}, indent=2)


class FakeTree:
    """A build tree in `folder`, and a program called ctest, the only one on PATH, that tells its calls."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "build"
        self.programs = folder / "bin"
        self.calls = folder / "calls"
        self.folder.mkdir()
        self.programs.mkdir()
        monkeypatch.setenv("PATH", str(self.programs))
        self.write("CTestTestfile.cmake", "")

    def write(self, name: str, text: str) -> None:
        """Write one file of the build tree."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def answers(self, text: str, *, names: str = "", code: int = 0, said: str = "", version: str = "3.25.1") -> None:
        """Let ctest print `text` for a listing in JSON and `names` for one of names, and `said` on standard error."""
        program = self.programs / "ctest"
        program.write_text(
            f"#!{sys.executable}\n"
            "import os, sys\n"
            f"open({str(self.calls)!r}, 'a').write(os.getcwd() + ' ' + ' '.join(sys.argv[1:]) + '\\n')\n"
            f"if '--version' in sys.argv: print('ctest version {version}'); sys.exit(0)\n"
            f"sys.stdout.write({names!r} if '-N' in sys.argv else {text!r})\n"
            f"sys.stderr.write({said!r})\n"
            f"sys.exit({code})\n"
        )
        program.chmod(0o755)

    def listings(self) -> list[str]:
        """Return the folder and arguments of each call that was not for the version."""
        return [line for line in self.calls.read_text().splitlines() if not line.endswith("--version")]
