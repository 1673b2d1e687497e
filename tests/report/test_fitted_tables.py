"""Tables that fit the terminal: widths in columns, what gives way, and what is cut."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_wf.report.columns import Column, cut_end, cut_middle, fitted, padded, table_lines, terminal_width, width_of

COLUMNS = (Column("a"), Column("b", cut="middle"), Column("c", right=True), Column("d", cut="end"))


class Terminal(io.StringIO):
    """A terminal with an encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return its encoding."""
        return self._encoding

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def test_a_pipe_gets_whole_cells_and_a_terminal_lines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The widest cells give way, others stay whole."""
    rows = [("x", "begin" + "-" * 100 + "end", "1", "why " * 30), ("yy", "short", "22", "")]
    piped = list(table_lines(COLUMNS, rows, io.StringIO()))
    assert piped[1].split()[1] == rows[0][1]
    assert piped[1].endswith("why")
    assert piped[2].split() == ["yy", "short", "22"]
    monkeypatch.setenv("COLUMNS", "70")
    lines = list(table_lines(COLUMNS, rows, Terminal()))
    assert all(width_of(line) <= 70 for line in lines)
    assert [line[:4].strip() for line in lines] == ["a", "x", "yy"]
    assert "begin--" in lines[1]
    assert "--end" in lines[1]
    assert lines[1].endswith("…")


def test_an_ascii_terminal_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escapes are measured as they are shown, and dots stand for what was cut."""
    monkeypatch.setenv("COLUMNS", "50")
    (line,) = table_lines(COLUMNS, [("x", "漢" * 8, "1", "z" * 40)], Terminal("ascii"), heading=False)
    assert line.isascii()
    assert len(line) <= 50
    assert "\\u6f22" in line
    assert "..." in line


def test_empty_columns_are_left_out() -> None:
    """With their headings; a table without rows is nothing."""
    assert list(table_lines(COLUMNS, [("x", "", "1", "")], io.StringIO())) == ["a  c", "x  1"]
    assert list(table_lines(COLUMNS, [], io.StringIO())) == []


def test_the_first_cell_is_painted_after_it_was_padded() -> None:
    """Escapes take no room."""
    rows = [("x", "n", "", ""), ("yy", "m", "", "")]
    lines = table_lines(COLUMNS, rows, io.StringIO(), heading=False, paint=lambda number, cell: f"<{number}{cell}>")
    assert list(lines) == ["<0x >  n", "<1yy>  m"]


@pytest.mark.parametrize(
    ("text", "width", "end", "middle"),
    [
        ("abcdefgh", 8, "abcdefgh", "abcdefgh"),
        ("abcdefgh", 5, "abcd…", "ab…gh"),
        ("漢字漢字", 8, "漢字漢字", "漢字漢字"),
        ("漢字漢字", 7, "漢字漢…", "漢…字"),
        ("e\u0301" * 4, 4, "e\u0301" * 4, "e\u0301" * 4),
    ],
)
def test_text_is_cut_by_what_it_takes_on_the_screen(text: str, width: int, end: str, middle: str) -> None:
    """A wide character takes two columns, a combining one none."""
    assert cut_end(text, width) == end
    assert width_of(cut_middle(text, width)) <= width
    if text.isascii():
        assert cut_middle(text, width) == middle
    assert width_of(padded(cut_end(text, width), width)) == width


@given(st.text("ab漢é\u0301", max_size=30), st.integers(1, 40))
def test_what_is_cut_fits(text: str, width: int) -> None:
    """At either place, whatever the characters."""
    assert width_of(cut_end(text, width)) <= width
    assert width_of(cut_middle(text, width)) <= width


@pytest.mark.parametrize(
    ("widths", "width", "expected"),
    [
        ([4, 20, 2, 20], 80, [4, 20, 2, 20]),
        ([4, 100, 2, 20], 80, [4, 48, 2, 20]),
        ([4, 100, 2, 100], 80, [4, 34, 2, 34]),
        ([4, 100, 2, 100], 20, [4, 16, 2, 16]),
        ([90, 5, 2, 5], 80, [90, 5, 2, 5]),
    ],
)
def test_the_widest_columns_give_way(widths: list[int], width: int, expected: list[int]) -> None:
    """Down to a width at which something can still be read."""
    assert fitted(COLUMNS, widths, width) == expected


def test_the_width_is_that_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or what the user says; a pipe has none."""
    monkeypatch.setenv("COLUMNS", "123")
    assert terminal_width(Terminal()) == 123
    assert terminal_width(io.StringIO()) is None


def test_what_can_be_spared_is_left_out_where_cutting_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest number first, and nothing in a pipe."""
    columns = (Column("a"), Column("b", cut="middle"), Column("c", spare=1), Column("d", spare=2))
    rows = [("x" * 8, "n" * 40, "y" * 8, "z" * 8)]
    titles = {46: "a b c d", 45: "a b c", 36: "a b c", 35: "a b", 10: "a b"}
    for width, expected in titles.items():
        monkeypatch.setenv("COLUMNS", str(width))
        heading, line = table_lines(columns, rows, Terminal())
        assert heading.split() == expected.split()
        assert width_of(line) <= max(width, 26)
    assert next(iter(table_lines(columns, rows, io.StringIO()))).split() == ["a", "b", "c", "d"]
