"""Nothing in a session's files leads out of it: each text in them is made a path elsewhere, and every command is run.

What lies there stays as it is, and none of it is shown: no output, page or message has a word of it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from factories import plan_of, spec
from sessions import recorded

from canary_wf.spec.job_spec import Baseline
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import Outcome

SECRET = "SECRET-OF-THE-READER"

READING = (
    ["status", "-r", "all"],
    ["status", "--json"],
    ["log", "a"],
    ["location", "a"],
    ["history"],
    ["report", "markdown", "-o", "-"],
    ["report", "json", "-o", "-"],
    ["report", "junit", "-o", "-"],
    ["report", "html", "-o", "-"],
)
ACTING = (
    ["rebaseline", "a"],
    ["rerun", "--failed"],
    ["cancel"],
    ["gc", "--keep", "1"],
)
FILES = ("plan", "slice", "journal", "attempt", "submission", "result", "job", "withdrawn", "history", "copies")


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the reader's with files of all the names that a session knows."""
    folder = tmp_path_factory.mktemp("outside") / "home"
    folder.mkdir()
    names = ("canary-out.txt", "canary-out.1.txt", "job.json", "result.json", "gate.json", "notes.txt", "copies.txt")
    for name in names:
        (folder / name).write_text(f"{SECRET}\n")
    for name in ("jobs", "batches", "slices"):
        (folder / name).mkdir()
        (folder / name / "file").write_text(SECRET)
    return folder


def _session(out: Path) -> SessionPaths:
    """Make a session with a failed job that ran twice, one that waits for it, and all the files there can be."""
    baseline = (Baseline(source="canary-out.txt", target="reference.txt"),)
    plan = plan_of([spec("a", baselines=baseline), spec("b")])
    paths = recorded(out, plan, {"a": Outcome.FAILED, "b": Outcome.SUCCESS})
    batch = paths.batch(plan.batches[0].id)
    lines = batch.journal.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if '"FAILED"' in line)
    finished = json.loads(lines[place])
    retried = {**finished, "event": "job_retried", "output": "canary-out.1.txt"}
    lines[place:place] = [
        json.dumps(retried),
        json.dumps({"event": "job_started", "time": 5.0, "job": finished["job"]}),
    ]
    batch.journal.write_text("\n".join(lines) + "\n")
    batch.submission.write_text(json.dumps({"submissions": [{"time": 1.0, "slurm_job_id": "7", "ended": 2.0}]}))
    batch.result.write_text(json.dumps({"schema": "canary-wf/result/1", "session": paths.session, "batch": "x"}))
    batch.copies.write_text('"/nowhere/result.json"\n')
    (paths.folder / "withdrawn.json").write_text('{"times": [1.0]}')
    history = out / ".canary-wf" / "history" / "runtimes.json"
    history.parent.mkdir(exist_ok=True)
    content = {"schema": "canary-wf/history/1", "runtimes": {plan.jobs[0].id: [[paths.session, 1.0]]}, "forgotten": {}}
    history.write_text(json.dumps(content))
    return paths


def _file(paths: SessionPaths, name: str) -> Path:
    batch = paths.batch(next((paths.folder / "batches").iterdir()).name)
    job = next(paths.jobs.iterdir()) / "job.json"
    named = {
        "plan": paths.plan,
        "slice": next((paths.folder / "slices").iterdir()),
        "job": job,
        "withdrawn": paths.folder / "withdrawn.json",
        "history": paths.out / ".canary-wf" / "history" / "runtimes.json",
    }
    return named.get(name) or getattr(batch, name)


def _texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - parsed JSON
    """Yield where texts stand in `value`, and keys of objects that anybody may choose; of a list its first item."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value[:1]):
            yield from _texts(inner, (*path, place))
    elif isinstance(value, str) or value is None:
        yield path


def _replaced(value: Any, path: tuple[Any, ...], text: str) -> Any:  # noqa: ANN401 - parsed JSON
    if not path:
        return text
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], text)
    return copy


def _variants(content: str, texts: tuple[str, ...], *, lines: bool) -> Iterator[str]:
    """Yield `content` with one text at a time replaced, by the `texts` in turn."""
    parts = content.splitlines() if lines else [content]
    number = 0
    for place, part in enumerate(parts):
        value = json.loads(part)
        for path in _texts(value):
            changed = json.dumps(_replaced(value, path, texts[number % len(texts)]))
            number += 1
            yield "\n".join([*parts[:place], changed, *parts[place + 1 :]]) + "\n"


def _listing(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.read_text() if path.is_file() else "")
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("name", FILES)
def test_no_text_in_a_file_of_a_session_leads_out(small: CommandLine, outside: Path, name: str) -> None:
    """Absolute, by way of `..`, and as the name of a file there."""
    paths = _session(small.folder)
    file = _file(paths, name)
    right = file.read_text()
    up = "../" * 12 + str(outside).lstrip("/")
    texts = (str(outside), up, str(outside / "canary-out.txt"), f"{up}/canary-out.txt")
    before = _listing(outside)
    for text in _variants(right, texts, lines=name in {"journal", "copies"}):
        for command in (*READING, *ACTING):
            if command[0] in {"rebaseline", "rerun", "cancel"}:  # each begins with the file as it was prepared
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            elif command == READING[0]:
                file.write_text(text)
            done = small(*command)
            assert SECRET not in done.out + done.err, (command, text)
            assert "Traceback" not in done.err, (command, text)
        assert _listing(outside) == before, text


@pytest.mark.parametrize("kind", ["out", "reference", "folder", "pipe", "dangling", "inside"])
def test_a_folder_of_results_takes_nothing_in_from_elsewhere(small: CommandLine, outside: Path, kind: str) -> None:
    """What a job links into the folder that becomes the reference, or what the references link to, stays outside."""
    test = small.folder / "tests" / "a.pyt"
    test.parent.mkdir()
    job = spec("a", file=str(test), baselines=(Baseline(source="results", target=str(test.parent / "reference")),))
    paths = recorded(small.folder, plan_of([job]), {"a": Outcome.DIFFED})
    results = next(paths.jobs.iterdir()) / "results" / "inner"
    results.mkdir(parents=True)
    (results / "numbers.txt").write_text("3\n")
    reference = test.parent / "reference" / "inner"
    match kind:
        case "out":
            (results / "more.txt").symlink_to(outside / "notes.txt")
        case "reference":
            reference.mkdir(parents=True)
            (reference / "numbers.txt").symlink_to(outside / "notes.txt")
        case "folder":
            (results / "more").symlink_to(outside)
        case "pipe":
            os.mkfifo(results / "more.txt")
        case "dangling":
            (results / "more.txt").symlink_to("nowhere")
        case _:
            (results / "more.txt").symlink_to("numbers.txt")
    before = _listing(outside)
    done = small("rebaseline", "a")
    assert _listing(outside) == before
    assert (done.code, done.err.count("\n")) == ((0, 0) if kind == "inside" else (1, 1)), done
    found = {path.name: path.read_text() for path in reference.rglob("*")} if kind != "reference" else {}
    assert found == ({"numbers.txt": "3\n", "more.txt": "3\n"} if kind == "inside" else {})
