"""Record all that canary-wf writes and prints for a set of trees, so that two versions of the code can be compared.

    python tests/outputs/record_outputs.py build/before
    …  change the code  …
    python tests/outputs/record_outputs.py build/after && diff -r build/before build/after

Each tree is generated, run with one job at a time, and looked at by every command. Times, session names, process ids
and paths are replaced by fixed words; what is left must be the same bytes.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "e2e")]

from canary_features import FILES as FEATURES  # noqa: E402 - the folders above are only then on the path

BIN = Path(sys.executable).parent
LOCAL = ("-b", "scheduler=local", "-b", "workers=1", "-r", "cpus=4", "-r", "gpus=2")
SLURM = ("-b", "scheduler=slurm", "-r", "cpus=32", "-r", "gpus=4", "-r", "nodes=4")

HOSTILE = """\
jobs:
  - {name: "a+b@c=d", command: [echo, "${x} $HOME $(id) `id` ; \\"'"], parameters: {x: ["~", "*"]}}
  - {name: "deep/er/name", command: [printf, '\\033[31m::error::<b>&amp;</b>\\n']}
  - {name: fails, command: [sh, -c, "echo '<script>'; exit 3"]}
  - {name: differs, command: [sh, -c, "exit 64"], keywords: [slow]}
  - {name: skips, command: [sh, -c, "exit 80"]}
  - {name: behind, command: ["true"], depends_on: [fails]}
  - {name: expected, command: ["false"], xfail: true}
  - {name: late, command: [sleep, "9"], timeout: 0.2s}
"""
WIDE = f"jobs: [{{name: w, command: 'true', parameters: {{n: {[*range(40)]}}}, runtime: 5m, cpus: 2}}]\n"


class Tree(NamedTuple):
    """A tree of tests: a folder to copy or files to write, and the options that it is generated with."""

    name: str
    source: Path | dict[str, str]
    options: tuple[str, ...] = LOCAL
    run: bool = True


def trees() -> list[Tree]:
    """Return every tree, small ones first."""
    examples = ROOT / "examples"
    return [
        *(Tree(name, examples / name) for name in ("basic", "chain", "heat", "gpus")),
        Tree("embedding", examples / "embedding" / "tests"),
        Tree("atomic", examples / "heat", (*LOCAL, "-b", "spec=layout:atomic")),
        Tree("hostile", {"odd name's.jobs.yaml": HOSTILE}),
        Tree("features", FEATURES),
        Tree("count", {"wide.jobs.yaml": WIDE}, (*LOCAL, "-b", "spec=count:4"), run=False),
        Tree("duration", {"wide.jobs.yaml": WIDE}, (*LOCAL, "-b", "spec=duration:30m"), run=False),
        Tree("shapes", {"wide.jobs.yaml": WIDE}, (*LOCAL, "-b", "spec=count:max", "--rules", "shape"), run=False),
        Tree("slurm", {"wide.jobs.yaml": WIDE}, (*SLURM, "--slurm", "account=lab"), run=False),
        Tree("slurm-heat", examples / "heat", SLURM, run=False),
        Tree("broken", {"x.jobs.yaml": "jobs:\n  - {name: a, command: [x], cpsu: 2}\n"}, run=False),
        Tree("ctest", ROOT / "tests" / "ctest_project", (*LOCAL, "--resource-pool-file", "POOL")),
    ]


LOOKS = (
    "find -v",
    "find --json",
    "status",
    "status -r all",
    "status --json",
    "report junit",
    "report json",
    "report markdown",
    "report markdown --github",
    "report html",
    "report cdash -o cdash",
    "history",
    "diff",
    "gc --dry-run",
    "rerun --failed",
    "log nosuch",
    "status -d nosuch",
)
"""What is recorded after a run."""


PLANS = ("plan", "plan --json", "plan --html plan.html", "find -v", "find --json", "pool -r cpus=4 -r gpus=2")
"""What is recorded before a run; `plan` gets the tree and its options, `find` the tree."""


def record(tree: Tree, folder: Path, into: Path) -> None:
    """Generate `tree` below `folder`, run it, look at it, and keep what there is in `into`."""
    source, out = folder / "tree", folder / "out"
    out.mkdir(parents=True)
    _lay(tree, source)
    options = tuple(str(_pool(folder)) if option == "POOL" else option for option in tree.options)
    ending = {"plan": [str(source), *options], "find": [str(source)]}
    commands = [["generate", str(source), *options]]
    commands += [[*text.split(), *ending.get(text.split()[0], [])] for text in PLANS]
    lines = [_command(folder, command, into, number) for number, command in enumerate(commands)]
    if tree.run:
        done = _run(folder, [str(BIN / "snakemake"), "--profile", "local", "--quiet", "all"])
        lines.append(f"snakemake: {done.returncode}")
        commands = [[*text.split(), *ending.get(text.split()[0], [])] for text in LOOKS]
        lines += [_command(folder, command, into, 50 + number) for number, command in enumerate(commands)]
    (into / "exit-codes.txt").write_text("\n".join(lines) + "\n")
    _keep(out, folder, into / "out")


def _lay(tree: Tree, source: Path) -> None:
    if isinstance(tree.source, Path):
        shutil.copytree(tree.source, source)
    else:
        for name, text in tree.source.items():
            path = source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if (source / "CMakeLists.txt").exists():
        project = source.with_name("project")
        source.rename(project)
        for command in (["cmake", "-S", project, "-B", source], ["cmake", "--build", source]):
            subprocess.run([str(word) for word in command], check=True, capture_output=True)


def _pool(folder: Path) -> Path:
    path = folder / "pool.json"
    local = {kind: [{"id": str(n), "slots": 4} for n in range(4)] for kind in ("cpus", "gpus")}
    path.write_text(json.dumps({"resource_pool": {"resources": local}}))
    return path


def _run(folder: Path, command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "CANARY_WF"))}
    environment |= {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "CANARY_WF_LEASE_DIR": str(folder / "leases"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "COLUMNS": "120",
        "SLURM_CONF": os.devnull,
    }
    return subprocess.run(command, cwd=folder / "out", env=environment, capture_output=True, check=False)


def _command(folder: Path, arguments: list[str], into: Path, number: int) -> str:
    done = _run(folder, [str(BIN / "canary-wf"), *arguments])
    title = " ".join(arguments).replace(str(folder), "FOLDER")
    name = f"{number:02}-{re.sub(r'[^a-z]+', '-', ' '.join(arguments[:3]).replace(str(folder), '').lower()).strip('-')}"
    text = f"$ canary-wf {title}\n{_plain(done.stdout, folder)}\n--- stderr\n{_plain(done.stderr, folder)}\n"
    (into / f"{name}.txt").write_text(text)
    return f"{title}: {done.returncode}"


def _keep(out: Path, folder: Path, into: Path) -> None:
    """Copy what a run left, normalised, but for locks, caches and what Snakemake keeps for itself."""
    for path in sorted(out.rglob("*")):
        name = _plain(str(path.relative_to(out)).encode(errors="surrogateescape"), folder)
        if not path.is_file() or path.is_symlink() or re.search(r"(^|/)(\.snakemake|cache|__pycache__)/", f"{name}"):
            continue
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_normalised(path, folder))


def _normalised(path: Path, folder: Path) -> str:
    text = path.read_bytes()
    if path.name.endswith(".lock"):
        return "LOCK\n"
    if path.suffix == ".json":
        return json.dumps(_fixed(json.loads(text), folder), indent=1, ensure_ascii=False) + "\n"
    if path.suffix == ".jsonl":
        events = sorted(map(json.loads, text.splitlines()), key=lambda event: event.get("job", ""))
        return "".join(
            f"{json.dumps(_fixed(event, folder))}\n" for event in events
        )  # jobs side by side end in any order
    return _plain(text, folder)


MEASURED = re.compile(r"^(by|pid|.*ticks|place|host|token|time|duration|inputs|runtime|cpu_user|cpu_system|max_rss)$")


def _fixed(value: Any, folder: Path, key: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with a fixed word for each measured one."""
    if isinstance(value, dict):
        return {_plain(k.encode(), folder): _fixed(v, folder, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_fixed(v, folder, key) for v in value]
    if isinstance(value, float) and (
        value > 1e9 or MEASURED.match(key) or not key or re.fullmatch("[0-9a-f]{20}", key)
    ):
        return "TIME"
    if MEASURED.match(key) and not isinstance(value, bool):
        return "MEASURED"
    return _plain(value.encode(), folder) if isinstance(value, str) else value


PATTERNS: tuple[tuple[str, str], ...] = (
    (r"\b\d{8}T\d{6}\.\d+\b", "SESSION"),
    (r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?", "DATE"),
    (r"\b1[789]\d{8}(\.\d+)?\b", "TIME"),
    (r"\b\d+(\.\d+)?(e-\d+)?(ms|s)\b", "SECONDS"),
    (r'(time|timestamp|hostname|duration)="[^"]*"', r'\1="MEASURED"'),
    (r"\b(process|pid) \d+", r"\1 PID"),
    (r'"(started|finished|duration|time|created|[a-z_]*(cpu|rss)[a-z_]*)": ?[-\d.e]+', r'"\1":MEASURED'),
    (r"\b\d{8}-\d{4}-|\b[A-Z][a-z][a-z] \d\d \d\d:\d\d\b", "DATE"),
    (r"(# canary-wf content): \w+", r"\1"),
    (r"\b\d+ ?%", "PERCENT"),
    (r"\b\d+\.\d+(e-\d+)?\b|\b\de-\d+\b", "NUMBER"),
    (r">H4sI[\w+/=]+<", ">ARCHIVE<"),
)


def _plain(text: bytes, folder: Path) -> str:
    """Return `text` with fixed words for paths, sessions, times and process ids."""
    plain = text.decode(errors="backslashreplace")
    for path, word in (
        (str(folder), "FOLDER"),
        (str(folder).replace("_", "\\_"), "FOLDER"),
        (str(ROOT), "ROOT"),
        (sys.prefix, "PREFIX"),
        (os.uname().nodename, "HOST"),
    ):
        plain = plain.replace(path, word)
    for pattern, word in PATTERNS:
        plain = re.sub(pattern, word, plain)
    return plain


def helps(into: Path) -> None:
    """Record the help of every command."""
    top = subprocess.run([BIN / "canary-wf", "--help"], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^  ([a-z-]+)  ", top.split("Commands:")[1], re.MULTILINE)
    texts = [top]
    for name in names:
        done = subprocess.run([BIN / "canary-wf", name, "--help"], capture_output=True, text=True, check=True)
        texts.append(f"\n$ canary-wf {name} --help\n{done.stdout}")
    (into / "help.txt").write_text("".join(texts))


def _chosen(names: list[str]) -> Iterator[Tree]:
    yield from (tree for tree in trees() if not names or tree.name in names)


def main() -> None:
    """Record the trees that are named, or all, into the folder that is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("into", type=Path)
    parser.add_argument("trees", nargs="*", metavar="TREE")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.into, ignore_errors=True)
    arguments.into.mkdir(parents=True)
    helps(arguments.into)
    for tree in _chosen(arguments.trees):
        folder = Path(tempfile.mkdtemp(prefix="canary-wf-outputs-"))
        into = arguments.into / tree.name
        into.mkdir()
        record(tree, folder, into)
        shutil.rmtree(folder)
        sys.stdout.write(f"{tree.name}\n")


if __name__ == "__main__":
    main()
