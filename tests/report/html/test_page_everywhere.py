"""The pages on paper, on a phone, in both colour schemes and for all readers, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import axe_findings
from browser import Browser
from factories import plan_of, spec
from sessions import recorded

from canary_wf.plan.explanation.summary import summarize
from canary_wf.plan.model import LeftOut, Origin, Plan
from canary_wf.report.html.plan_page import plan_page
from canary_wf.report.html.session_page import html_report, summary_report
from canary_wf.report.session import SessionState, load_session
from canary_wf.verdict.status import Outcome

pytestmark = pytest.mark.needs("chromium")

HOSTILE = "</script><script>document.title='stolen'</script><img src=x onerror=\"document.title='stolen'\">"
REASON = "exit code 1: AssertionError: expected 2, got 3"
ORIGIN = Origin(
    project="heat", host="dev1", command=("canary-wf", "run", "tests", "-k", "not slow"), commit="a" * 40, branch="main"
)
NUMBER = 60


def _plan(**fields: Any) -> Plan:  # noqa: ANN401 - any field of the plan
    jobs = [spec(f"job.n={number:02d}", path=f"misc{number % 3}/misc.jobs.yaml") for number in range(NUMBER)]
    batches = [jobs[start : start + 4] for start in range(0, NUMBER, 4)]
    left = (LeftOut("0" * 20, HOSTILE, "asks for 4 gpus", "-r gpus=4"),)
    return plan_of(*batches, [spec("gpu", gpus=1)], cpus=4, gpus=1, origin=ORIGIN, left_out=left, **fields)


def _state(out: Path, **fields: Any) -> SessionState:  # noqa: ANN401 - any field of the plan
    plan = _plan(**fields)
    kinds = (Outcome.SUCCESS, Outcome.FAILED, Outcome.SKIPPED, Outcome.CANCELLED)
    outcomes = {job.name: kinds[number % 4] for number, job in enumerate(plan.jobs) if job.name != "gpu"}
    return load_session(recorded(out, plan, outcomes, reason=REASON, output=f"said\n{HOSTILE}\n"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the addresses of the pages of a session, its summary and its plan."""
    folder = tmp_path_factory.mktemp("pages")
    state = _state(folder / "out")
    summary = summarize(state.plan, 4)
    texts = {
        "report": html_report(state),
        "summary": summary_report(state),
        "plan": plan_page(state.plan, summary, ["a warning"], 4),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text)
    return {name: (folder / f"{name}.html").as_uri() for name in texts}


@pytest.fixture(scope="module", params=[400, 1280])
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser as wide as a phone, and one as wide as a screen."""
    with Browser(tmp_path_factory.mktemp("browser"), width=request.param) as found:
        yield found


def _width(browser: Browser) -> int:
    return int(browser.run("innerWidth"))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["report", "summary", "plan"])
def test_axe_finds_nothing(browser: Browser, pages: dict[str, str], name: str, dark: bool) -> None:
    """As the page opens, and with all that can be opened."""
    browser.open(pages[name], dark=dark)
    assert axe_findings(browser) == []
    browser.run("document.querySelectorAll('details').forEach(each => each.open = true)")
    if name == "report":
        browser.run("document.getElementById('job-grid').focus()")
        browser.press("ArrowDown", "Enter")
        browser.run("document.querySelectorAll('#detail details').forEach(each => each.open = true)")
        browser.run("document.querySelector('#chips .FAIL').click()")
    elif name == "plan":
        browser.run("document.querySelector('[data-open]').click()")
    assert axe_findings(browser) == []
    assert browser.errors == []


@pytest.mark.parametrize("name", ["report", "summary", "plan"])
def test_no_page_is_wider_than_its_window(browser: Browser, pages: dict[str, str], name: str) -> None:
    """Only pictures scroll sideways, in their own frames."""
    browser.open(pages[name])
    assert browser.run("document.documentElement.scrollWidth") <= _width(browser)


@pytest.mark.parametrize("name", ["report", "summary", "plan"])
def test_a_heading_says_what_the_page_is_about(browser: Browser, pages: dict[str, str], name: str) -> None:
    """Project, host, commit and command, in words that need no pointer."""
    browser.open(pages[name])
    head = browser.text("header")
    assert browser.text("h1").startswith("heat")
    for words in ("dev1", "a" * 12 + " (main)", "canary-wf run tests -k 'not slow'", "20260101T000000.000000"):
        assert words in head, words
    assert browser.run("document.title").startswith("heat")


def test_the_reason_is_to_be_read_in_the_list(browser: Browser, pages: dict[str, str]) -> None:
    """Whole or cut at the end of the window, never beyond it; the placeholder of the search is not cut."""
    browser.open(pages["report"])
    reason = "below" if _width(browser) < 600 else "reason"
    browser.run("document.querySelector('#job-grid').scrollIntoView()")
    assert browser.text(f"#job-grid .row .{reason}") == REASON
    right = browser.run(f"document.querySelector('#job-grid .row .{reason}').getBoundingClientRect().right")
    assert right <= _width(browser)
    if _width(browser) > 1000:
        cell = "document.querySelector('#job-grid .row .file')"
        assert browser.run(f"{cell}.title") == "misc1/misc.jobs.yaml"
        assert browser.run(f"{cell}.scrollWidth <= {cell}.clientWidth")
    wide = """(() => {
        const field = document.getElementById('find'), pen = document.createElement('canvas').getContext('2d');
        pen.font = getComputedStyle(field).font;
        return pen.measureText(field.placeholder).width <= field.clientWidth - 20;
    })()"""
    assert browser.run(wide)


def test_details_stand_beside_the_row(browser: Browser, pages: dict[str, str]) -> None:
    """A click, and a link from elsewhere: row and heading of the details are both in the window."""
    browser.open(pages["report"])
    browser.click("#job-grid .row:nth-child(3)")
    name = browser.text("#detail h2")
    for _ in range(2):
        row, title = browser.run("""['#job-grid .row.active', '#detail h2'].map(selector => {
            const box = document.querySelector(selector).getBoundingClientRect();
            return [box.top, box.bottom];
        })""")
        height = browser.run("innerHeight")
        assert 0 <= row[0] < row[1] <= height
        assert 0 <= title[0] < title[1] <= height
        browser.open(f"{pages['report']}{browser.run('location.hash')}")
        assert browser.text("#detail h2") == name
    assert browser.errors == []


def test_labels_stay_readable_when_a_job_is_chosen(browser: Browser, pages: dict[str, str]) -> None:
    """Bars of other jobs turn pale, and their labels dark."""
    browser.open(pages["report"])
    browser.run("""(() => {
        window.inks = [];
        const {fillText} = CanvasRenderingContext2D.prototype;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
            if (text.startsWith('job.')) inks.push([text, this.fillStyle]);
            return fillText.call(this, text, ...place);
        };
        timeline.scaleBy(64);
    })()""")
    browser.click("#job-grid .row:nth-child(1)")
    browser.run("inks.length = 0, timeline.root.scrollLeft = 0, timeline.paint()")
    chosen = browser.text("#detail h2")
    inks = dict(browser.run("inks"))
    assert len(inks) > 1
    assert {ink for text, ink in inks.items() if text != chosen} == {"#1c2430"}


KEEP = """addEventListener('beforeprint', () => {
    window.printed = document.body.innerText;
    window.tables = [...document.querySelectorAll('.paper tbody')].map(body => body.rows.length);
    window.tones = getComputedStyle(document.documentElement).getPropertyValue('--page').trim();
    window.high = document.getElementById('time').clientHeight >= timeline.lanes.length * timeline.row;
})"""


@pytest.mark.parametrize("dark", [False, True])
def test_all_of_it_is_on_paper(browser: Browser, pages: dict[str, str], dark: bool) -> None:
    """Every job with its reason, every batch, all lanes, in light colours; then the page is as before."""
    browser.open(pages["report"], dark=dark)
    browser.run(KEEP)
    assert browser.printed().startswith(b"%PDF")
    rows = browser.run("[...document.querySelectorAll('.paper tbody tr')].length")
    assert rows == 0
    assert browser.run("window.tables") == [NUMBER + 1, NUMBER // 4 + 1]
    assert browser.run("window.tones") == "#ffffff"
    assert browser.run("window.high")
    assert not browser.run("document.documentElement.classList.contains('printing')")
    assert browser.errors == []


def test_what_is_not_on_paper_is_told(browser: Browser, pages: dict[str, str]) -> None:
    """By a filter, or because there are too many; failures come before all others then."""
    browser.open(f"{pages['report']}#show=passed,failed&sort=name")
    browser.run("preparePrint(20)")
    assert browser.texts("#paper p") == [
        "10 more are not printed; filter the list on the screen to print others.",
        "31 more do not match what the list was filtered by: failed or passed.",
    ]
    assert browser.texts("#paper .status .tone") == ["FAIL"] * 15 + ["PASS"] * 5
    browser.run("endPrint()")
