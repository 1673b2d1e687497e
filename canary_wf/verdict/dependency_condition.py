"""The condition `when` of a dependency, which decides by the upstream's verdict whether the downstream job runs.

`on_success` (the default) means category PASS, `on_failure` category FAIL, `always` and `*` any verdict. Any other text
is a boolean expression over the names of outcomes and categories (docs/reference/peers.md, "Dependencies").
"""

from canary_wf.errors import InputError
from canary_wf.expressions import parse_expression
from canary_wf.verdict.status import Category, Outcome, Status

ON_SUCCESS = "on_success"
ON_FAILURE = "on_failure"
ALWAYS = "always"

_NAMES = {name.lower() for name in (*Category.__members__, *Outcome.__members__)} | {
    ON_SUCCESS,
    ON_FAILURE,
    ALWAYS,
    "*",
}


def check_when(when: str) -> str:
    """Return `when` if it is well formed. Raises InputError that names an unknown word."""
    parse_expression(when)(_known)
    for word in when.replace("(", " ").replace(")", " ").split():
        if word not in {"and", "or", "not"}:
            _known(word)
    return when


def is_satisfied(when: str | None, status: Status) -> bool:
    """Return whether a job with this `when` may run after its upstream job ended with `status`."""
    if when is None:
        return True
    names = _names_of(status)
    return parse_expression(when)(lambda name: name.lower() in names)


def why_unsatisfied(when: str | None, status: Status, name: str) -> str | None:
    """Return why the upstream job `name`, which ended with `status`, blocks a downstream job, or None."""
    if is_satisfied(when, status):
        return None
    return f"dependency {name} ended with {status.outcome.name}, needed {when}"


class AnyMatcher:
    """A predicate that holds for the names in `choices`. Case does not matter."""

    def __init__(self, choices: set[str]) -> None:
        self.choices = {choice.lower() for choice in choices}

    def __call__(self, name: str) -> bool:
        """Return whether `name` is one of the choices."""
        return name.lower() in self.choices


def _names_of(status: Status) -> set[str]:
    """Return all words of conditions that hold for `status`."""
    names = {ALWAYS, "*", status.category.value.lower(), status.outcome.name.lower()}
    if status.category is Category.PASS:
        names.add(ON_SUCCESS)
    if status.category is Category.FAIL:
        names.add(ON_FAILURE)
    return names


def _known(name: str) -> bool:
    if name.lower() not in _NAMES:
        raise InputError(
            f"dependency condition {name!r} is not known", hint="use on_success, on_failure, always or outcome names"
        )
    return True
