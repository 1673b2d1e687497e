"""What a job is, before anything ran: the immutable job spec that discovery makes and everything else reads."""

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from canary_wf.spec.ctest_rules import CTestRules, ResourceItem

OUTPUT_LIMIT = 4 * 2**30
"""Bytes that a job may print unless it says otherwise: more than a test means to, less than a disk holds."""

Scalar = bool | int | float | str | None


class Asset(msgspec.Struct, frozen=True):
    """A file or folder to put into the job's working directory before it starts.

    `source` is an absolute path, maybe a glob; `target` a path relative to the working directory, or None for the
    source's own name.
    """

    action: Literal["copy", "link"]
    source: str
    target: str | None = None


class DependencyEdge(msgspec.Struct, frozen=True):
    """One dependency of a job: the upstream job's id, and on which verdicts the job may run (`job.when`)."""

    job: str
    when: str = "on_success"


class Artifact(msgspec.Struct, frozen=True):
    """Files to keep, by glob relative to the working directory, after which verdicts."""

    file: str
    save_on: Literal["always", "success", "failure"] = "always"


class Baseline(msgspec.Struct, frozen=True):
    """How results become the new reference: copy `source` over `target`, or run the job with `arguments`.

    `source` is relative to the working directory, `target` an absolute path beside the test file.
    """

    source: str | None = None
    target: str | None = None
    arguments: tuple[str, ...] = ()


class EnvironmentModule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A module of the `module` command to load; `use` is a further folder to look for it (absolute)."""

    name: str
    use: str | None = None


class Preparation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happens around a job's command: its environment is made, and functions of its test file are called.

    `rcfiles` (absolute paths) are sourced and `modules` loaded; `setup` and `teardown` name functions of the file
    `script` in the working directory, called before and after the command.
    """

    script: str = ""
    modules: tuple[EnvironmentModule, ...] = ()
    rcfiles: tuple[str, ...] = ()
    setup: str | None = None
    teardown: str | None = None


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One job: what to run, with which resources, in which relation to other jobs.

    `path` is the test file relative to the searched PATH, with ``/`` (part of the id); `file` the same file as an
    absolute path. `command` is the argument list; for a `.pyt` job it starts with the script and is run by the
    Python that runs canary-wf. `memory` is MiB of the whole job, `timeout` and `runtime` are seconds; the job is ended
    after `limit` seconds, which is `timeout` times `timeout_multiplier`, or when it printed more than `output_limit`
    bytes (None: the session's, or OUTPUT_LIMIT). `resources`
    are further types of the pool, in slots; `resource_groups` say which slots of all types must be on one id. `locks`
    are names of which no two running jobs have one in common. `fixtures` are those of CTest in which the job takes
    part: the jobs of one belong into one batch. `xstatus` is explained in `job.exit_code`. `directory` is
    the job's own folder relative to the session's jobs folder; the command runs there, or else in `working_directory`
    (absolute), while output and state stay in `directory`. `ctest` is what only tests of CTest have. `sources`
    (absolute paths) and `stages` are for reports only. `meta_parameters` names those of cpus, gpus and nodes that the
    test finds among its parameters, though they are not part of its name. `mask` says why the job is not run at all.
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
        """The seconds after which the job is ended."""
        return self.timeout * self.timeout_multiplier

    @property
    def requested(self) -> dict[str, int]:
        """The slots it asks for of each type of the pool; cpus and gpus are always among them."""
        return {"cpus": self.cpus, "gpus": self.gpus, **self.resources}

    @property
    def upstreams(self) -> tuple[str, ...]:
        """The ids of the jobs that it waits for, each once."""
        return tuple(dict.fromkeys(edge.job for edge in self.dependencies))

    @property
    def uses_runtime(self) -> bool:
        """Whether its script finds our `canary` module, which reads the job's state file and notes things beside it."""
        return self.kind == "pyt"

    def is_order_only(self, edge: DependencyEdge) -> bool:
        """Return whether this job waits for `edge` where it takes part in the run, and does without it elsewhere.

        So it is with CTest's DEPENDS and with the tests that a fixture's clean-up waits for.
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
