"""The view on a terminal, as an emulator shows it: 80x24 and 200x50, narrower and wider while it runs."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from factories import plan_of, spec
from sessions import STARTED, end_job, recorded
from virtual_terminal import VirtualTerminal

from canary_wf.report.live.snapshot import Snapshots
from canary_wf.report.live.views.terminal import TerminalView
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.record import JobRecord
from canary_wf.state.session_paths import SessionPaths
from canary_wf.verdict.status import JobPhase, Outcome, Status

OK = Outcome.SUCCESS
NOW = STARTED + 12


@pytest.fixture(autouse=True)
def _colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(params=[(80, 24), (200, 50)], ids=["80x24", "200x50"])
def terminal(request: pytest.FixtureRequest) -> Iterator[VirtualTerminal]:
    """Return a terminal of a small and of a large size."""
    with VirtualTerminal(*request.param) as made:
        yield made


def _many(out: Path, *running: JobSpec) -> SessionPaths:
    """Return a session with two passed jobs, `running` ones in the same batch, and a batch that waits for it."""
    plan = plan_of([spec("a"), spec("b"), *running], [spec("z", "a")])
    return recorded(out, plan, {"a": OK, "b": OK}, running=[job.name for job in running], alive=True)


def _settled(terminal: VirtualTerminal, text: str) -> list[str]:
    terminal.wait_for(lambda screen: text in screen)
    return terminal.lines()


def test_a_screen_shows_the_bar_what_runs_and_what_waits(terminal: VirtualTerminal, tmp_path: Path) -> None:
    """Sixty jobs run; as many as fit are shown, and failures have room above."""
    paths = _many(tmp_path, *(spec(f"solve.cells={n}") for n in range(60)))
    TerminalView(terminal.file).show(Snapshots(paths).take(NOW))
    lines = _settled(terminal, "waiting for batch")
    assert len(lines) == terminal.rows - 4
    assert lines[0].endswith("  2/63, 12s, about 1.0s left")
    assert lines[1] == "2 passed, 60 running, 1 waiting"
    assert lines[2].split() == ["id", "running", "time", "expected", "limit", "node", "batch"]
    assert lines[3].split()[1:5] == ["solve.cells=0", "12s", "1.0s", "5m00s"]
    assert lines[-2] == f"and {60 - (len(lines) - 5)} more jobs running"
    assert lines[-1].startswith("batch ")


def test_failures_scroll_up_and_stay_above(terminal: VirtualTerminal, tmp_path: Path) -> None:
    """Each is told once, however often the view is drawn, and the view stays at the bottom in one piece."""
    names = [f"j{n}" for n in range(40)]
    paths = _many(tmp_path, *map(spec, names))
    snapshot, view = Snapshots(paths).take(NOW), TerminalView(terminal.file)
    view.show(snapshot)
    running = {each.job.name: each.job for each in snapshot.running}
    for number, name in enumerate(names[:30], start=1):
        record = JobRecord(phase=JobPhase.DONE, status=Status.of(Outcome.FAILED, f"no {name}"))
        counts = {"passed": 2, "failed": number, "running": 40 - number, "waiting": 1}
        rest = tuple(each for each in snapshot.running if each.job.name not in names[:number])
        view.show(snapshot._replace(failed=((running[name], record),), counts=counts, running=rest))
    lines = _settled(terminal, "2 passed, 30 failed, 10 running, 1 waiting")
    told = [line for line in [*terminal.scrolled(), *lines] if line.startswith("FAIL")]
    assert [line.split(" (")[0] for line in told] == [f"FAIL {name}: no {name}" for name in names[:30]]
    assert [line for line in lines if "/43, " in line] == [lines[-14]]
    view.close()
    terminal.file.write("the end\n")
    terminal.file.flush()
    lines = _settled(terminal, "the end")
    assert lines[-1] == "the end"
    assert lines[-2].startswith("FAIL j29")


@pytest.mark.parametrize("wraps", [False, True], ids=["cut", "wrapped"])
def test_a_terminal_that_becomes_narrower_and_wider_is_drawn_anew(tmp_path: Path, *, wraps: bool) -> None:
    """Nothing of the old size is left, and the failures are still above, whatever it does with long lines."""
    paths = _many(tmp_path, *(spec(f"a/name/that/is/rather/long/{n}" * 3) for n in range(8)))
    with VirtualTerminal(200, 50) as terminal:
        snapshots, view = Snapshots(paths), TerminalView(terminal.file)
        view.show(snapshots.take(NOW))
        end_job(paths, "a/name/that/is/rather/long/3" * 3, Outcome.FAILED, "because")
        snapshot = snapshots.take(NOW)
        view.show(snapshot)
        _settled(terminal, "because")
        for columns, rows in ((80, 24), (100, 30), (40, 12), (200, 50)):
            before = view.was_resized
            terminal.resize(columns, rows, wraps=wraps)
            assert (before, view.was_resized) == (False, True)
            view.show(snapshot.without_news())
            names = 1 + min(7, rows - 9)
            terminal.wait_for(partial(_is_whole, columns=columns, names=names))


def _is_whole(text: str, columns: int, names: int) -> bool:
    """Return whether each part of the view is there once, and as many `names` of jobs, none of them too long."""
    lines = text.splitlines()
    parts = ("3/11, ", "7 running, 1 waiti", " time", "FAIL a/name", "(1 job)")
    return (
        all(len(line) < columns for line in lines)
        and all(sum(part in line for line in lines) == 1 for part in parts)
        and sum("a/name" in line for line in lines) == names
    )


def test_hostile_wide_and_long_names_keep_the_columns_straight(terminal: VirtualTerminal, tmp_path: Path) -> None:
    """Escapes are text, wide characters count twice, combining ones not at all; long names are cut in the middle."""
    names = ["\x1b[2J\x1b[31mred", "数値計算" * 3, "e\u0301" * 9, "x" * 300 + "end", "plain"]
    paths = _many(tmp_path, *(spec(name, directory=f"d{n}") for n, name in enumerate(names)))
    TerminalView(terminal.file).show(Snapshots(paths).take(NOW))
    _settled(terminal, "waiting for batch")
    lines = terminal.lines()
    ends = {terminal.column(row, "12s") + len("12s") for row in range(3, 8)}
    assert ends == {terminal.column(2, "time") + len("time")}
    for text in ("\\x1b[2J\\x1b[31mred", "数値計算" * 3, "\u00e9" * 9, "plain"):
        assert any(f"  {text}  " in line for line in lines), "\n".join(lines)
    assert any("x…x" in line and "xend  " in line for line in lines)


def test_colours_are_left_out_where_they_are_not_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the cursor moves."""
    monkeypatch.setenv("NO_COLOR", "1")
    with VirtualTerminal() as terminal:
        TerminalView(terminal.file).show(Snapshots(_many(tmp_path, spec("j"))).take(NOW))
        _settled(terminal, "waiting for batch")
        assert b"m" not in {content[-1:] for content in terminal.raw.split(b"\x1b[") if content[:2].isdigit()}


def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    """A bar of hashes, and escapes for what it does not know."""
    paths = _many(tmp_path, spec("\u03b1" * 40))
    with VirtualTerminal(encoding="ascii") as terminal:
        TerminalView(terminal.file).show(Snapshots(paths).take(NOW))
        lines = _settled(terminal, "waiting for batch")
        assert lines[0].startswith("####################----")
        assert "\\u03b1" in lines[3]
        assert "..." in lines[3]
