"""Pages from templates: values are escaped as text, and a value that a template lacks is an error."""

from pathlib import Path
from typing import Any

import jinja2


def render_page(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """Return the page made by `template`, a file beside this one, from `values`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    return environment.get_template(template).render(**values)
