"""One line about a job for people: plain, for a terminal (rich markup) or for a page, with hostile text escaped."""

from typing import Literal

from canary_wf.durations import format_duration
from canary_wf.errors import InputError, one_line
from canary_wf.report.colour import COLOURS
from canary_wf.state.record import JobRecord
from canary_wf.verdict.status import Category

Style = Literal["none", "rich", "html"]


def status_line(name: str, record: JobRecord, style: Style = "none") -> str:
    """Return verdict (or phase), name, duration and reason of a job. Raises InputError for an unknown style."""
    category = record.status.category
    word = record.phase.value if category is Category.NONE else f"{category.value} {record.status.outcome.name}"
    after = "" if record.duration is None else f" in {format_duration(record.duration)}"
    reason = f": {record.status.reason}" if record.status.reason else ""
    return f"{_coloured(word, COLOURS[category], style)} {escaped(f'{name}{after}{reason}', style)}"


def escaped(text: str, style: Style) -> str:
    """Return `text` on one line, with what `style` would take for markup made harmless."""
    text = one_line(text)
    if style == "none":
        return text
    if style == "rich":
        from rich.markup import escape

        return escape(text)
    if style == "html":
        from html import escape as escape_html

        return escape_html(text)
    raise InputError(f"style {style!r} is not one of none, rich, html")


def _coloured(word: str, colour: str, style: Style) -> str:
    if style == "rich":
        return f"[bold {colour}]{word}[/]"
    if style == "html":
        return f'<span style="color: {colour}; font-weight: bold">{word}</span>'
    return word
