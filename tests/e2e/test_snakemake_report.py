"""Snakemake's own report: it shows the pages of the session, with their captions."""

import base64
from pathlib import Path

import pytest
from browser import Browser
from workspace import Workspace

JOBS = """\
jobs:
  - {name: good, command: 'true'}
  - {name: bad, command: [sh, -c, 'echo </script>; exit 3']}
"""


@pytest.mark.needs("chromium")
def test_snakemakes_report_shows_both_pages(workspace: Workspace, tmp_path: Path) -> None:
    """Also of a run in which jobs failed: under their category, each with its caption."""
    workspace.write("a.jobs.yaml", JOBS)
    workspace.generate()
    assert workspace.snakemake().returncode == 1
    done = workspace.snakemake("--report", "out.html")
    assert done.returncode == 0, done.stderr
    with Browser(tmp_path / "browser") as browser:
        browser.open(workspace.out / "out.html")
        _wait_for(browser, "document.body.textContent.includes('the category canary-wf has the page of all jobs')")
        _choose(browser, "Results")
        _choose(browser, "canary-wf")
        _wait_for(browser, "document.body.textContent.includes('all jobs')")
        # What the report's own script shows when one of them is chosen.
        entries = browser.run("Object.values(results).map(one => [one.name, one.caption, one.data_uri])")
        assert browser.errors == []
    captions = {name: caption for name, caption, _ in entries}
    pages = {name: base64.b64decode(uri.partition("base64,")[2]).decode() for name, _, uri in entries}
    assert set(pages) == {"report.html", "summary.html"}
    assert all("of this session" in caption for caption in captions.values())
    assert 'id="job-grid"' in pages["report.html"]
    assert "2 jobs: did not pass" in pages["summary.html"]


def _wait_for(browser: Browser, condition: str) -> None:
    """Wait until `condition` holds; after a minute it will not any more."""
    held = browser.run(f"""new Promise(done => {{
        const end = Date.now() + 60000;
        const look = () => {condition} ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 50);
        look();
    }})""")
    assert held, condition


def _choose(browser: Browser, text: str) -> None:
    """Click on the link with `text` once it is there."""
    link = f"[...document.querySelectorAll('a, button')].find(link => link.textContent.trim() === '{text}')"
    _wait_for(browser, link)
    browser.run(f"{link}.click()")
