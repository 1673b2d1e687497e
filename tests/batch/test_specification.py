"""The batch specification: what parses to what, and that everything else is refused with its part quoted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.batch_specification import BatchSpecification, BatchSpecificationError
from canary_wf.errors import CanaryWfError, ExitCode

DEFAULT = BatchSpecification()


@pytest.mark.parametrize(
    ("text", "layout", "count", "duration", "nodes"),
    [
        ("", "flat", "auto", 1800.0, "any"),
        ("count:4", "flat", 4, None, "any"),
        ("COUNT:4", "flat", 4, None, "any"),
        ("count:2,count:3", "flat", 3, None, "any"),
        ("count:0", "flat", 0, None, "any"),
        ("count:max", "flat", "max", None, "any"),
        ("count:auto", "flat", "auto", 1800.0, "any"),
        ("duration:40s", "flat", "auto", 40.0, "any"),
        ("duration:60", "flat", "auto", 60.0, "any"),
        ("duration:4h30m30s", "flat", "auto", 16230.0, "any"),
        ("layout:flat", "flat", "auto", 1800.0, "any"),
        ("nodes:any", "flat", "auto", 1800.0, "any"),
        ("layout:atomic", "atomic", "auto", 1800.0, "any"),
        ("layout:atomic,nodes:any,count:2", "atomic", 2, None, "any"),
        ("layout=flat,count=auto,nodes=same,duration=1800", "flat", "auto", 1800.0, "same"),
        ("Layout = ATOMIC , Count = MAX", "atomic", "max", None, "any"),
        (f"count:{2**63 - 1}", "flat", 2**63 - 1, None, "any"),
        ("nodes:same,layout:atomic,nodes:any", "atomic", "auto", 1800.0, "any"),
    ],
)
def test_what_text_means(text: str, layout: str, count: int | str, duration: float | None, nodes: str) -> None:
    """The documented texts, in any case and with either sign, have the documented meaning."""
    spec = BatchSpecification.parse(text)
    assert (spec.layout, spec.count, spec.duration, spec.nodes) == (layout, count, duration, nodes)


@pytest.mark.parametrize(
    ("text", "quoted", "allowed"),
    [
        ("count:-1", "count:-1", "count:N"),
        ("count:1.5", "count:1.5", "count:N"),
        (f"count:{2**63}", f"count:{2**63}", "at most N batches"),
        ("count:" + "9" * 10_000, "count:999", "at most N batches"),
        ("count:٣", "count:٣", "count:N"),
        ("duration:-5", "duration:-5", "above zero"),
        ("duration:0", "duration:0", "above zero"),
        ("duration:1e400", "duration:1e400", "ten years"),
        pytest.param("duration:" + "9" * 5000 + ":00:00", "duration:99", "ten years", id="clock of 5000 digits"),
        ("duration:999999h", "duration:999999h", "ten years"),
        ("duration:nan", "duration:nan", "duration:T"),
        ("duration:", "duration:", "duration:T"),
        ("layout:foo", "layout:foo", "layout:atomic"),
        ("nodes:2", "nodes:2", "nodes:same"),
        ("foo:1", "foo:1", "layout, count, duration, nodes"),
        ("atomic", "atomic", "layout:atomic"),
        ("count:4,", "''", "layout:atomic"),
        ("layout:atomic,nodes:same", "nodes:same", "nodes:any"),
        ("count:4,duration:60", "count:4 with duration:60", "may not both be set"),
        ("duration:1h,count:max", "count:max with duration:1h", "may not both be set"),
    ],
)
def test_what_is_refused(text: str, quoted: str, allowed: str) -> None:
    """A malformed text is refused in one line that quotes the part and says what may stand there."""
    with pytest.raises(BatchSpecificationError) as caught:
        BatchSpecification.parse(text)
    message = str(caught.value)
    assert quoted in message
    assert allowed in message
    assert "\n" not in message
    assert len(message) < 400


def test_the_error_is_an_input_error() -> None:
    """The error is one about a value and one of the package, and the command ends with the code for wrong input."""
    with pytest.raises(ValueError, match="not allowed") as caught:
        BatchSpecification.parse("x")
    assert isinstance(caught.value, CanaryWfError)
    assert caught.value.exit_code is ExitCode.INPUT


@pytest.mark.parametrize(
    "values", [{"count": 3}, {"duration": None}, {"count": -1, "duration": None}, {"duration": 0.0}]
)
def test_contradicting_values_are_refused(values: dict[str, int | float | None]) -> None:
    """A specification made from values instead of text obeys the same rules."""
    with pytest.raises(BatchSpecificationError):
        BatchSpecification(**values)  # type: ignore[arg-type]


PART = st.builds(
    "{}{}{}".format,
    st.sampled_from(["count", "duration", "layout", "nodes", "COUNT", " nodes ", "foo", ""]),
    st.sampled_from([":", "=", "", "::"]),
    st.sampled_from(["auto", "max", "flat", "atomic", "any", "same", "0", "7", "-1", "1h", "1e9", "1e400", "", "²"])
    | st.text(max_size=5),
)


@given(st.text() | st.lists(PART, max_size=5).map(",".join))
def test_any_text_parses_or_raises(text: str) -> None:
    """Whatever is typed, the answer is a specification that survives writing and reading, or the one error."""
    try:
        spec = BatchSpecification.parse(text)
    except BatchSpecificationError:
        return
    assert BatchSpecification.parse(str(spec)) == spec


@given(
    st.sampled_from(["flat", "atomic"]),
    st.integers(0, 2**63 - 1) | st.sampled_from(["auto", "max"]),
    st.floats(1e-6, 3e8),
    st.sampled_from(["any", "same"]),
)
def test_round_trip(layout: str, count: int | str, duration: float, nodes: str) -> None:
    """Every specification that can be made has a text that parses back to it."""
    nodes = "any" if layout == "atomic" else nodes
    spec = BatchSpecification(layout, count, duration if count == "auto" else None, nodes)  # type: ignore[arg-type]
    assert BatchSpecification.parse(spec.canonical) == spec


@pytest.mark.parametrize(
    "values",
    [
        {"count": 1.5, "duration": None},
        {"count": True, "duration": None},
        {"count": "x", "duration": None},
        {"layout": "round"},
        {"nodes": 3},
        {"duration": True},
        {"duration": "5"},
    ],
)
def test_values_of_other_types_are_refused(values: dict[str, Any]) -> None:
    """Callers in Python get the same error as the text would."""
    with pytest.raises(BatchSpecificationError, match="is not allowed"):
        BatchSpecification(**values)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("count:junk,count:3", "count:junk"),
        ("duration:-5,duration:60", "duration:-5"),
        ("layout:foo,layout:flat", "layout:foo"),
        ("nodes:zzz,nodes:any", "nodes:zzz"),
        ("LAYOUT=Foo", "LAYOUT=Foo"),
        ("duration==5", "duration==5"),
        ("duration:١٢", "duration:١٢"),
        ("count:3, Duration=5m", "count:3 with Duration=5m"),
    ],
)
def test_the_part_is_quoted_as_it_was_written(text: str, part: str) -> None:
    """Also one that a later repeat of its key would have replaced; digits are those of ASCII."""
    with pytest.raises(BatchSpecificationError) as caught:
        BatchSpecification.parse(text)
    assert repr(part) in str(caught.value)


@pytest.mark.parametrize("text", [None, 5, b"count:3", ["count:3"]])
def test_what_is_no_text_is_refused(text: Any) -> None:  # noqa: ANN401 - that is what is tested
    """With the same error, not one of Python's."""
    with pytest.raises(BatchSpecificationError):
        BatchSpecification.parse(text)


def test_units_may_be_in_any_case() -> None:
    """As keys and words may."""
    assert BatchSpecification.parse("Duration:1H30M").duration == 5400.0
