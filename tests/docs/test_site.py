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
def test_every_page_can_be_read_by_all(site: Path, tmp_path: Path) -> None:
    """Contrast, names, headings and keyboard are as axe wants them, in light and dark, on a screen and on a phone.

    Nothing is fetched from elsewhere. Each page is loaded once, as that and axe take the time.
    """
    wrong: list[str] = []
    with Browser(tmp_path, WIDE) as browser:
        for page in _pages(site):
            browser.resize(WIDE)
            browser.open(page)
            found = [*_schemes_found(browser), *axe_findings(browser), *_too_wide(browser, WIDE)]
            fetched = browser.run("performance.getEntriesByType('resource').map(entry => entry.name)")
            found += [url for url in fetched if not url.startswith("file:")]
            browser.prefer(dark=True)
            browser.settle()
            found += [*_schemes_found(browser, "slate"), *axe_findings(browser, "color-contrast")]
            browser.resize(NARROW)
            browser.settle()
            wrong += [f"{page.relative_to(site)}: {each}" for each in [*found, *_too_wide(browser, NARROW)]]
        assert browser.errors == []
    assert wrong == []


def _schemes_found(browser: Browser, expected: str = "default") -> list[str]:
    """Return the scheme of the page unless it is as expected."""
    scheme = browser.run("document.body.dataset.mdColorScheme")
    return [] if scheme == expected else [f"the scheme is {scheme}"]


def _too_wide(browser: Browser, width: int) -> list[str]:
    """Return what does not fit: only tables and code scroll sideways, and they can be reached by keyboard."""
    boxes = "[...document.querySelectorAll('pre > code, .md-typeset__scrollwrap')]"
    scrolling = f"{boxes}.filter(box => box.scrollWidth > box.clientWidth)"
    found = []
    if browser.run("document.documentElement.scrollWidth") > width:
        found.append(f"wider than {width} pixels")
    if browser.run(f"{scrolling}.some(box => box.tabIndex !== 0)"):
        found.append(f"scrolls by mouse only at {width} pixels")
    return found


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
