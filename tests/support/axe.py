"""What axe-core, a checker of accessibility, finds wrong with the page that a browser shows."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from browser import Browser


@cache
def _source() -> str:
    return files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def axe_findings(browser: Browser, *rules: str) -> list[str]:
    """Return what axe finds wrong with the page that is open: the rule, its gravity, and the first element concerned.

    Only `rules` are checked where some are given.

    A page whose policy forbids scripts from elsewhere is checked all the same, as the debugger runs this one.
    """
    browser.run(_source())
    options = json.dumps({"resultTypes": ["violations"], "preload": False, **({"runOnly": rules} if rules else {})})
    found: list[dict[str, Any]] = browser.run(f"axe.run(document, {options}).then(found => found.violations)")
    return [
        f"{each['id']} ({each['impact']}, {len(each['nodes'])} times): {each['nodes'][0]['html'][:200]}"
        f" {each['nodes'][0]['failureSummary'].splitlines()[-1].strip()[:200]}"
        for each in found
    ]
