"""What the choice of a configuration may be is said where tests are not there without it."""

from pathlib import Path

import pytest

from canary_wf.discovery import DiscoveryOptions, discover
from canary_wf.discovery.ctest.listing import advice, configurations_of
from canary_wf.errors import InputError


@pytest.mark.needs("ctest")
def test_an_include_that_fails_names_the_configurations_that_are_there(tmp_path: Path) -> None:
    """Also when it was written in other letters."""
    file = tmp_path / "CTestTestfile.cmake"
    file.write_text(f'include("{tmp_path}/t-${{CTEST_CONFIGURATION_TYPE}}.cmake")\n')
    (tmp_path / "t-Release.cmake").write_text("add_test(t /bin/true)\n")
    with pytest.raises(InputError, match=r"could not find requested file.*; choose .* --ctest-config \(Release\)"):
        discover([tmp_path], DiscoveryOptions())
    with pytest.raises(InputError, match=r"did you mean --ctest-config Release\?"):
        discover([tmp_path], DiscoveryOptions(ctest_config="release"))
    assert [job.name for job in discover([tmp_path], DiscoveryOptions(ctest_config="Release")).jobs] == ["t"]


def test_configurations_are_known_from_cache_conditions_and_files(tmp_path: Path) -> None:
    """A tree that speaks of none gets no advice."""
    file = tmp_path / "CTestTestfile.cmake"
    file.write_text("")
    assert advice(file, [str(file)], None) is None
    file.write_text(
        'if(CTEST_CONFIGURATION_TYPE MATCHES "^([Dd][Ee][Bb][Uu][Gg])$")\nendif()\n'
        'include("${CMAKE_CURRENT_LIST_DIR}/x_${CTEST_CONFIGURATION_TYPE}_tests.cmake")\n'
    )
    (tmp_path / "x_Fast_tests.cmake").touch()
    (tmp_path / "CMakeCache.txt").write_text("CMAKE_CONFIGURATION_TYPES:STRING=Debug;Own\n")
    assert configurations_of(file, [str(file)]) == ["Debug", "Own", "Fast"]
    assert advice(file, [str(file)], "Own") == "choose a configuration with --ctest-config (Debug, Fast)"
