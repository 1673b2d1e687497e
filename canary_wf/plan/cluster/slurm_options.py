"""Options for the submission of every batch to Slurm: parses and checks the text after `--slurm`.

The values end up in a YAML profile, in resources of Snakemake, and on command lines of `sbatch`. Only characters of
Slurm's own names and expressions are therefore allowed.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from canary_wf.errors import UsageError

GpuStyle = Literal["gpu", "gres"]

_NAME = re.compile(r"[A-Za-z0-9_.@+-]+")
_NAMES = re.compile(r"[A-Za-z0-9_.@+-]+(?:,[A-Za-z0-9_.@+-]+)*")
_CONSTRAINT = re.compile(r"[A-Za-z0-9_.:&|*()\[\]!=+-]+")
_MODEL = re.compile(r"[A-Za-z0-9_.]+")

_FORMS = {"account": _NAME, "partition": _NAMES, "qos": _NAME, "constraint": _CONSTRAINT, "gpu_model": _MODEL}
_PAIRS = re.compile(r",(?=[a-z_]*=)")
"""A comma between two pairs. A comma inside a list of partitions is not followed by ``key=``."""


class SlurmOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The site's settings. None means Slurm's default.

    `gpu_style` says how GPUs are asked for: ``gpu`` with ``--gpus``, ``gres`` with ``--gres=gpu:…``.
    """

    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gpu_model: str | None = None
    gpu_style: GpuStyle = "gpu"

    def gres(self, gpus: int) -> str:
        """Return the value of ``--gres`` that asks for `gpus` GPUs on each node."""
        return f"gpu:{self.gpu_model}:{gpus}" if self.gpu_model else f"gpu:{gpus}"


VARIABLES = {key: f"SBATCH_{key.upper()}" for key in ("account", "partition", "qos", "constraint")}
"""Environment variables that `sbatch` reads, by the equivalent option."""


def parse_slurm_options(texts: Iterable[str], environment: Mapping[str, str] = os.environ) -> SlurmOptions:
    """Parse `--slurm` options. Later options override earlier ones, and all of them override `environment`.

    Raises UsageError for a malformed option.
    """
    given: dict[str, str] = {}
    for key, variable in VARIABLES.items():
        if environment.get(variable):
            given[key] = environment[variable]
            _check_form(variable, _FORMS[key], given[key])
    for text in texts:
        for pair in _PAIRS.split(text):
            key, _, value = pair.partition("=")
            _check(pair, key, value)
            given[key] = value
    return msgspec.convert(given, SlurmOptions)


def _check(pair: str, key: str, value: str) -> None:
    if key == "gpu_style":
        if value not in {"gpu", "gres"}:
            raise UsageError(f"{value[:40]!r} is not known", where="--slurm gpu_style", hint="write gpu or gres")
        return
    form = _FORMS.get(key)
    if form is None:
        hint = f"write one of {', '.join(f'{known}=' for known in (*_FORMS, 'gpu_style'))}"
        raise UsageError(f"{pair[:40]!r} is not understood", where="--slurm", hint=hint)
    _check_form(f"--slurm {key}", form, value)


def _check_form(where: str, form: re.Pattern[str], value: str) -> None:
    if not form.fullmatch(value):
        raise UsageError(f"{value[:40]!r} is not a valid name in Slurm", where=where)
