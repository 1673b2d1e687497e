"""The immutable spec of a job before it runs. Discovery makes it, and all later steps read it."""

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from canary_wf.spec.ctest_rules import CTestRules, ResourceItem

OUTPUT_LIMIT = 4 * 2**30
"""Default limit in bytes on the output of a job: more than a test prints on purpose, less than a disk holds."""

Scalar = bool | int | float | str | None


class Asset(msgspec.Struct, frozen=True):
    """A file or folder to put into the job's working directory before it starts.

    `source` is an absolute path or glob. `target` is a path relative to the working directory, or None for the name of
    the source.
    """

    action: Literal["copy", "link"]
    source: str
    target: str | None = None


class DependencyEdge(msgspec.Struct, frozen=True):
    """One dependency of a job: the id of the upstream job, and the condition `when` on its verdict."""

    job: str
    when: str = "on_success"


class Artifact(msgspec.Struct, frozen=True):
    """Files to keep: a glob relative to the working directory, and the verdicts after which they are kept."""

    file: str
    save_on: Literal["always", "success", "failure"] = "always"


class Baseline(msgspec.Struct, frozen=True):
    """How results become the new baseline: copy `source` over `target`, or run the job with `arguments`.

    `source` is relative to the working directory, `target` an absolute path beside the test file.
    """

    source: str | None = None
    target: str | None = None
    arguments: tuple[str, ...] = ()


class EnvironmentModule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A module to load with the `module` command. `use` is an additional folder to search (absolute)."""

    name: str
    use: str | None = None


class Preparation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The preparation of a job's environment, and functions of its test file to call around its command.

    `rcfiles` (absolute paths) are sourced and `modules` loaded. `setup` and `teardown` are names of functions in the
    file `script` in the working directory. They are called before and after the command.
    """

    script: str = ""
    modules: tuple[EnvironmentModule, ...] = ()
    rcfiles: tuple[str, ...] = ()
    setup: str | None = None
    teardown: str | None = None


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One job: what to run, with which resources, in which relation to other jobs.

    `path` is the test file relative to the searched PATH, with ``/`` (part of the id); `file` is its absolute path.
    `command` is the argument list; for a `.pyt` job it starts with the script, which the Python of canary-wf runs.
    `memory` is MiB of the whole job; `timeout` and `runtime` are seconds. The job is ended after `limit` seconds, which
    is `timeout` times `timeout_multiplier`, or when it has printed more than `output_limit` bytes (None: the session's
    limit, or OUTPUT_LIMIT). `resources` are the other types of the pool, in slots. `resource_groups` say which slots of
    all types must be on one id. Two jobs with a common name in `locks` never run at the same time. `fixtures` are the
    CTest fixtures of the job; the jobs of a fixture belong into one batch. `verdict.exit_code` explains `xstatus`.
    `directory` is the job's own folder relative to the session's jobs folder, with its output and state. The command
    runs there, or in `working_directory` (absolute). `ctest` is set for CTest tests only. `sources` (absolute paths)
    and `stages` are for reports only. `meta_parameters` names those of cpus, gpus and nodes that the test finds among
    its parameters although they are not part of its name. `mask` is the reason why the job is not run at all.
    """

    id: str
    name: str
    family: str
    path: str
    file: str
    kind: Literal["pyt", "jobs", "ctest"]
    directory: str
    command: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    cpus: int = 1
    gpus: int = 0
    nodes: int = 1
    memory: int | None = None
    resources: dict[str, int] = {}
    timeout: float = 300.0
    timeout_multiplier: float = 1.0
    output_limit: int | None = None
    runtime: float | None = None
    keywords: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    assets: tuple[Asset, ...] = ()
    dependencies: tuple[DependencyEdge, ...] = ()
    exclusive: bool = False
    xstatus: int = 0
    artifacts: tuple[Artifact, ...] = ()
    attributes: dict[str, Any] = {}
    baselines: tuple[Baseline, ...] = ()
    sources: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    meta_parameters: tuple[str, ...] = ()
    preparation: Preparation | None = None
    working_directory: str | None = None
    resource_groups: tuple[tuple[ResourceItem, ...], ...] = ()
    locks: tuple[str, ...] = ()
    fixtures: tuple[str, ...] = ()
    ctest: CTestRules | None = None
    mask: str | None = None

    @property
    def limit(self) -> float:
        """The number of seconds after which the job is ended."""
        return self.timeout * self.timeout_multiplier

    @property
    def requested(self) -> dict[str, int]:
        """The slots it asks for of each type of the pool; cpus and gpus are always among them."""
        return {"cpus": self.cpus, "gpus": self.gpus, **self.resources}

    @property
    def upstreams(self) -> tuple[str, ...]:
        """The ids of the jobs that it depends on, without duplicates."""
        return tuple(dict.fromkeys([edge.job for edge in self.dependencies])) if self.dependencies else ()

    @property
    def uses_runtime(self) -> bool:
        """Whether its script uses our `canary` module, which reads the job's state file and writes notes beside it."""
        return self.kind == "pyt"

    def is_order_only(self, edge: DependencyEdge) -> bool:
        """Return whether `edge` only orders this job: it waits for the other job if that runs, and does not require it.

        This holds for CTest's DEPENDS, and for the tests that a fixture's clean-up waits for.
        """
        return self.kind == "ctest" and edge.when == "always"


Spec = TypeVar("Spec", bound=JobSpec)


def absolute_spec(spec: Spec, out: Path | None) -> Spec:
    """Return `spec` with the paths that a plan keeps relative to OUT made absolute again."""
    if out is None:
        return spec
    assets = tuple(msgspec.structs.replace(asset, source=str(out / asset.source)) for asset in spec.assets)
    file = str(out / spec.file) if spec.file else ""
    sources = tuple(str(out / source) for source in spec.sources)
    baselines = tuple(
        each if each.target is None else msgspec.structs.replace(each, target=str(out / each.target))
        for each in spec.baselines
    )
    place = None if spec.working_directory is None else str(out / spec.working_directory)
    return msgspec.structs.replace(
        spec, file=file, assets=assets, sources=sources, baselines=baselines, working_directory=place
    )
