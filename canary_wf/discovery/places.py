"""Names files in messages as the user named the PATH that they lie below: ``t/a.pyt:4`` and not an absolute path."""

from collections.abc import Sequence
from pathlib import Path

from canary_wf.errors import InputError, MistakesError
from canary_wf.state.session_paths import absolute_path


def as_given(error: InputError, paths: Sequence[Path]) -> InputError:
    """Return `error`, or all mistakes that it stands for, with files named as in `paths`."""
    if isinstance(error, MistakesError):
        return MistakesError([as_given(each, paths) for each in error.errors], error.more)
    what, where, hint = (text and text_as_given(text, paths) for text in (error.what, error.where, error.hint))
    assert what is not None
    return InputError(what, where=where, hint=hint)


def text_as_given(text: str, paths: Sequence[Path]) -> str:
    """Return `text` with the absolute path of a file below one of the relative `paths` as seen from here."""
    for path in paths:
        if not path.is_absolute():
            folder = str(absolute_path(path))
            given = "" if path == Path() else f"{path}/"
            text = text.replace(f"{folder}/", given) if path.is_dir() else text.replace(folder, str(path))
    return text
