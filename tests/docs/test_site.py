"""The documentation as a site: every link leads on, and every page can be read by all, without a network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from axe import axe_findings
from browser import Browser
from page_script import ROOT

NARROW, WIDE = 400, 1280


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site; a link that leads nowhere makes the build fail."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def _pages(site: Path) -> list[Path]:
    found = [page for page in sorted(site.rglob("*.html")) if page.name != "404.html"]
    assert len(found) > 40
    return found


def test_every_link_leads_somewhere(site: Path) -> None:
    """Pages and anchors: an unknown one is an error, and so is a page that the navigation lacks."""
    names = {str(page.relative_to(site).with_suffix("")) for page in _pages(site)}
    assert {"index", "tutorial", "reference/commands"} <= names


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(("scheme", "rules"), [("light", ()), ("dark", ("color-contrast",))])
def test_every_page_can_be_read_by_all(site: Path, tmp_path: Path, scheme: str, rules: tuple[str, ...]) -> None:
    """Contrast, names, headings and keyboard are as axe wants them; nothing is fetched from elsewhere."""
    wrong = []
    with Browser(tmp_path, WIDE) as browser:
        for page in _pages(site):
            browser.open(page, dark=scheme == "dark")
            assert browser.run("document.body.dataset.mdColorScheme") == {"light": "default", "dark": "slate"}[scheme]
            wrong += [f"{page.relative_to(site)}: {finding}" for finding in axe_findings(browser, *rules)]
            fetched = browser.run("performance.getEntriesByType('resource').map(entry => entry.name)")
            wrong += [f"{page.relative_to(site)}: {url}" for url in fetched if not url.startswith("file:")]
        assert browser.errors == []
    assert wrong == []


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_page_fits_the_screen(site: Path, tmp_path: Path, width: int) -> None:
    """Only tables and code scroll sideways, and they can be reached by keyboard."""
    wide, unreachable = [], []
    boxes = "[...document.querySelectorAll('pre > code, .md-typeset__scrollwrap')]"
    scrolling = f"{boxes}.filter(box => box.scrollWidth > box.clientWidth)"
    with Browser(tmp_path, width) as browser:
        for page in _pages(site):
            browser.open(page)
            if browser.run("document.documentElement.scrollWidth") > width:
                wide.append(page.name)
            if browser.run(f"{scrolling}.some(box => box.tabIndex !== 0)"):
                unreachable.append(page.name)
    assert (wide, unreachable) == ([], [])


@pytest.mark.needs("chromium")
def test_pages_can_be_searched_without_a_server(site: Path, tmp_path: Path) -> None:
    """Opened from the file system, where browsers start no workers."""
    with Browser(tmp_path, WIDE) as browser:
        browser.open(site / "index.html")
        browser.click(".md-search__input")
        browser.press(*"rebaseline")
        browser.run(
            "new Promise((done, failed) => { const end = Date.now() + 20000; const look = () =>"
            " document.querySelector('.md-search-result__link') ? done()"
            " : Date.now() > end ? failed('no result') : setTimeout(look, 50); look() })"
        )
        assert any("rebaseline" in text for text in browser.texts(".md-search-result__link"))
