"""The floors of the house: imports go down, never in a circle; folders and modules stay small; the runner is light."""

import ast
import graphlib
import importlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import canary_wf

PACKAGE = Path(canary_wf.__file__).parent

FLOORS = [
    {"_version", "errors"},
    {"durations", "expressions", "graph", "live_line", "plugins", "shipped", "wording", "runtime"},
    {"files"},
    {"hooks", "resources", "verdict"},
    {"spec"},
    {"process"},
    {"ctest"},
    {"state"},
    {"batch", "history"},
    {"recovery"},
    {"discovery"},
    {"plan"},
    {"snakemake"},
    {"run"},
    {"submission", "workflow"},
    {"report"},
    {"configuration", "generation", "sessions"},
    {"library"},
    {"cli"},
    {"__main__"},
]
"""From the ground up: a module imports what is below it, or beside it in its own folder."""

ROOF = {"api", "job", "batchspec", "rpool", "multiprocess_scheduler", "batch_specification"}
"""The object API and the public names over it; they may import everything, and nothing below imports them."""

FACADES = ROOF - {"api"}
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names} | dict.fromkeys(ROOF, len(FLOORS))
MOST_MODULES = 14
MOST_AT_THE_ROOT = 20
MOST_LINES = 350
MOST_METHODS = 25


@cache
def modules() -> dict[str, Path]:
    """Return the file of every module of the package but those that test scripts import, by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """Return the modules of the package that `name` imports: late and for types alone, too."""
    found = set()
    path = modules()[name]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and "runtime" not in path.parts:  # a package of its own, named canary
            assert node.level == 0, f"{path}: relative import"
            found |= {_module(f"{node.module}.{alias.name}") for alias in node.names}
    return frozenset({_module(each) for each in found if each.startswith("canary_wf.")} - {name, "canary_wf"})


def _module(name: str) -> str:
    """Return the module that `name`, a module or something in one, belongs to."""
    while name not in modules() and "." in name:
        name = name.rpartition(".")[0]
    return name


def _floor(name: str) -> str:
    """Return the folder or module right below the package in which the module `name` lies."""
    return name.split(".")[1] if "." in name else "__init__"


def _edges() -> Iterator[tuple[str, str]]:
    for name in modules():
        for imported in imports(name):
            yield name, imported


def test_every_module_has_its_floor() -> None:
    """A new folder or module at the top must be given its place."""
    assert {_floor(name) for name in modules()} - {"__init__"} <= set(LEVEL)


def test_imports_go_down() -> None:
    """Data flows one way: discovery → batches → plan → workflow → run → report. The package itself imports late."""
    wrong = [
        f"{name} imports {imported}"
        for name, imported in _edges()
        if _floor(name) not in {"__init__", *ROOF}
        and _floor(imported) not in ROOF
        and _floor(imported) != _floor(name)
        and LEVEL[_floor(imported)] >= LEVEL[_floor(name)]
    ]
    assert wrong == []


def test_only_the_public_names_import_the_object_api() -> None:
    """The object API stands on everything else, so nothing else may need it."""
    wrong = {name for name, imported in _edges() if _floor(imported) in ROOF and _floor(name) not in ROOF}
    assert wrong == set()


def test_a_facade_holds_no_code() -> None:
    """A public name is found in one place, and what it does in another."""
    for name in FACADES - {"job"}:  # whose names are imported late
        body = ast.parse((PACKAGE / f"{name}.py").read_text()).body
        assert all(isinstance(node, ast.ImportFrom | ast.Assign | ast.Expr) for node in body), name


def test_no_module_imports_itself_by_a_detour() -> None:
    """Circles would mean that neither module can be read without the other; those for types alone count, too."""
    packages = {name for name, path in modules().items() if path.name == "__init__.py"}
    names = {name for name in modules() if name not in packages}
    graph = {name: imports(name) & names for name in names}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_every_listed_name_is_there() -> None:
    """A module that lists its public names in `__all__` has each of them."""
    ours = {name: path for name, path in modules().items() if "runtime" not in path.parts}
    listed = [name for name, path in ours.items() if "\n__all__ = " in path.read_text()]
    missing = [
        f"{name}.{public}"
        for name in listed
        for public in importlib.import_module(name).__all__
        if not hasattr(importlib.import_module(name), public)
    ]
    assert missing == []
    assert len(listed) > 5


def test_folders_and_modules_are_small() -> None:
    """A folder is taken in at a glance, a module is read in one go. `runtime` mirrors the names of another package."""
    crowded, long = [], []
    for folder in {path.parent for path in modules().values() if "runtime" not in path.parts}:
        most = MOST_AT_THE_ROOT if folder == PACKAGE else MOST_MODULES
        if len(list(folder.glob("*.py"))) > most:
            crowded.append(str(folder.relative_to(PACKAGE)))
    for name, path in modules().items():
        if len(path.read_text().splitlines()) > MOST_LINES:
            long.append(name)
    assert (crowded, long) == ([], [])


def test_no_class_of_the_object_api_has_many_methods() -> None:
    """A class with more has more than one concern; those that it inherits have a class of their own."""
    many = []
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text())) if _floor(name) == "api" else ():
            if isinstance(node, ast.ClassDef):
                methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
                if len(methods) > MOST_METHODS:
                    many.append(f"{name}.{node.name}: {len(methods)}")
    assert many == []


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
