"""Each test many times, to find those that fail now and then.

    pytest -p repeated_tests --rounds 20 -n 4 tests/slurm

Not loaded otherwise. Every round is a test of its own, with its own folder and a number in its name.
"""

import pytest

_NUMBER = "_round"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says how often."""
    parser.addoption("--rounds", type=int, default=20, help="how many times each test runs (20)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make each test one of as many."""
    rounds = range(1, metafunc.config.getoption("rounds") + 1)
    metafunc.fixturenames.append(_NUMBER)
    metafunc.parametrize(_NUMBER, rounds, ids=[f"round{number}" for number in rounds])


@pytest.fixture(name=_NUMBER)
def number_of_round() -> None:
    """Take the number of the round, which no test asks for."""
