"""The form of a job file as types: a quick way to see that nothing is wrong with it.

The JSON Schema beside this module says what a job file is, and words every complaint. Going through it costs ten times
what the types here cost, so it is only asked about files that do not fit these; what fits them fits the schema.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

_Text = Annotated[str, Meta(pattern=r"\S")]
_Name = Annotated[str, Meta(pattern=r"^(?!\.{1,2}(?:/|$))[\w.=+@,-]+(?:/(?!\.{1,2}(?:/|$))[\w.=+@,-]+)*$(?!\n)")]
_Parameter = Annotated[str, Meta(pattern=r"^[^\W\d]\w*$(?!\n)")]
_Variable = Annotated[str, Meta(pattern=r"^[^=]+$")]
_FurtherType = Annotated[str, Meta(pattern=r"^(?!(?:cpus|gpus|nodes|memory)$)[^\n]*\S")]
_FromOne = Annotated[int, Meta(ge=1)]
_FromZero = Annotated[int, Meta(ge=0)]
_Amount = str | Annotated[float, Meta(gt=0)]
_Words = list[_Text]


class _Depends(msgspec.Struct, forbid_unknown_fields=True):
    job: _Text
    when: _Text | UnsetType = UNSET
    expects: Literal["+", "?", "*"] | _FromOne | UnsetType = UNSET


class _Artifact(msgspec.Struct, forbid_unknown_fields=True):
    file: _Text
    save_on: Literal["always", "success", "failure"] | UnsetType = UNSET


class _Job(msgspec.Struct, forbid_unknown_fields=True):
    name: _Name
    command: _Text | Annotated[list[str | float], Meta(min_length=1)]
    cpus: _FromOne | UnsetType = UNSET
    gpus: _FromZero | UnsetType = UNSET
    nodes: _FromOne | UnsetType = UNSET
    memory: _Amount | UnsetType = UNSET
    output_limit: _Amount | UnsetType = UNSET
    resources: dict[_FurtherType, _FromZero] | UnsetType = UNSET
    timeout: _Amount | UnsetType = UNSET
    runtime: _Amount | UnsetType = UNSET
    keywords: _Words | UnsetType = UNSET
    owners: _Words | UnsetType = UNSET
    parameters: dict[_Parameter, Annotated[list[str | float | bool | None], Meta(min_length=1)]] | UnsetType = UNSET
    environment: dict[_Variable, str | float] | UnsetType = UNSET
    copy: _Words | UnsetType = UNSET
    link: _Words | UnsetType = UNSET
    depends_on: list[_Text | _Depends] | UnsetType = UNSET
    exclusive: bool | UnsetType = UNSET
    xfail: bool | Annotated[int, Meta(ge=0, le=255)] | UnsetType = UNSET
    artifacts: list[_Artifact] | UnsetType = UNSET


class _File(msgspec.Struct, forbid_unknown_fields=True):
    jobs: Annotated[list[_Job], Meta(min_length=1)]


def is_well_formed(value: Any) -> bool:  # noqa: ANN401 - what a YAML file holds
    """Return True for the content of a job file that keeps to the schema; when False, the schema has to be asked."""
    try:
        msgspec.convert(value, _File)
    except (msgspec.ValidationError, OverflowError, RecursionError):
        return False
    return True
