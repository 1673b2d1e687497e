"""The CDash report of tests of CTest beside what ctest itself writes of the same tree."""

import base64
import io
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from canary_wf.plan.store import load_plan, newest_session

pytestmark = [pytest.mark.needs("ctest"), pytest.mark.xdist_group("cdash")]

SIGNALS = ("HUP", "INT", "ILL", "ABRT", "BUS", "FPE", "KILL", "SEGV", "TERM", "USR1", "XCPU")
MEASURED = """\
cat <<X
before
<DartMeasurement name="speed" type="numeric/double">12.5</DartMeasurement>
<CTestMeasurement type="text/string" name="note">a &lt; b &amp; c</CTestMeasurement> tail
<CTestMeasurement type="text/link" name="l">http://x</CTestMeasurement><DartMeasurement name="m" type="text/string">
one
</DartMeasurement>
<CTestMeasurementFile type="file" name="att">$1/att.txt</CTestMeasurementFile>
<DartMeasurementFile name="img" type="image/png">$1/att.txt</DartMeasurementFile>
<DartMeasurementFile name="noimg" type="image/png">$1/none.png</DartMeasurementFile>
<DartMeasurementFile name="emptyimg" type="image/png">$1/empty.png</DartMeasurementFile>
<CTestMeasurement type="text/string" name="broken">x<y</CTestMeasurement>
<CTestMeasurement type="text/string" name="open">never closed
<CTestDetails>In short</CTestDetails><CTestLabel>lost</CTestLabel>
x<CTestLabel>printed</CTestLabel>
<CTestLabel>again</CTestLabel>
after
X
exit $2
"""
TREE = """\
add_test(ok "/bin/true")
set_tests_properties(ok PROPERTIES LABELS "z;a" PROCESSORS 2)
add_test(bad "/bin/sh" "-c" "echo said; exit 3")
add_test([=[Mesh: fine (3D)]=] "/bin/true")
add_test(slow "/bin/sleep" "20")
set_tests_properties(slow PROPERTIES TIMEOUT 1)
add_test(off "/bin/true")
set_tests_properties(off PROPERTIES DISABLED 1 LABELS "x" PROCESSORS 3)
add_test(gone "/nowhere/program")
add_test(fails-as-expected "/bin/sh" "-c" "exit 4")
set_tests_properties(fails-as-expected PROPERTIES WILL_FAIL 1)
add_test(does-not-fail "/bin/true")
set_tests_properties(does-not-fail PROPERTIES WILL_FAIL 1)
add_test(skip-code "/bin/sh" "-c" "exit 77")
set_tests_properties(skip-code PROPERTIES SKIP_RETURN_CODE 77)
add_test(skip-word "/bin/echo" "SKIP THIS")
set_tests_properties(skip-word PROPERTIES SKIP_REGULAR_EXPRESSION "SKIP")
add_test(no-word "/bin/echo" "hello")
set_tests_properties(no-word PROPERTIES PASS_REGULAR_EXPRESSION "bye;farewell")
add_test(bad-word "/bin/echo" "hello")
set_tests_properties(bad-word PROPERTIES FAIL_REGULAR_EXPRESSION "hel+o")
add_test(file-missing "/bin/true")
set_tests_properties(file-missing PROPERTIES REQUIRED_FILES "/nowhere/file")
add_test(folder-missing "/bin/true")
set_tests_properties(folder-missing PROPERTIES WORKING_DIRECTORY "/nowhere/folder")
add_test(folder-of-source "/bin/true")
set_tests_properties(folder-of-source PROPERTIES WORKING_DIRECTORY "@SOURCE@/data")
add_test(up "/bin/false")
set_tests_properties(up PROPERTIES FIXTURES_SETUP F)
add_test(user "/bin/true")
set_tests_properties(user PROPERTIES FIXTURES_REQUIRED F)
add_test(attached "/bin/true")
set_tests_properties(attached PROPERTIES ATTACHED_FILES "@TREE@/att.txt;@TREE@/none" ATTACHED_FILES_ON_FAIL "@TREE@/f")
add_test(attached-fail "/bin/false")
set_tests_properties(attached-fail PROPERTIES ATTACHED_FILES_ON_FAIL "@TREE@/att.txt")
add_test(measured "/bin/sh" "@TREE@/measured.sh" "@TREE@" "0")
set_tests_properties(measured PROPERTIES MEASUREMENT "answer=42")
add_test(measured-fail "/bin/sh" "@TREE@/measured.sh" "@TREE@" "5")
subdirs(sub)
"""
PLANNED = ("-b", "scheduler=local", "-r", "cpus=4", "-b", "spec=layout:atomic,count:1")
DART = "SourceDirectory: {0}\nBuildDirectory: {1}\nSite: here\nBuildName: one\n"


def _tree(folder: Path) -> Path:
    tree, source = folder / "tree", folder / "source"
    (tree / "sub").mkdir(parents=True)
    (source / "data").mkdir(parents=True)
    signals = "".join(f'add_test({name} "/bin/sh" "-c" "kill -{name} $$")\n' for name in SIGNALS)
    text = TREE.replace("@TREE@", str(tree)).replace("@SOURCE@", str(source)) + signals
    (tree / "CTestTestfile.cmake").write_text(text)
    (tree / "sub/CTestTestfile.cmake").write_text('add_test(ok "/bin/true")\n')
    (tree / "DartConfiguration.tcl").write_text(DART.format(source, tree))
    (tree / "measured.sh").write_text(MEASURED)
    (tree / "att.txt").write_text("text\n")
    (tree / "empty.png").write_text("")
    return tree


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> tuple[ET.Element, ET.Element]:
    """Return the Test.xml of ctest and ours, of one tree that each of them ran once."""
    folder = tmp_path_factory.mktemp("cdash")
    tree = _tree(folder)
    command = ["ctest", "-j4", "--no-compress-output", "-T", "Test"]
    subprocess.run(command, cwd=tree, capture_output=True, timeout=120, check=False)
    out = folder / "out"
    environment = os.environ | {"CANARY_WF_LEASE_DIR": str(folder)}

    def run(*arguments: str) -> None:
        program = [sys.executable, "-m", "canary_wf", *arguments]
        subprocess.run(program, env=environment, capture_output=True, timeout=120, check=False)

    run(
        "generate",
        str(tree),
        "-d",
        str(out),
        *PLANNED,
    )
    plan = newest_session(out).plan
    run("run-batch", load_plan(plan).batches[0].id, "--plan", str(plan))
    run("report", "cdash", "-d", str(out), "-o", str(folder / "report"))
    theirs = next(tree.glob("Testing/2*/Test.xml"))
    return tuple(ET.parse(path).getroot() for path in (theirs, folder / "report/Test.xml"))  # type: ignore[return-value]  # noqa: S314


def _told(test: ET.Element) -> dict[str, Any]:
    """Return what a test tells, but for times, and for the environment that ctest adds."""
    measured = [
        (
            one.get("name"),
            one.get("type"),
            one.get("encoding"),
            one.get("compression"),
            one.get("filename"),
            _value(one),
        )
        for one in test.iter("NamedMeasurement")
        if one.get("name") not in {"Execution Time", "Environment"}
    ]
    return {
        "status": test.get("Status"),
        **{tag: test.findtext(tag) for tag in ("Name", "Path", "FullName", "FullCommandLine")},
        "measured": measured,
        "labels": [label.text for label in test.iter("Label")],
        "places": [child.tag for child in test],
    }


def _value(measurement: ET.Element) -> object:
    text = measurement.findtext("Value") or ""
    if measurement.get("compression") != "tar/gzip" or not text:
        return text
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as archive:
        return [(entry.name, archive.extractfile(entry).read()) for entry in archive]  # type: ignore[union-attr]


def test_every_test_is_told_as_ctest_tells_it(reports: tuple[ET.Element, ET.Element]) -> None:
    """Names, verdict, exit code and value, measurements, attached files, reasons and labels."""
    theirs, ours = (
        {test.findtext("FullName"): _told(test) for test in root.findall("Testing/Test")} for root in reports
    )
    assert ours.keys() == theirs.keys()
    assert len(ours) == 33
    for name, told in theirs.items():
        assert ours[name] == told


def test_outputs_are_without_what_is_for_the_dashboard(reports: tuple[ET.Element, ET.Element]) -> None:
    """And what is not run has the reason in its place."""
    theirs, ours = (
        {test.findtext("Name"): test.findtext("Results/Measurement/Value", "").split() for test in root.iter("Test")}
        for root in reports
    )
    for name in ("bad", "measured", "skip-word", "off", "gone"):
        assert ours[name] == theirs[name]


def test_the_list_of_tests_is_that_of_ctest(reports: tuple[ET.Element, ET.Element]) -> None:
    """By full name; the disabled ones are in it."""
    theirs, ours = (sorted(test.text or "" for test in root.findall("Testing/TestList/Test")) for root in reports)
    assert ours == theirs
