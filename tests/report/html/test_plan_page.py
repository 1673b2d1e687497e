"""The page of a plan: everything in one file, hostile names as text, and drawn by a real browser."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from factories import plan_of, spec

from canary_wf.plan.explanation.summary import summarize
from canary_wf.plan.model import LeftOut, Plan
from canary_wf.report.html.plan_page import plan_page

HOSTILE = "</script><script>document.title='stolen'</script><img src=x onerror=\"document.title='stolen'\">&amp;{{7*7}}"


def _plan(count: int = 10) -> Plan:
    jobs = [[spec(f"job{number}", cpus=2), spec(f"b{number}", gpus=1)] for number in range(count)]
    jobs[0][0] = msgspec.structs.replace(jobs[0][0], name=HOSTILE)
    left = (LeftOut("0" * 20, HOSTILE, HOSTILE),)
    plan = plan_of(*jobs, cpus=4, gpus=1, scheduler="slurm", left_out=left)
    return msgspec.structs.replace(plan, batches=tuple(msgspec.structs.replace(b, cpus=3) for b in plan.batches))


def _page(plan: Plan) -> str:
    return plan_page(plan, summarize(plan, 4), [f"about {HOSTILE}"], 4)


class _Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.found.append((tag, dict(attrs)))


def test_the_page_asks_for_nothing_else() -> None:
    """No element refers to anything outside, and the page forbids itself to."""
    elements = _Elements(_page(_plan())).found
    assert {tag for tag, _ in elements} & {"link", "img", "iframe", "object", "base"} == set()
    assert not [attributes for _, attributes in elements if {"src", "href", "action"} & attributes.keys()]
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in elements)


def test_hostile_names_are_text() -> None:
    """Two scripts are ours; there is no third, and no handler in an attribute."""
    text = _page(_plan())
    elements = _Elements(text).found
    assert sum(tag == "script" for tag, _ in elements) == 2
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert HOSTILE not in text
    assert "49" not in re.sub(r"<script.*?</script>|<svg.*?</svg>|<style.*?</style>", "", text, flags=re.DOTALL)


def test_the_page_holds_every_batch_and_job() -> None:
    """A bar and a row a batch; for each job its start, length, source and ids."""
    plan = _plan()
    text = _page(plan)
    bars = [attributes for tag, attributes in _Elements(text).found if tag == "rect" and "data-batch" in attributes]
    assert len(bars) == len(plan.batches)
    assert sorted(str(bar["aria-label"])[6:18] for bar in bars) == sorted(batch.id for batch in plan.batches)
    found = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    assert data[0]["ids"] == ["cpu 0", "cpu 1", "cpu 2", "gpu 0"]
    assert sorted(job[0] for batch in data for job in batch["jobs"]) == sorted(job.name for job in plan.jobs)


def _rendered(folder: Path, page: str, fragment: str = "") -> str:
    """Return what a real browser makes of the page."""
    path = folder / "page.html"
    path.write_text(page)
    quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
    done = subprocess.run(
        [
            shutil.which("chromium") or "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            *quiet,
            f"--user-data-dir={folder / 'browser'}",
            "--dump-dom",
            f"{path.as_uri()}{fragment}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("count", [10, 1000])
def test_a_browser_draws_the_batches_and_the_jobs_of_the_one_asked_for(tmp_path: Path, count: int) -> None:
    """Bars of all batches, bars of the chosen batch's jobs with their names as text, and no script but ours ran."""
    plan = _plan(count)
    dom = _rendered(tmp_path, _page(plan), f"#batch-{plan.batches[0].id}")
    elements = _Elements(dom).found
    classes = [str(attributes.get("class", "")).split() for tag, attributes in elements if tag == "rect"]
    assert sum("bar" in names for names in classes) == count
    assert sum("open" in names for names in classes) == 1
    # The first job takes two CPUs, which are one rectangle, the second one CPU and one GPU.
    assert sum("job" in names for names in classes) == 3
    assert "<title>Plan " in dom
    assert "stolen</title>" not in dom
    assert not [tag for tag, _ in elements if tag == "img"]
    assert "&lt;img src=x" in dom
