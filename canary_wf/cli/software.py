"""What `--container-for`, `--conda-for` and `--conda` say: images and environments, by the jobs that run in them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from canary_wf.errors import UsageError

if TYPE_CHECKING:  # it comes with discovery, which commands that only look do without
    from canary_wf.plan.software import SoftwareChoice


def software_choices(containers: Iterable[str], condas: Iterable[str]) -> "tuple[SoftwareChoice, ...]":
    """Return the choices that texts ``EXPR=IMAGE`` and ``EXPR=FILE`` make, in their order. Raises UsageError."""
    from canary_wf.plan.software import Software, SoftwareChoice

    images = [SoftwareChoice(jobs, Software(container=image)) for jobs, image in _pairs(containers, "--container-for")]
    environments = [
        SoftwareChoice(jobs, Software(conda=environment_name(name, f"--conda-for {jobs}=")))
        for jobs, name in _pairs(condas, "--conda-for")
    ]
    return (*images, *environments)


def environment_name(text: str, option: str) -> str:
    """Return the conda environment as rules name it: a file by its absolute path, else the name of one that exists."""
    if not text.endswith((".yaml", ".yml", ".txt")):
        return text
    if not Path(text).is_file():
        raise UsageError(f"there is no file {text!r}", where=option.removesuffix("="))
    return str(Path(text).absolute())


def _pairs(texts: Iterable[str], option: str) -> Iterator[tuple[str, str]]:
    for text in texts:
        jobs, equals, value = text.rpartition("=")  # names of jobs have some, images hardly
        if not equals or not jobs.strip() or not value.strip():
            hint = "write EXPR=VALUE, such as gpu=docker://nvidia/cuda:12.8.0-base-ubuntu24.04"
            raise UsageError(f"{text!r} is not understood", where=option, hint=hint)
        yield jobs.strip(), value.strip()
