"""YAML and JSON that people write are read alike, whichever reader takes them, with the same places of errors."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.errors import InputError
from canary_wf.files import documents, json_lines, yaml_events
from canary_wf.files.documents import Document, json_document, yaml_document
from canary_wf.files.yaml_events import NotOrdinaryError

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=6)
"""Without the line ends that only YAML knows."""

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.floats(0.5, 9.5), TEXTS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
ROOTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)


def paths(value: object) -> list[tuple[str | int, ...]]:
    """Return the keys that lead to each part of `value`."""
    found: list[tuple[str | int, ...]] = [()]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += [(key, *rest) for rest in paths(each)]
    return found


def composed(file: str, text: str) -> Document:
    """Return the document that PyYAML's composer makes of `text`."""
    return Document(file, text, yaml.safe_load(text), yaml.compose(text, documents._base()))


@given(ROOTS)
def test_the_readers_agree_on_values_and_places(value: dict[str, Any]) -> None:
    """JSON, YAML by events, and YAML by the composer say the same, also of a key that is not there."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    by_json, by_nodes = json_document("a.json", text), composed("a.json", text)
    assert by_json.value == value
    with suppress(NotOrdinaryError):
        assert yaml_events.value_of(text, documents._loader(), 50) == by_nodes.value
    for keys in paths(value):
        for asked in (keys, (*keys, "no such key"), (*keys, 99)):
            place = by_nodes.place(asked)
            assert by_json.place(asked) == place, asked
            assert f"a.json:{yaml_events.line_of(text, documents._base(), asked)}" == place, asked


@given(ROOTS)
def test_yaml_in_blocks_is_read_as_the_composer_reads_it(value: dict[str, Any]) -> None:
    """The same holds for YAML's own form, in which plain scalars are resolved."""
    text = yaml.safe_dump(value, allow_unicode=True)
    read, by_nodes = yaml_document("a.yaml", text), composed("a.yaml", text)
    assert read.value == yaml.load(text, documents._loader())  # noqa: S506 - a safe loader
    for keys in paths(value):
        assert read.place(keys) == by_nodes.place(keys), keys


PLAIN = "yes no on Off true ~ null Null 1 -1 0x1f 0o7 017 1_000 1.5 .5 1e3 1e-3 .inf .nan 12:30 2020-01-01 = a b: - ''"


@pytest.mark.parametrize("word", [*PLAIN.split(" "), ""])
def test_a_plain_word_means_what_it_means_to_the_composer(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, truth values, nulls, dates and clocks are the same by events as by nodes, and so is the refusal."""

    def outcome() -> str:
        try:
            return repr(yaml_document("a.yaml", f"a: {word}\n").value)
        except InputError as error:
            return str(error)

    fast = outcome()
    monkeypatch.setattr(yaml_events, "value_of", _not_ordinary)
    assert outcome() == fast


def _not_ordinary(*_: object) -> object:
    raise NotOrdinaryError


@pytest.mark.parametrize(
    "text",
    ["a: &x 1\nb: *x\n", "a: !!str 1\n", "<<: {a: 1}\n", "1: a\n", "[1]: a\n", "a: 1\na: 2\n", "", "a: 1\n---\nb: 1\n"],
)
def test_what_is_not_ordinary_is_left_to_the_composer(text: str) -> None:
    """Anchors, tags, merge keys, odd keys, repeated keys and several documents are not read from events."""
    with pytest.raises(NotOrdinaryError):
        yaml_events.value_of(text, documents._loader(), 50)


def test_a_place_behind_an_alias_is_found() -> None:
    """The composer takes over where events do not tell what an alias stands for."""
    document = yaml_document("a.yaml", "a: &x\n  - 1\nb: *x\nc: 2\n")
    assert (document.place(("b", 0)), document.place(("c",))) == ("a.yaml:2", "a.yaml:4")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1,\n "a": 2}', 2),
        ('[{"a": 1},\n {"a": {"a": 1},\n "\\u0061": 2}]', 3),
        ('{"a": "a",\n "b": ["a", "a"],\n\t"a" : 2}', 3),
    ],
)
def test_a_repeated_key_of_json_is_placed(text: str, line: int) -> None:
    """The second one is meant, whatever its spelling, and strings that are no keys do not count."""
    with pytest.raises(InputError, match="'a' is given twice") as refused:
        json_document("a.json", text)
    assert refused.value.where == f"a.json:{line}"
    assert json_lines.line_of_repeated(text, "b") is None


def test_a_mistake_of_a_long_file_is_placed_without_composing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The composer would take ten seconds for 100 000 entries."""
    entries = ",\n".join(f'{{"name": "job{number}", "command": "true"}}' for number in range(1000))
    monkeypatch.setattr(yaml, "compose", _not_ordinary)
    for name in ("a.jobs.json", "a.jobs.yaml"):
        file = tmp_path / name
        file.write_text(f'{{"jobs": [\n{entries}]}}')
        assert documents.load_document(str(file)).place(("jobs", 500, "name")) == f"{file}:502"
