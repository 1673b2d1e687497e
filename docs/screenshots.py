"""Makes the pictures of the documentation: the plan page, the page of a session, and the live view, of a real run.

    make screenshots

Needs chromium. The run is one of small jobs that sleep, on four nominal CPUs and two nominal GPUs; some of them fail.
"""

import json
import os
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
FOLDER = Path("build/screenshots")
BIN = Path(sys.executable).parent
OPTIONS = ("-b", "scheduler=local", "-b", "spec=duration:12s", "-r", "cpus=4", "-r", "gpus=2")
WIDTH, HEIGHT = 1200, 760


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
]


def _run(*arguments: str | Path, code: int = 0) -> None:
    done = subprocess.run([BIN / arguments[0], *arguments[1:]], check=False, stdout=subprocess.DEVNULL)
    if done.returncode != code:
        sys.exit(f"{arguments[1]} ended with {done.returncode}, not {code}")


def main() -> None:
    """Run the jobs twice, as the second run knows how long they take, and take the pictures."""
    os.environ["CANARY_WF_LEASE_DIR"] = str(FOLDER.absolute() / "leases")
    tree, out = FOLDER / "tree", FOLDER / "out"
    tree.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(exist_ok=True)
    (tree / "demo.jobs.json").write_text(json.dumps({"jobs": JOBS}))
    for last in (False, True):
        _run("canary-wf", "generate", tree, "-d", out, *OPTIONS)
        run = subprocess.Popen(
            [BIN / "snakemake", "--profile", "local", "--quiet", "all"], cwd=out, stderr=subprocess.DEVNULL
        )
        if last:
            _live(out, run)
        run.wait()
    plan, report = FOLDER / "plan.html", FOLDER / "report.html"
    _run("canary-wf", "plan", tree, "-d", out, *OPTIONS, "--html", plan)
    _run("canary-wf", "report", "html", "-d", out, "-o", report, code=1)  # jobs failed
    with Browser(FOLDER / "browser", WIDTH, HEIGHT) as browser:
        _pages(browser, plan.absolute(), report.absolute())


def _live(out: Path, run: "subprocess.Popen[bytes]") -> None:
    """Draw the live view once a job has failed while others run."""
    snapshots = Snapshots(newest_session(out.absolute()))
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
    browser.open((FOLDER / "status.html").absolute())
    browser.screenshot(IMAGES / "status.png", "svg")


if __name__ == "__main__":
    main()
