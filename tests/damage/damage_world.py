"""The workspaces that the damage campaign damages: one whose run is over, one whose runner was killed in its midst.

Both have two sessions, and in the newest one a job that failed, so no command may call them passed. Commands run in
forked children of this process, with limits on their time and memory.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import pkgutil
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import canary_wf
from canary_wf.cli.main import main
from canary_wf.plan.store import load_plan, newest_session

TREE = {
    "tests/a.jobs.yaml": """\
jobs:
  - name: ok
    command: [sh, -c, "echo ok"]
  - name: bad
    command: [sh, -c, "echo bad; exit 3"]
  - name: after
    command: [sh, -c, "echo after"]
    depends_on: [bad]
  - name: last
    command: [sh, -c, "touch .ran; exec sleep ${SECONDS_OF_LAST:-0}"]
""",
    "tests/b.pyt": "import canary\ncanary.directives.keywords('fast')\ncanary.directives.parameterize('n', [1, 2])\n",
    "canary-wf.yaml": "paths:\n  tests: [tests]\nbatch:\n  scheduler: local\n",
    "pool.yaml": "resource_pool:\n  resources:\n    cpus: [{id: '0', slots: 1}, {id: '1', slots: 1}]\n",
}

HUNG = -1
"""The exit code of a command that did not end in time."""

TRACEBACK = 99
"""The exit code of a command that raised something."""

LIMIT = 30.0
"""Seconds within which each command ends; most take a tenth of one, but machines have other things to do."""

MEMORY = 3 << 30
"""Bytes of address space of one command."""


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    command: str
    code: int
    out: str
    err: str


def in_child(name: str, work: Callable[[], int], folder: Path, *, obeys: bool = False, limit: float = LIMIT) -> Ended:
    """Do `work` in a forked process in `folder` and return how it ended; also root `obeys` modes when asked to."""
    streams = [folder.parent / f"{folder.name}.{kind}" for kind in ("out", "err")]
    child = os.fork()
    if not child:
        _be_child(work, folder, streams, obeys=obeys)
    end = time.monotonic() + limit
    pause = 0.001
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            break
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            code = HUNG
            break
        time.sleep(pause)
        pause = min(0.02, 1.5 * pause)
    texts = [stream.read_bytes().decode(errors="replace") for stream in streams]
    return Ended(name, code, *texts)


def _be_child(work: Callable[[], int], folder: Path, streams: Sequence[Path], *, obeys: bool) -> None:
    code = TRACEBACK
    try:
        os.setpgid(0, 0)
        for number, stream in enumerate(streams, 1):
            os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.stdout.reconfigure(errors="backslashreplace")
        sys.stderr.reconfigure(errors="backslashreplace")
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.chdir(folder)
        if obeys:
            _obey_modes()
        code = work()
    except BaseException:  # noqa: BLE001 - what a command raised is what is looked for
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _obey_modes() -> None:
    """Let root be refused by the modes of files, as everybody else is: it gives up the rights to pass over them."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        libc.prctl(24, number, 0, 0, 0)  # PR_CAPBSET_DROP, for the programs that it starts
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) == 0:
        for place in range(3):
            sets[place] &= ~0b110
        libc.capset(header, sets)


def load_all() -> None:
    """Import what commands import, so that their processes find it: this takes most of a command's time."""
    for found in pkgutil.walk_packages(canary_wf.__path__, "canary_wf."):
        if not found.name.startswith("canary_wf.runtime.") and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in (
        "jinja2.ext",
        "rich.live",
        "xml.etree.ElementTree",
        "difflib",
        "shutil",
        "yaml",
        "statistics",
        "filecmp",
    ):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def command(arguments: Sequence[str], folder: Path, *, obeys: bool = False) -> Ended:
    """Run one canary-wf command in `folder`."""
    return in_child(" ".join(arguments), lambda: main(list(arguments)), folder, obeys=obeys)


def make_worlds(folder: Path) -> dict[str, Path]:
    """Make the workspaces in `folder`; return them by name."""
    load_all()
    finished, interrupted = folder / "finished", folder / "interrupted"
    write_tree(finished)
    for _ in range(2):
        must(command(["generate", "-b", "spec=count:2"], finished))
        _run_all(finished)
    write_tree(interrupted)
    must(command(["generate", "-b", "spec=count:2"], interrupted))
    _run_all(interrupted)
    write_tree(interrupted)
    must(command(["generate", "-b", "spec=layout:atomic,count:1"], interrupted))
    _run_and_kill(interrupted)
    for world in (finished, interrupted):
        age(world)
    return {"finished": finished, "interrupted": interrupted}


def write_tree(folder: Path) -> None:
    """Write the jobs and their settings into `folder`."""
    for name, text in TREE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def must(ended: Ended) -> None:
    """Raise AssertionError unless the command ended well."""
    if ended.code:
        raise AssertionError(ended)


def _runner(folder: Path, batch: str, plan: Path, seconds: int = 0) -> "subprocess.Popen[bytes]":
    result = folder / "prefix" / plan.relative_to(folder).parent / "batches" / batch / "result.json"
    arguments = ["run-batch", batch, "--plan", str(plan), "--result", str(result)]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "canary_wf", *arguments],
        cwd=folder,
        env={**os.environ, "SECONDS_OF_LAST": str(seconds)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _run_all(folder: Path) -> None:
    """Run the batches of the newest session in their order, and what comes after them."""
    paths = newest_session(folder)
    done: set[str] = set()
    plan = load_plan(paths.plan)
    while len(done) < len(plan.batches):
        for batch in plan.batches:
            if batch.id not in done and done.issuperset(batch.dependencies):
                assert _runner(folder, batch.id, paths.plan).wait(120) == 0
                done.add(batch.id)
    must(command(write_reports(folder), folder))


def write_reports(folder: Path) -> list[str]:
    """Return the command line of the rule `report`."""
    paths = newest_session(folder)
    names = {"json": "report.json", "junit": "junit.xml", "markdown": "report.md", "html": "report.html"}
    targets = [part for kind, name in names.items() for part in (f"--{kind}", str(paths.report / name))]
    return ["write-reports", "--plan", str(paths.plan), *targets]


def _run_and_kill(folder: Path) -> None:
    """Start the one batch, and kill its runner with all its jobs while the job that sleeps runs."""
    paths = newest_session(folder)
    batch = load_plan(paths.plan).batches[0].id
    runner = _runner(folder, batch, paths.plan, seconds=60)
    end = time.monotonic() + 60
    while not any(paths.jobs.rglob(".ran")) or b'"FAILED"' not in paths.batch(batch).journal.read_bytes():
        assert time.monotonic() < end, "the batch does not get on"
        time.sleep(0.01)
    runner.kill()  # its watchdog ends the jobs
    runner.wait()


def age(folder: Path) -> None:
    """Let all in `folder` be an hour old, as nobody is taken for alive by its files then."""
    before = time.time() - 3600
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (before, before), follow_symlinks=False)


def copied(world: Path, target: Path) -> Path:
    """Return a copy of `world` at `target`, with the same times."""
    if os.path.lexists(target):
        remove(target)
    shutil.copytree(world, target, symlinks=True)
    return target


def remove(folder: Path) -> None:
    """Remove `folder`, whatever its modes are."""
    for place, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder)


def snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what tells every change in `folder`: content, kind, mode, owner and time of all in it."""
    return {str(path.relative_to(folder)): _facts(path) for path in _all(folder)}


def _all(folder: Path) -> Iterator[Path]:
    yield folder
    yield from sorted(folder.rglob("*"))


def _facts(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    return found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, content
