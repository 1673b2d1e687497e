"""Makes the pictures of the documentation: the plan page, the page of a session, and the live view, of a real run.

    make screenshots

Needs chromium. The run is one of small jobs that sleep, on four nominal CPUs and two nominal GPUs; some of them fail.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from browser import Browser
from rich.console import Console
from rich.text import Text

from canary_wf.plan.store import newest_session
from canary_wf.report.live.snapshot import Snapshots
from canary_wf.report.live.views.terminal import TerminalView

IMAGES = Path(__file__).parent / "images"
FOLDER = Path("build/screenshots").absolute()
SUITE = FOLDER / "heat"
"""A checkout, as the heading of the pages names the project and the commit."""
BIN = Path(sys.executable).parent
OPTIONS = (
    "-b",
    "scheduler=local",
    "-b",
    "spec=duration:12s",
    "-b",
    "retry=failed:1",
    "-r",
    "cpus=4",
    "-r",
    "gpus=2",
)
WIDTH, HEIGHT = 1200, 860


def _job(name: str, script: str, seconds: float, **fields: object) -> dict[str, object]:
    return {"name": name, "command": ["sh", "-c", f"sleep {seconds}; {script}"], "runtime": seconds, **fields}


JOBS = [
    *(_job(f"mesh.n={n}", "echo 4096 cells", 0.6 + 0.2 * n, keywords=["fast"]) for n in range(4)),
    *(
        _job(
            f"heat/solve.cells={cells}.k={k}",
            "echo 'iteration 11: residual 0.31'; echo 'iteration 12: residual 4.7e+08'; exit 3"
            if (cells, k) in {(64, 2), (128, 3)}
            else "echo converged",
            0.5 + cells / 128 + 0.1 * k,
            cpus=1 + cells // 64,
            depends_on=[f"mesh.n={k}"],
            environment={"MODEL": "coarse"},
        )
        for cells in (32, 64, 128)
        for k in range(4)
    ),
    *(_job(f"wave/device.i={i}", "echo gpu $CUDA_VISIBLE_DEVICES", 1.2, gpus=1 + i % 2) for i in range(6)),
    {"name": "io/hangs", "command": ["sleep", "60"], "runtime": 2, "timeout": 3},
    _job("io/differs", "echo 'line 7 differs'; exit 64", 0.4),
    _job("io/skips", "exit 80", 0.2),
    _job("io/licence", "[ -e canary-out.1.txt ] || { echo 'no answer from the licence server'; exit 1; }", 0.3),
]


def _run(*arguments: str | Path, code: int = 0) -> None:
    done = subprocess.run([BIN / "canary-wf", *arguments], check=False, cwd=SUITE, stdout=subprocess.DEVNULL)
    if done.returncode != code:
        sys.exit(f"{arguments[0]} ended with {done.returncode}, not {code}")


def main() -> None:
    """Run the jobs twice, as the second run knows how long they take, and take the pictures."""
    os.environ["CANARY_WF_LEASE_DIR"] = str(FOLDER / "leases")
    _make_suite()
    _run("run", "tests", *OPTIONS, code=1)  # jobs failed
    run = subprocess.Popen(
        [BIN / "canary-wf", "run", "tests", *OPTIONS], cwd=SUITE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _live(run)
    run.wait()
    _run("plan", "tests", *OPTIONS, "--html", "plan.html")
    _run("report", "html", "-o", "report.html")
    with Browser(FOLDER / "browser", WIDTH, HEIGHT) as browser:
        _pages(browser, SUITE / "plan.html", SUITE / "report.html")


def _make_suite() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    (SUITE / "tests").mkdir(parents=True)
    IMAGES.mkdir(exist_ok=True)
    (SUITE / "tests" / "demo.jobs.json").write_text(json.dumps({"jobs": JOBS}))
    author = ("-c", "user.name=canary-wf", "-c", "user.email=canary-wf@localhost")
    for words in (("init", "-q", "-b", "main"), ("add", "tests"), (*author, "commit", "-q", "-m", "Add the tests")):
        subprocess.run(["git", *words], cwd=SUITE, check=True)  # noqa: S607 - git is where the PATH says


def _live(run: "subprocess.Popen[bytes]") -> None:
    """Draw the live view once a job has failed while others run."""
    first = newest_session(SUITE)
    while newest_session(SUITE) == first and run.poll() is None:
        time.sleep(0.1)
    snapshots = Snapshots(newest_session(SUITE))
    snapshot, failed = snapshots.take(), []
    while run.poll() is None and (len(failed) < 2 or not snapshot.running):  # noqa: PLR2004 - two failures make a picture
        time.sleep(0.2)
        snapshot = snapshots.take()
        failed += snapshot.failed
    with Path(os.devnull).open("w") as nowhere:
        console = Console(file=nowhere, record=True, width=100, force_terminal=True, color_system="truecolor")
        view = TerminalView(nowhere)
        told = snapshot._replace(failed=tuple(failed))
        for line in (*view.news(told, 99), *view.lines(told, 99, 30)):
            console.print(Text.assemble(*line))
    picture = console.export_svg(title="canary-wf status --watch")
    (FOLDER / "status.html").write_text(f'<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">{picture}')


def _pages(browser: Browser, plan: Path, report: Path) -> None:
    browser.open(plan)
    browser.click('#gantt .bar[data-batch="1"]')
    browser.run("scrollTo(0, 0)")
    browser.screenshot(IMAGES / "plan.png")
    browser.open(report)
    browser.run("document.getElementById('job-grid').focus({preventScroll: true})")
    browser.press("Home", "Enter")
    browser.run("scrollTo(0, 0)")
    browser.screenshot(IMAGES / "report.png")
    browser.open(report)
    browser.run("scrollTo(0, document.body.scrollHeight)")
    browser.screenshot(IMAGES / "timeline.png")
    browser.open(FOLDER / "status.html")
    browser.screenshot(IMAGES / "status.png", "svg")


if __name__ == "__main__":
    main()
