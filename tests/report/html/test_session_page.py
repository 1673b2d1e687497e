"""The page of a session: self-contained, hostile content as text, used with mouse and keyboard in a real browser."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import Browser
from factories import plan_of, spec
from sessions import STARTED, recorded

from canary_wf.files.json_files import encode
from canary_wf.history.run_times import History
from canary_wf.plan.model import LeftOut, Origin
from canary_wf.report import printable
from canary_wf.report.html.session_page import html_report
from canary_wf.report.rows import as_json, report_data
from canary_wf.report.session import SessionState, load_session
from canary_wf.state.events import JobRetried
from canary_wf.state.submission import note_submitted
from canary_wf.verdict.status import Outcome

OK, FAILED, TIMEOUT, SKIPPED = Outcome.SUCCESS, Outcome.FAILED, Outcome.TIMEOUT, Outcome.SKIPPED
HOSTILE = "</script><script>document.title='stolen'</script><img src=x onerror=\"document.title='stolen'\">{{7*7}}"
PRINTED = f"{HOSTILE}\n\x1b[31mred\x1b[0m \x1b]0;t\x07\x00 \u202egnp \udcff & <b>\n"


def _state(out: Path, reason: str | None = "because") -> SessionState:
    """Return a session of two batches: failures, a hostile name and origin, a dependency, an environment of its own."""
    jobs = [
        spec("good", keywords=("fast",), environment={"MODEL": "coarse", "TOKEN_PATH": "<b>"}),
        spec("bad", path="other.pyt"),
        msgspec.structs.replace(spec("hostile", path="x/<b>.pyt"), name=HOSTILE),
    ]
    more = [spec("late", "good"), spec("never", "bad"), spec("slow", gpus=1)]
    origin = Origin(project=HOSTILE, host=HOSTILE, command=("canary-wf", HOSTILE), branch=HOSTILE, commit="a" * 40)
    plan = plan_of(jobs, more, cpus=2, gpus=1, left_out=(LeftOut("0" * 20, HOSTILE, HOSTILE),), origin=origin)
    outcomes = {"good": OK, "bad": FAILED, HOSTILE: TIMEOUT, "late": OK, "never": Outcome.BLOCKED, "slow": SKIPPED}
    return load_session(recorded(out, plan, outcomes, reason=reason, output=PRINTED))


def _row(state: SessionState, name: str, history: History | None = None, now: float = STARTED) -> dict[str, Any]:
    data = json.loads(as_json(report_data(state, history or History(), now)))
    rows = [dict(zip(data["job_fields"], row, strict=True)) for row in data["jobs"]]
    found = next(row for row in rows if row["name"] == name)
    return {**found, "variables": dict(data["environments"][found["environment"]]), "data": data}


class _Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.found.append((tag, dict(attrs)))


def test_the_page_asks_for_nothing_else_and_runs_only_its_own_script(tmp_path: Path) -> None:
    """No element refers to anything outside, names and output are no elements, and templates see them as data."""
    text = html_report(_state(tmp_path, reason=HOSTILE))
    elements = _Elements(text).found
    assert {tag for tag, _ in elements} & {"link", "img", "iframe", "object", "base"} == set()
    assert not [attributes for _, attributes in elements if {"src", "action"} & attributes.keys()]
    assert all(str(attributes["href"]).startswith("#") for _, attributes in elements if "href" in attributes)
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in elements)
    assert sum(tag == "script" for tag, _ in elements) == 2
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert HOSTILE not in text
    assert "49" not in re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)


def test_a_row_tells_what_is_known_of_a_job(tmp_path: Path) -> None:
    """Times after the start of the run, where it ran, and what was planned."""
    row = _row(_state(tmp_path), "good")
    wanted = {
        "status": "PASS",
        "started": 0.0,
        "duration": 2.0,
        "expected": 1.0,
        "ids": {"cpus": ["0"]},
        "words": "fast",
    }
    assert {name: row[name] for name in wanted} == wanted
    assert row["data"]["nodes"][row["node"]]
    assert row["plan"][0] >= 0
    late = _row(_state(tmp_path / "b"), "late")
    assert [(row["data"]["jobs"][place][1], when) for place, when in late["needs"]] == [("good", "on_success")]


def test_only_variables_of_the_job_and_of_canary_wf_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else the run had in its environment may be secret."""
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    state = _state(tmp_path)
    variables = _row(state, "good")["variables"]
    assert variables["MODEL"] == "coarse"
    assert variables["CANARY_CPU_IDS"] == "0"
    assert set(variables) == {
        *("MODEL", "TOKEN_PATH", "CANARY_CPU_IDS", "CANARY_GPU_IDS", "CANARY_CPUS_IDS", "CUDA_VISIBLE_DEVICES"),
        *("ROCR_VISIBLE_DEVICES", "OMP_NUM_THREADS", "CANARY_WF_JOB"),
    }
    assert "hunter2" not in html_report(state)


def test_history_ends_with_this_run_when_it_did_what_was_expected(tmp_path: Path) -> None:
    """Once, also when the history has it already."""
    state = _state(tmp_path)
    good, bad = (next(job.id for job in state.plan.jobs if job.name == name) for name in ("good", "bad"))
    session = state.plan.session
    history = History(runtimes={good: [("1", 5.0), (session, 2.0)], bad: [("1", 7.0)]})
    assert _row(state, "good", history)["history"] == [5.0, 2.0]
    assert _row(state, "bad", history)["history"] == [7.0]


def test_output_is_shown_from_its_end_failures_first_as_far_as_the_budget_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a job printed cannot do anything; a page of chatty jobs stays small."""
    state = _state(tmp_path)
    assert _row(state, "bad")["output"] == [HOSTILE, r"red \x1b]0;t\x07\x00 \u202egnp " + "\ufffd & <b>"]
    monkeypatch.setattr(printable, "TAILS", {True: (1, 8192, 1), False: (1, 8192, 0)})
    assert _row(state, "bad")["output"] is not None
    assert _row(state, HOSTILE)["output"] is None
    assert _row(state, "good")["output"] is None


def test_planned_ids_stand_for_those_of_the_allocation(tmp_path: Path) -> None:
    """A batch that was given other ids than the plan's first ones is drawn where it ran."""
    plan = plan_of([spec("a"), spec("b")], cpus=2)
    batch = msgspec.structs.replace(plan.batches[0], cpus=2)
    paths = recorded(tmp_path, msgspec.structs.replace(plan, batches=(batch,)), {"a": OK, "b": OK})
    journal = paths.batch(batch.id).journal
    lines = journal.read_text().splitlines()
    starts = [number for number, line in enumerate(lines) if "job_started" in line]
    for number, name in zip(starts, ("8", "12"), strict=True):
        lines[number] = lines[number].replace('"id":"0"', f'"id":"{name}"')
    journal.write_text("\n".join(lines) + "\n")
    state = load_session(paths)
    assert sorted(_row(state, name)["plan"][1]["cpus"][0] for name in "ab") == ["12", "8"]


def _tried_again(out: Path) -> SessionState:
    """Return a session of a job that failed on one CPU and then passed on another; its batch waited for 5 seconds."""
    plan = plan_of([spec("flaky")])
    batch = plan.batches[0].id
    paths = recorded(out, plan, {"flaky": OK})
    journal = paths.batch(batch).journal
    lines = journal.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if "job_started" in line)
    job = plan.jobs[0].id
    retried = JobRetried(time=STARTED + 1, job=job, outcome="FAILED", reason="exit code 3", output="canary-out.1.txt")
    again = lines[start].replace('"id":"0"', '"id":"1"').replace(f"{STARTED}", f"{STARTED + 1}")
    lines[start + 1 : start + 1] = [encode(retried).decode(), again]
    journal.write_text("\n".join(lines) + "\n")
    (paths.job(plan.jobs[0].directory) / "canary-out.1.txt").write_text("first attempt\n")
    note_submitted(paths.batch(batch).submission, STARTED - 5, "12")
    return load_session(paths)


def test_earlier_runs_and_submissions_are_told(tmp_path: Path) -> None:
    """Each run with its verdict, time, ids and output; times count from the submission."""
    row = _row(_tried_again(tmp_path), "flaky")
    (earlier,) = (dict(zip(row["data"]["earlier_fields"], each, strict=True)) for each in row["earlier"])
    assert (row["started"], row["ids"], row["status"]) == (6.0, {"cpus": ["1"]}, "PASS (attempt 2)")
    assert (earlier["started"], earlier["duration"], earlier["ids"]) == (5.0, 1.0, {"cpus": ["0"]})
    assert (earlier["status"], earlier["reason"], earlier["output"]) == (
        "FAIL",
        "exit code 3",
        ["first attempt"],
    )
    batch = dict(zip(row["data"]["batch_fields"], row["data"]["batches"][0], strict=True))
    assert batch["submitted"] == [[0.0, "12"]]


@pytest.mark.parametrize(
    ("took", "past", "limit", "marks"),
    [
        (2.0, [], 300.0, ""),
        (2.0, [1.9], 300.0, ""),
        (2.0, [1.0], 300.0, "s"),
        (2.0, [1.0, 1.0, 1.9], 300.0, ""),
        (2.0, [], 2.0, ""),
        (60.0, [20.0], 300.0, "sl"),
        (60.0, [59.0, 58.0], 61.0, "l"),
    ],
)
def test_slower_and_slow_jobs_are_marked(
    tmp_path: Path, took: float, past: list[float], limit: float, marks: str
) -> None:
    """Slower by the rule of `diff`; slow by that of the live view, for which a guess is no usual time."""
    plan = plan_of([spec("a", timeout=limit)])
    paths = recorded(tmp_path, plan, {"a": OK})
    journal = paths.batch(plan.batches[0].id).journal
    journal.write_text(journal.read_text().replace(f'"time":{STARTED + 2}', f'"time":{STARTED + took}'))
    runs = [(f"2025010{number}T000000.000000", seconds) for number, seconds in enumerate(past)]
    row = _row(load_session(paths), "a", History(runtimes={plan.jobs[0].id: runs}))
    assert (row["duration"], row["marks"]) == (took, marks)


def test_artifacts_are_told_with_their_sizes(tmp_path: Path) -> None:
    """Those that are kept, and those that were not there; a hostile name is escaped."""
    plan = plan_of([spec("a")])
    paths = recorded(tmp_path, plan, {"a": OK})
    journal = paths.batch(plan.batches[0].id).journal
    kept = '"artifacts":{"kept":[{"path":"canary-artifacts/a\u202e.vtk","size":2048}],"missing":["b.vtk"]}'
    lines = [line[:-1] + f",{kept}}}" if "job_finished" in line else line for line in journal.read_text().splitlines()]
    journal.write_text("\n".join(lines) + "\n")
    row = _row(load_session(paths), "a")
    assert row["artifacts"] == [["canary-artifacts/a\\u202e.vtk", 2048], ["b.vtk", None]]


def test_a_session_that_never_ran_has_a_page(tmp_path: Path) -> None:
    """Nothing is divided by nothing."""
    text = html_report(load_session(recorded(tmp_path, plan_of([spec("a")]), {})))
    assert "not done" in text
    assert "No batch has run." in text


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser for all tests of this file."""
    with Browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


def _opened(browser: Browser, state: SessionState, folder: Path, fragment: str = "", *, dark: bool = False) -> None:
    page = folder / "page.html"
    page.write_text(html_report(state))
    browser.errors.clear()
    browser.open(f"{page.as_uri()}{fragment}", dark=dark)


def _names(browser: Browser) -> list[str]:
    return browser.texts("#job-grid .row .cell:nth-child(2)")


@pytest.mark.needs("chromium")
@pytest.mark.smoke
def test_filters_and_sorting_with_the_mouse(browser: Browser, tmp_path: Path) -> None:
    """Failures come first; a chip shows its jobs, two show both; the field finds; a heading sorts, and turns around."""
    _opened(browser, _state(tmp_path), tmp_path)
    assert _names(browser) == ["bad", HOSTILE, "never", "slow", "good", "late"]
    assert browser.texts("#chips [aria-pressed=true]") == ["all 6"]
    browser.click("#chips .PASS")
    assert _names(browser) == ["good", "late"]
    browser.click("#chips .SKIP")
    assert _names(browser) == ["never", "slow", "good", "late"]
    assert browser.text("#found") == "4 of 6 jobs: skipped or passed"
    assert browser.texts("#chips [aria-pressed=true]") == ["skipped 2", "passed 2"]
    browser.click("#chips .PASS")
    browser.click("#chips .SKIP")
    assert browser.text("#found") == ""
    browser.click(".head [role=columnheader]:nth-child(2) button")
    assert _names(browser) == sorted(["bad", HOSTILE, "never", "slow", "good", "late"])
    browser.click(".head [role=columnheader]:nth-child(2) button")
    assert _names(browser) == sorted(["bad", HOSTILE, "never", "slow", "good", "late"], reverse=True)
    browser.click("#find")
    browser.type("FAST")
    assert _names(browser) == ["good"]
    browser.type("est")
    assert browser.texts("#job-grid .none") == ["Nothing matches."]
    assert browser.errors == []


@pytest.mark.needs("chromium")
def test_details_of_a_job_are_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    """Its facts, output and environment; nothing that it printed or is called by became part of the page."""
    _opened(browser, _state(tmp_path), tmp_path)
    browser.click("#job-grid .row:nth-child(2)")
    assert browser.text("#detail h2") == HOSTILE
    assert HOSTILE in browser.text("#detail pre")
    assert browser.run("document.title").startswith(HOSTILE)
    assert browser.run("document.images.length + document.querySelectorAll('#detail b').length") == 0
    browser.click("#detail summary")
    assert "CANARY_CPU_IDS" in browser.texts("#detail code")
    assert any(text.endswith("/jobs/hostile/job.json") for text in browser.texts("#detail code"))
    browser.click("#detail .plain")
    assert browser.run("document.querySelector('#detail').hidden")
    assert browser.errors == []


@pytest.mark.needs("chromium")
def test_everything_can_be_reached_with_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    """Field, list, details and back, the timeline, and the batches."""
    _opened(browser, _state(tmp_path), tmp_path)
    browser.run("document.getElementById('find').focus()")
    browser.press("ArrowDown", "ArrowDown", "ArrowDown", "Enter")
    assert browser.text("#detail h2") == "never"
    assert browser.run("document.activeElement.tagName") == "H2"
    browser.press("Escape")
    assert browser.run("document.activeElement.id") == "job-grid"
    browser.press("End", "Enter")
    assert browser.text("#detail h2") == "late"
    assert browser.run("location.hash").startswith("#job-")
    browser.run("document.getElementById('time').focus()")
    browser.press("End", "Home")
    told = browser.text("#description")
    assert ": " in told
    assert "planned 1.0s" in told
    browser.press("+", "Enter")
    assert told.startswith(browser.text("#detail h2"))
    browser.run("document.getElementById('batch-grid').focus()")
    browser.press("ArrowDown", "ArrowDown", "Enter")
    assert sorted(_names(browser)) == ["late", "never", "slow"]
    assert browser.errors == []


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("dark", [False, True])
def test_the_timeline_is_drawn_in_the_colours_of_the_scheme(browser: Browser, tmp_path: Path, dark: bool) -> None:
    """A click on a bar opens its job."""
    state = _state(tmp_path)
    _opened(browser, state, tmp_path, dark=dark)
    browser.run("document.getElementById('time').scrollIntoView({block: 'center'})")
    browser.settle()
    x, y, colour = browser.run("""(() => {
        const box = document.querySelector('canvas').getBoundingClientRect();
        const pen = document.querySelector('canvas').getContext('2d');
        const [x, y] = [400, 33];
        return [box.x + x, box.y + y, [...pen.getImageData(x, y - 4, 1, 1).data].slice(0, 3)];
    })()""")
    tones = {False: ([40, 113, 74], [187, 42, 53]), True: ([92, 192, 132], [242, 114, 123])}[dark]
    assert colour in tones or any(
        abs(one - other) < 60 for tone in tones for one, other in zip(colour, tone, strict=True)
    )
    browser.click_at(x, y)
    assert not browser.run("document.querySelector('#detail').hidden")
    assert browser.errors == []


@pytest.mark.needs("chromium")
def test_the_timeline_has_a_bar_for_each_run_and_the_queue(browser: Browser, tmp_path: Path) -> None:
    """The first run on its own CPU, thinner than the last, and a lane of what waited; the arrows go through both."""
    _opened(browser, _tried_again(tmp_path), tmp_path)
    assert browser.run("timeline.lanes.map(lane => lane.queue ? 'queue' : lane.kind + lane.name)") == [
        *("queue", "cpus0", "cpus1")
    ]
    assert browser.run("timeline.lanes[0].queue") == [[0, 1], [5, 0]]
    browser.run("document.getElementById('time').focus()")
    browser.press("Home")
    assert browser.text("#description").startswith("flaky: run 1 of 2, FAIL, 1.0s from 5.0s")
    browser.press("ArrowRight")
    assert browser.text("#description").startswith("flaky: run 2 of 2, PASS (attempt 2)")
    browser.press("Enter")
    assert browser.texts("#detail summary")[0].startswith("1. FAIL: exit code 3")
    assert browser.texts("#detail details pre") == ["first attempt"]
    assert not browser.errors


@pytest.mark.needs("chromium")
def test_a_fragment_opens_its_job(browser: Browser, tmp_path: Path) -> None:
    """So that a link can lead to one of ten thousand."""
    state = _state(tmp_path)
    _opened(browser, state, tmp_path, f"#job-{state.plan.jobs[1].id}")
    assert browser.text("#detail h2") == "bad"


@pytest.mark.needs("chromium")
def test_ten_thousand_jobs_have_only_the_rows_in_sight(browser: Browser, tmp_path: Path) -> None:
    """The last row is reached, and the last job is found."""
    plan = plan_of(*([spec(f"j{batch}.n={number:03d}") for number in range(500)] for batch in range(20)))
    paths = recorded(tmp_path, plan, {"j0.n=001": FAILED, "j19.n=499": OK})
    _opened(browser, load_session(paths), tmp_path)
    assert len(_names(browser)) < 60
    browser.run("document.getElementById('job-grid').focus()")
    browser.press("End")
    assert _names(browser)[-1] == "j19.n=499"
    browser.click("#find")
    browser.type("j7.n=123")
    assert _names(browser) == ["j7.n=123"]
    assert browser.errors == []
