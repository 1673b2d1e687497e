"""The layers of the design: a lower one never imports a higher one, and the runner starts light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import canary_wf

PACKAGE = Path(canary_wf.__file__).parent

LAYERS = [
    {
        "__init__",
        "api",
        "batch",
        "batch_specification",
        "batchspec",
        "configuration",
        "ctest",
        "discovery",
        "durations",
        "errors",
        "expressions",
        "files",
        "generation",
        "history",
        "hooks",
        "job",
        "multiprocess_scheduler",
        "plan",
        "plugins",
        "process",
        "recovery",
        "report",
        "resources",
        "rpool",
        "run",
        "runtime",
        "sessions",
        "shipped",
        "snakemake",
        "spec",
        "state",
        "submission",
        "verdict",
        "wording",
        "workflow",
    },
    {"cli", "library"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and "runtime" not in path.parts:  # a package of its own, named canary
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "canary_wf" else []
            names += [node.module] if node.module and node.module != "canary_wf" else []
        for name in names:
            parts = name.split(".")
            if parts[0] == "canary_wf" and len(parts) > 1:
                yield parts[1]


def test_every_module_has_its_layer() -> None:
    """A new top-level module must be given its place."""
    assert {layer for layer, _ in _modules()} <= set(LEVEL)


def test_lower_layers_never_import_higher_ones() -> None:
    """Data flows one way: discovery → batches → plan → workflow → run → report."""
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for layer, path in _modules()
        for name in _imported(path)
        if name in LEVEL and LEVEL[name] > LEVEL[layer] and layer != "__init__"
    ]
    assert wrong == []


def test_the_runner_imports_nothing_but_the_standard_library_and_msgspec() -> None:
    """The runner starts thousands of times: no third package is imported on its way."""
    code = "import sys, canary_wf.run.runner; print(*{name.partition('.')[0] for name in sys.modules})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(answer.stdout.split())
    ours = {name for name in loaded if not name.startswith("_") and name not in sys.stdlib_module_names}
    assert ours <= {
        "canary_wf",
        "msgspec",
        "typing_extensions",
        "sitecustomize",
        "usercustomize",
    }  # msgspec takes the third where it is
