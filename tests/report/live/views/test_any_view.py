"""Whatever there is to show: no view fails, no line is too long for its terminal, and nothing steers it."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis_profiles import examples

from canary_wf.report.columns import width_of
from canary_wf.report.live.run_reader import RunJob
from canary_wf.report.live.snapshot import RunningJob, Snapshot
from canary_wf.report.live.views.lines import cut_line, line_width, painted
from canary_wf.report.live.views.log_lines import LogView
from canary_wf.report.live.views.terminal import TerminalView
from canary_wf.report.live.waits import Wait
from canary_wf.state.record import EarlierRun, JobRecord
from canary_wf.verdict.status import JobPhase, Outcome, Status

TEXT = st.text(max_size=60)
SECONDS = st.floats(0, 1e9)


def _job(name: str, seconds: float) -> RunJob:
    return RunJob("0123456789abcdef0123", name, "t.pyt", "d", "b1", seconds, "history", seconds)


JOB = st.builds(_job, TEXT, SECONDS)
STATUS = st.builds(Status, st.sampled_from([Outcome.FAILED, Outcome.TIMEOUT, Outcome.DIFFED]), st.none() | TEXT)
RECORD = st.builds(
    JobRecord, phase=st.just(JobPhase.DONE), status=STATUS, started=st.just(1.0), finished=st.none() | SECONDS
)
EARLIER = st.builds(
    EarlierRun,
    status=STATUS,
    started=st.none() | SECONDS,
    finished=SECONDS,
    resources=st.just({}),
    measurements=st.just({}),
    output=st.none(),
)
RUNNING = st.builds(RunningJob, JOB, SECONDS, TEXT, st.booleans())
SNAPSHOT = st.builds(
    Snapshot,
    total=st.integers(0, 10**6),
    done=st.integers(0, 10),
    counts=st.dictionaries(st.sampled_from(["passed", "failed", "running", "waiting"]), st.integers(1, 10**6)),
    flaky=st.integers(0, 3),
    running=st.lists(RUNNING, max_size=8).map(tuple),
    waits=st.lists(st.builds(Wait, TEXT, TEXT, st.booleans()), max_size=8).map(tuple),
    spent=st.none() | SECONDS,
    left=SECONDS,
    failed=st.lists(st.tuples(JOB, RECORD), max_size=3).map(tuple),
    retried=st.lists(st.tuples(JOB, EARLIER), max_size=3).map(tuple),
    slow=st.lists(RUNNING, max_size=3).map(tuple),
)


class _Terminal(io.StringIO):
    """A stream with the encoding of a terminal."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of what is written."""
        return self._encoding


@given(SNAPSHOT, TEXT, st.integers(9, 200), st.integers(2, 60), st.sampled_from(["utf-8", "ascii", "latin-1"]))
@settings(max_examples=examples(80), deadline=None)
def test_a_screen_has_room_for_every_line(snapshot: Snapshot, note: str, width: int, rows: int, encoding: str) -> None:
    """In each encoding, which knows all that is written."""
    view = TerminalView(_Terminal(encoding))
    lines = [cut_line(line, width) for line in view.lines(snapshot, width, rows, note)]
    for line in (*lines, *view.news(snapshot, width)):
        text = painted(line, coloured=False)
        assert text.isprintable()
        assert line_width(line) == width_of(text)
        text.replace("…", "").encode(encoding)
    assert all(line_width(line) <= width for line in lines)
    assert len(lines) <= max(rows - 4, 2 + 3 + 4 + 1)


@given(SNAPSHOT, TEXT, st.sampled_from(["utf-8", "ascii"]))
@settings(max_examples=examples(40), deadline=None)
def test_a_log_has_a_line_for_each_announcement(snapshot: Snapshot, note: str, encoding: str) -> None:
    """One line each, whatever line ends and escapes the names and reasons hold."""
    file = _Terminal(encoding)
    LogView(file).show(snapshot, note)
    outside = {wait.what for wait in snapshot.waits if wait.is_outside}
    lines = file.getvalue().split("\n")
    told = len(snapshot.failed) + len(snapshot.retried) + len(snapshot.slow)
    assert len(lines) - 1 == told + len(outside) + bool(note)
    assert all(line.isprintable() for line in lines)
    file.getvalue().encode(encoding)
