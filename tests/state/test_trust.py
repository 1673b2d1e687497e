"""Whose workspace a command acts in: the user's own, or one that the user said is trusted."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine
from factories import plan_of, spec
from sessions import recorded

from canary_wf.errors import WorkspaceError
from canary_wf.files.users import user_name
from canary_wf.state.session_paths import SessionPaths
from canary_wf.state.trust import is_trusted, require_trusted
from canary_wf.verdict.status import Outcome

STRANGER = 60321
"""A user id that nobody has."""

ACTING = (
    ["generate", "."],
    ["generate", ".", "--update"],
    ["rerun"],
    ["rerun", "--failed"],
    ["cancel"],
    ["gc"],
    ["gc", "--dry-run"],
    ["rebaseline"],
    ["history", "forget", "b"],
    ["history", "import", "small.jobs.yaml"],
    ["run-batch", "BATCH", "--plan", "PLAN"],
    ["gate", "--plan", "PLAN", "--result", "gate.json"],
    ["write-reports", "--plan", "PLAN", "--json", "r.json", "--junit", "r.xml", "--markdown", "r.md"],
)
READING = (
    ["status"],
    ["status", "--json"],
    ["location", "a"],
    ["diff"],
    ["history"],
    ["report", "markdown"],
    ["report", "html", "-o", "page.html"],
    ["plan", "."],
    ["find", "."],
)


@pytest.fixture
def session(small: CommandLine) -> SessionPaths:
    """Return a session in which one job failed."""
    plan = plan_of([spec("a"), spec("b")])
    return recorded(small.folder, plan, {"a": Outcome.SUCCESS, "b": Outcome.FAILED})


@pytest.fixture
def give() -> Callable[[Path], None]:
    """Return what gives a file to a stranger, which root alone may do."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to give files to another user")
    return lambda path: os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


def _filled(command: list[str], session: SessionPaths) -> list[str]:
    batch = next(session.slice("x").parent.glob("*.json")).stem
    return [{"PLAN": str(session.plan), "BATCH": batch}.get(word, word) for word in command]


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("place", [".", ".canary-wf", ".canary-wf/sessions", "SESSION", "BATCHES", "PLAN"])
def test_commands_that_act_refuse_what_is_another_users(
    small: CommandLine, session: SessionPaths, give: Callable[[Path], None], place: str
) -> None:
    """Whatever of the workspace it is, root included: nothing is changed, and it is said how to trust it."""
    places = {"SESSION": session.folder, "BATCHES": session.folder / "batches", "PLAN": session.plan}
    give(places.get(place, small.folder / place))
    before = _listing(session.out)
    for command in ACTING:
        if place in places and command[0] in {"gc", "history"}:
            continue  # they look at the whole of it, not at one session; `test_retention` has what is removed
        if place in places and command == ["generate", "."]:
            continue  # nothing of an old session is used
        done = small(*_filled(command, session))
        assert done.code == 4, command
        assert "belongs to user 60321, not to you" in done.err, command
        assert f"export CANARY_WF_TRUST={session.out}" in done.err, command
    assert _listing(session.out) == before


def test_commands_that_read_take_it_as_data(
    small: CommandLine, session: SessionPaths, give: Callable[[Path], None]
) -> None:
    """They write nothing in it."""
    for path in (small.folder, *(small.folder / ".canary-wf").rglob("*")):
        give(path)
    before = _listing(session.out)
    for command in READING:
        done = small(*command)
        assert done.code == 4 if command == ["diff"] else done.code in {0, 1}, command
        assert "belongs to" not in done.err, command
    (session.out / "page.html").unlink()
    assert {name: stamp for name, stamp in _listing(session.out).items() if name in before} == before


@pytest.mark.parametrize("how", ["variable", "all", "below", "file"])
def test_a_workspace_is_trusted_once_it_is_said(
    small: CommandLine, session: SessionPaths, give: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """In the environment or in a file of the user's own, for this one or for all below a folder."""
    give(session.folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(small.folder / "config"))
    said = {"variable": f"/elsewhere:{session.out}/", "all": "*", "below": f"{session.out.parent}/*"}
    if how in said:
        monkeypatch.setenv("CANARY_WF_TRUST", said[how])
    else:
        (small.folder / "config" / "canary-wf").mkdir(parents=True)
        (small.folder / "config" / "canary-wf" / "trusted").write_text(f"# mine\n\n{session.out}\n")
    assert small("rerun", "--failed").err == ""


@pytest.mark.parametrize("said", ["", "/", ".", "relative", "/elsewhere", "{out}/.canary-wf", "{out}x", "{out}/*"])
def test_other_words_trust_nothing(
    session: SessionPaths, give: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """A path stands for itself only, and is absolute."""
    give(session.folder)
    monkeypatch.setenv("CANARY_WF_TRUST", said.format(out=session.out))
    assert not is_trusted(session.out, [session.session])
    assert is_trusted(session.out)


def test_a_file_that_others_may_write_trusts_nothing(
    small: CommandLine, session: SessionPaths, give: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that anybody may write, nor one that is another user's."""
    give(session.folder)
    file = small.folder / "config" / "canary-wf" / "trusted"
    file.parent.mkdir(parents=True)
    file.write_text("*\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(small.folder / "config"))
    assert is_trusted(session.out, [session.session])
    monkeypatch.chdir(small.folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")  # who prepared this folder does not decide
    assert not is_trusted(session.out, [session.session])
    monkeypatch.setenv("XDG_CONFIG_HOME", str(small.folder / "config"))
    file.chmod(0o666)
    assert not is_trusted(session.out, [session.session])
    file.chmod(0o644)
    give(file)
    assert not is_trusted(session.out, [session.session])


def test_root_by_sudo_may_act_for_its_caller(session: SessionPaths, give: Callable[[Path], None]) -> None:
    """And for nobody else."""
    give(session.folder)
    names = [session.session]
    require_trusted(session.out, names, {"SUDO_UID": str(STRANGER)})
    with pytest.raises(WorkspaceError, match="not to you"):
        require_trusted(session.out, names, {"SUDO_UID": str(STRANGER + 1)})


@pytest.mark.parametrize(
    "name", [".", "sessions", "artifacts", "SESSION", "batches", "slices", "jobs", "report", "plan.json"]
)
def test_a_link_in_the_place_of_a_folder_is_not_followed(
    small: CommandLine, session: SessionPaths, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also in one's own workspace, where a job may put one, and also where all is trusted; nothing is done there."""
    monkeypatch.setenv("CANARY_WF_TRUST", "*")
    state = small.folder / ".canary-wf"
    places = {".": state, "SESSION": session.folder, **{each: state / each for each in ("sessions", "artifacts")}}
    path = places.get(name, session.folder / name)
    if name in {"report", "artifacts"}:
        path.mkdir()
    elsewhere = small.folder / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)
    before = _listing(elsewhere) if elsewhere.is_dir() else {}
    for command in ([*ACTING[2:5]], [ACTING[7]], [ACTING[10]]):
        for one in command:
            if "BATCH" in one and name in {".", "sessions", "SESSION", "slices"}:
                continue  # without a slice there is nothing to name
            done = small(*_filled(one, session))
            assert done.code == 4, one
            assert "is a link" in done.err or "there is no session" in done.err, one
    if elsewhere.is_dir():
        assert _listing(elsewhere) == before


def test_a_folder_of_roots_may_hold_a_workspace(small: CommandLine, give: Callable[[Path], None]) -> None:
    """An administrator makes the folders of projects; what is prepared there by root counts as another user's."""
    give(small.folder)
    with pytest.raises(WorkspaceError, match="not to you"):
        require_trusted(small.folder)
    os.chown(small.folder, 0, 0)
    require_trusted(small.folder)


def test_a_user_without_a_name_is_told_by_id() -> None:
    """As in containers."""
    assert user_name(0) == "root"
    assert user_name(STRANGER) == "user 60321"


@pytest.mark.parametrize("field", ["directory", "batch", "dependency"])
@pytest.mark.parametrize("value", ["/elsewhere", "../../../../elsewhere", "a/../../b", "..", ""])
def test_no_place_in_a_plan_or_slice_leads_out(
    small: CommandLine, session: SessionPaths, field: str, value: str
) -> None:
    """Every command says that the file is damaged, and reads and writes nothing there."""
    (small.folder / "elsewhere").mkdir()
    slice_file = next(session.slice("x").parent.glob("*.json"))
    for file, commands in (
        (session.plan, [*READING[:5], ["log", "a"], ["rerun", "--failed"], ["cancel"], ["rebaseline", "a"]]),
        (slice_file, [["rerun", "--failed"], ["cancel"], ["run-batch", slice_file.stem, "--plan", str(session.plan)]]),
    ):
        right = file.read_bytes()
        content = json.loads(right)
        batch = content["batches"][0] if "batches" in content else content["batch"]
        value = value.replace("/elsewhere", str(small.folder / "elsewhere"))
        if field == "directory":
            content["jobs"][0]["directory"] = value
        elif field == "batch":
            batch["id"] = value
        else:
            batch["dependencies"] = [value]
        file.write_text(json.dumps(content))
        for command in commands:
            if command[0] in {"rerun", "cancel"} and file is slice_file and field != "directory":
                continue  # they read the jobs of a slice only
            if command[0] in {"history", "diff"}:
                continue  # that does without a plan that is damaged, or wants a second session
            done = small(*command)
            assert done.code == 4, command
            assert "is damaged" in done.err, command
        file.write_bytes(right)
    assert list((small.folder / "elsewhere").iterdir()) == []


def test_no_link_in_the_place_of_a_jobs_folder_is_followed(small: CommandLine, session: SessionPaths) -> None:
    """Whatever level it is at: nothing there is shown, copied, written or removed, and the job runs in a new folder."""
    elsewhere = small.folder / "elsewhere"
    (elsewhere / "a").mkdir(parents=True)
    for folder in (elsewhere, elsewhere / "a"):
        (folder / "canary-out.txt").write_text("SECRET")
        (folder / "reference.txt").write_text("SECRET")
    before = _listing(elsewhere)
    job = session.jobs / "b"
    shutil.rmtree(job)
    job.symlink_to(elsewhere)
    for command in (
        ["log", "b"],
        ["report", "html", "-o", "-"],
        ["report", "cdash", "-o", "cdash"],
        ["rerun"],
        ["cancel"],
    ):
        done = small(*command)
        assert "SECRET" not in done.out, command
    assert all("SECRET" not in path.read_text() for path in (small.folder / "cdash").rglob("*.xml"))
    assert small("rerun", "b").code == 0
    assert small("run-batch", next(session.slice("x").parent.glob("*.json")).stem, "--plan", session.plan).code == 0
    assert _listing(elsewhere) == before
    assert job.is_dir()
    assert not job.is_symlink()


def test_no_link_in_the_place_of_a_batchs_folder_is_followed(small: CommandLine, session: SessionPaths) -> None:
    """Nothing is removed or written there, and no other batch is concerned."""
    batch = next((session.folder / "batches").iterdir())
    elsewhere = small.folder / "elsewhere"
    shutil.move(batch, elsewhere)
    (elsewhere / "result.json").unlink(missing_ok=True)
    (elsewhere / "result.json").mkdir()
    (elsewhere / "result.json" / "thesis.tex").write_text("precious")
    (elsewhere / "copies.txt").write_text("[]\n")
    batch.symlink_to(elsewhere)
    before = _listing(elsewhere)
    for command in (["rerun", "--failed"], ["rerun", "a", "b"], ["run-batch", batch.name, "--plan", str(session.plan)]):
        done = small(*command)
        assert (done.code, "is a link, which is not followed" in done.err) == (4, True), command
    small("cancel")
    assert _listing(elsewhere) == before


@pytest.mark.parametrize("field", ["session", "job"])
def test_no_control_character_of_a_plan_is_shown(small: CommandLine, session: SessionPaths, field: str) -> None:
    """Neither in a name of a session nor in an id, where there can be none; those of other texts are escaped."""
    content = json.loads(session.plan.read_bytes())
    hostile = "\x1b]52;c;aGk=\x07\u009b31m\n::error::x"
    if field == "session":
        content["session"] = hostile
    else:
        content["jobs"][0]["id"] = hostile
    content["jobs"][0]["name"] += hostile
    session.plan.write_text(json.dumps(content))
    for command in (*READING[:5], ["report", "summary", "-o", "-"], ["rerun"], ["cancel"], ["gc", "--keep", "1"]):
        done = small(*command)
        shown = (done.out + done.err).replace("\n", "")
        assert shown.isprintable(), command
        assert not any(line.startswith("::") for line in (done.out + done.err).splitlines()), command


def test_another_users_configuration_does_not_say_what_is_overwritten(
    small: CommandLine, session: SessionPaths, give: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks into somebody's folder reads the file that lies there; named, or trusted, it says what it likes."""
    victim = small.folder / "victim"
    victim.write_text("precious")
    file = small.folder / "canary-wf.yaml"
    file.write_text(f"report: {{json: {victim}}}\npaths: {{out: {victim}}}\nhooks: ['a:b']\nselect: {{keywords: x}}\n")
    give(file)
    done = small("report", "json", "-d", session.out)
    assert json.loads(done.out)["session"] == session.session
    assert "belongs to another user, so its paths.out, hooks, report.json are ignored" in done.err.replace(
        "report.json, paths.out, hooks", "paths.out, hooks, report.json"
    )
    assert victim.read_text() == "precious"
    monkeypatch.setenv("CANARY_WF_TRUST", str(small.folder))
    assert small("report", "json", "-d", session.out).err == f"Wrote {victim}\n"
    assert json.loads(victim.read_text())["session"] == session.session
