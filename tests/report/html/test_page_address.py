"""What the page shows stands in its address: links to jobs, filters, search and order, back, and what is copied."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from browser import Browser
from factories import plan_of, spec
from sessions import STARTED, recorded

from canary_wf.files.json_files import encode
from canary_wf.history.run_times import History, history_file
from canary_wf.plan.store import write_session
from canary_wf.report.formats.parts import load_parts
from canary_wf.report.html.session_page import html_report
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.events import JobRetried
from canary_wf.verdict.status import Outcome

pytestmark = pytest.mark.needs("chromium")

OUTCOMES = {"bad": Outcome.FAILED, "worse": Outcome.TIMEOUT, "good": Outcome.SUCCESS, "again": Outcome.SUCCESS}


def _state(out: Path) -> SessionState:
    """Return a session of six jobs: two failures, one that runs, one that waits, one that was flaky and got slower."""
    jobs = [spec(name) for name in (*OUTCOMES, "now", "later")]
    jobs[0] = msgspec.structs.replace(jobs[0], id="1afa5198" + "0" * 12)
    jobs[1] = msgspec.structs.replace(jobs[1], id="1afa5198" + "1" * 12)
    plan = plan_of(jobs[:4], jobs[4:5], jobs[5:])
    paths = recorded(out, plan, OUTCOMES, running=["now"], alive=True, reason="exit code 1: expected 2, got 3")
    journal = paths.batch(plan.batches[0].id).journal
    again = next(job.id for job in plan.jobs if job.name == "again")
    lines = journal.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if "job_started" in line and again in line)
    retried = JobRetried(time=STARTED + 1, job=again, outcome="FAILED", reason="exit code 3", output="canary-out.1.txt")
    lines[start + 1 : start + 1] = [encode(retried).decode(), lines[start]]
    kept = '"artifacts":{"kept":[{"path":"canary-artifacts/a.vtk","size":2048}],"missing":["b.vtk"]}'
    lines = [line[:-1] + f",{kept}}}" if "job_finished" in line and again in line else line for line in lines]
    journal.write_text("\n".join(lines) + "\n")
    earlier = [("20250101T000000.000000", 0.5)]
    history = History(runtimes={again: earlier, spec("now").id: earlier})
    history_file(out).parent.mkdir(parents=True, exist_ok=True)
    history_file(out).write_bytes(encode(history))
    return load_session(paths)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser for all tests of this file."""
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of the page."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.html"
    path.write_text(html_report(_state(folder / "out")))
    return path.as_uri()


def _names(browser: Browser) -> list[str]:
    return browser.texts("#job-grid .row .cell.name")


def _hash(browser: Browser) -> str:
    return str(browser.run("decodeURIComponent(location.hash)"))


def _back(browser: Browser) -> None:
    browser.run(
        "new Promise(done => { addEventListener('popstate', () => setTimeout(done), {once: true}); history.back() })"
    )
    browser.settle()


def test_the_address_follows_what_is_clicked_and_back_goes_back(browser: Browser, page: str) -> None:
    """A chip, a heading and a job are each one step."""
    browser.open(page)
    assert browser.texts("#chips button") == [
        *("all 6", "failed 2", "running 1", "not run 1", "passed 2", "flaky 1", "slower 1", "slow 1")
    ]
    assert browser.texts(".facts dt")[:4] == ["running", "passed", "failed", "not run"]
    assert browser.texts(".facts dd")[:4] == ["1", "2", "2", "1"]
    assert browser.text("header p").endswith(", while it runs")
    browser.click("#chips .FAIL")
    assert (_hash(browser), _names(browser)) == ("#show=failed", ["bad", "worse"])
    browser.click("#job-grid .head [role=columnheader]:nth-child(2) button")
    browser.click("#job-grid .head [role=columnheader]:nth-child(2) button")
    assert (_hash(browser), _names(browser)) == ("#show=failed&sort=-name", ["worse", "bad"])
    browser.click("#job-grid .row")
    assert _hash(browser) == "#job-1afa51981&show=failed&sort=-name"
    _back(browser)
    assert browser.run("document.getElementById('detail').hidden")
    _back(browser)
    _back(browser)
    assert (_hash(browser), _names(browser)) == ("#show=failed", ["bad", "worse"])
    _back(browser)
    assert (_hash(browser), len(_names(browser))) == ("", 6)
    assert browser.errors == []


def test_an_address_restores_everything(browser: Browser, page: str) -> None:
    """As a colleague opens it who was sent the link."""
    browser.open(f"{page}#show=flaky,failed&find=EXPECTED%202&sort=-name&job-1afa51980")
    assert _names(browser) == ["worse", "bad", "again"]
    assert browser.text("#found") == "3 of 6 jobs: failed or flaky, with “EXPECTED 2”"
    assert browser.text("#detail h2") == "bad"
    browser.run("location.hash = '#show=slower'")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert _names(browser) == ["again"]
    assert browser.run("document.getElementById('detail').hidden")
    assert browser.errors == []


def test_typing_reaches_the_address(browser: Browser, page: str) -> None:
    """Once the typing rests, as one step back."""
    browser.open(page)
    browser.click("#find")
    browser.type("wor")
    browser.type("se")
    browser.run("new Promise(done => setTimeout(done, 400))")
    assert _hash(browser) == "#find=worse"
    _back(browser)
    assert len(_names(browser)) == 6


@pytest.mark.parametrize(
    ("asked", "opens", "says"),
    [
        ("1afa51980000", "bad", ""),
        ("1AFA51981", "worse", ""),
        ("1afa5198" + "1" * 12, "worse", ""),
        ("1afa5198" + "1" * 12 + "0" * 44, "worse", ""),
        ("1afa5198", None, "Several jobs have an id that begins with 1afa5198"),
        ("ffffffff", None, "No job has an id that begins with ffffffff"),
        ("<img src=x>", None, ""),
    ],
)
def test_a_link_takes_as_many_digits_as_only_one_job_has(
    browser: Browser, page: str, asked: str, opens: str | None, says: str
) -> None:
    """Those that status prints, and all of them; a link that does not lead to one job says so."""
    browser.open(f"{page}#job-{asked}")
    assert browser.run("document.querySelector('#detail h2')?.textContent ?? null") == opens
    if says:
        assert browser.text("#found") == says
    assert browser.run("document.images.length") == 0
    assert browser.errors == []


@pytest.mark.parametrize("clipboard", [True, False])
def test_commands_are_copied(browser: Browser, page: str, clipboard: bool) -> None:
    """By the clipboard's own interface, and by the old way where a page has none."""
    browser.open(f"{page}#job-1afa51981")
    if clipboard:
        browser.run("navigator.clipboard.writeText = async text => { window.taken = text; }")
    else:
        browser.run("navigator.clipboard.writeText = () => Promise.reject()")
        browser.run("document.addEventListener('copy', () => { window.taken = document.activeElement.value; })")
    texts = browser.texts("#detail .copy code")
    assert texts == [
        *(f"canary-wf {command} 1afa51981" for command in ("log", "show", "run", "rerun")),
        *("path of the output", "link to this job"),
    ]
    taken = []
    for number in range(len(texts)):
        browser.click(f"#detail .copy:nth-child({number + 1})")
        taken.append(browser.run("window.taken"))
        assert browser.text("#copied") == f"Copied: {texts[number]}"
    assert taken[:4] == texts[:4]
    assert taken[4].endswith("/jobs/worse/canary-out.txt")
    assert taken[5] == f"{page}#job-1afa51981"
    assert browser.errors == []


def test_the_page_of_an_earlier_session_names_it_in_its_commands(browser: Browser, tmp_path: Path) -> None:
    """They would show the newest session otherwise, and that is the one that would run again."""
    state = _state(tmp_path / "out")
    write_session(plan_of([spec("bad")], session="20260102T000000.000000"), tmp_path / "out")
    (tmp_path / "page.html").write_text(html_report(state))
    browser.open(f"{(tmp_path / 'page.html').as_uri()}#job-1afa51981")
    assert browser.texts("#detail .copy code")[:-2] == [
        f"canary-wf {command} 1afa51981 --session 20260101T000000.000000" for command in ("log", "show")
    ]


def test_a_flaky_job_shows_its_attempts(browser: Browser, page: str) -> None:
    """With the reason of each, open to be read."""
    browser.open(page)
    browser.click("#chips button:nth-child(6)")
    browser.click("#job-grid .row")
    assert browser.text("#detail h2") == "again"
    assert "Flaky: earlier attempts" in browser.texts("#detail h3")
    assert "exit code 3" in browser.text("#detail details[open] summary")
    assert browser.texts("#detail p:has(.copy)") == ["canary-artifacts/a.vtk 2 KiB"]
    assert "b.vtk: not there" in browser.texts("#detail p")
    assert any("the run before took 0.50s" in text for text in browser.texts("#detail dd"))


def test_the_page_of_several_parts_has_no_commands(browser: Browser, tmp_path: Path) -> None:
    """Each part has a workspace of its own; path and link can be copied all the same."""
    for name in ("one", "two"):
        recorded(tmp_path / name, plan_of([spec(name)]), {name: Outcome.FAILED})
    merged, _ = load_parts([str(tmp_path / "one"), str(tmp_path / "two")])
    (tmp_path / "page.html").write_text(html_report(merged))
    browser.open((tmp_path / "page.html").as_uri())
    browser.click("#job-grid .row:nth-child(2)")
    assert browser.texts("#detail .copy code") == ["path of the output", "link to this job"]
