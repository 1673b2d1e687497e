"""CMake's regular expressions in Python, also against cmake itself."""

import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.ctest.cmake_regex import compile_cmake
from canary_wf.errors import InputError

ALPHABET = "ab^$.[]-*+?()|\\{}1"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("a.b", "a\nb", True),
        ("a[^x]b", "a\nb", True),
        ("^b", "a\nb", False),
        ("a$", "a\nb", False),
        ("a$", "a\n", False),
        ("a{2}", "aa", False),
        ("a{2}", "a{2}", True),
        ("\\d", "7", False),
        ("\\d", "d", True),
        ("[\\]", "\\", True),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        ("(ab|)c", "c", True),
        ("x(a|b)+y", "xabay", True),
        ("", "anything", True),
        ("é+", "né", True),
        ("[[:alpha:]]", ":]", True),
    ],
)
def test_the_language_is_cmakes(pattern: str, text: str, found: bool) -> None:
    """What differs from Python's language: no counts, no classes, dots match line ends, ends are those of the text."""
    assert (compile_cmake(pattern).search(text.encode()) is not None) is found


@pytest.mark.parametrize("pattern", ["a[b", "a(b", "a)b", "*a", "a**", "a*?", "()*", "^*", "a\\", "[b-a]", "(" * 40])
def test_what_cmake_does_not_compile_is_refused(pattern: str) -> None:
    """The error names the expression."""
    with pytest.raises(InputError, match="is not a regular expression of CMake"):
        compile_cmake(pattern)


@given(st.text(ALPHABET, max_size=12), st.text("ab1\n{}-]", max_size=12))
def test_any_text_is_an_expression_or_is_refused(pattern: str, text: str) -> None:
    """No other error, whatever the pattern is."""
    try:
        compile_cmake(pattern).search(text.encode())
    except InputError:
        return


@pytest.mark.needs("cmake")
def test_random_expressions_match_as_they_do_in_cmake(tmp_path: Path) -> None:
    """Both sides agree on what compiles and what is found; what is drawn is the same in every run."""
    drawn = random.Random(7)  # noqa: S311 - test data
    cases = [
        ("".join(drawn.choices(ALPHABET, k=drawn.randint(1, 7))), "".join(drawn.choices("ab1{", k=6)))
        for _ in range(120)
    ]
    for number, (pattern, text) in enumerate(cases):
        script = tmp_path / f"{number}.cmake"
        script.write_text(
            f"set(text [==[{text}]==])\nset(pattern [==[{pattern}]==])\n"
            'if(text MATCHES "${pattern}")\n  message(STATUS yes)\nelse()\n  message(STATUS no)\nendif()\n'
        )
        done = subprocess.run(["cmake", "-P", script], capture_output=True, text=True, check=False)
        expected = "invalid" if done.returncode else done.stdout.strip().removeprefix("-- ")
        assert _answer(pattern, text) == expected, (pattern, text)


def _answer(pattern: str, text: str) -> str:
    try:
        return "yes" if compile_cmake(pattern).search(text.encode()) else "no"
    except InputError:
        return "invalid"
