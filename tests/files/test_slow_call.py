"""A word when a lock does not come back."""

import time

import pytest

from canary_wf.files.locks import warn_when_slow


def test_a_call_that_takes_long_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    """While it still lasts, with what is waited for and what to do; a quick one says nothing."""
    with warn_when_slow("/some/where", "go elsewhere", patience=5):
        pass
    with warn_when_slow("/some/where", "go elsewhere", patience=0.01):
        end = time.monotonic() + 10
        while not (told := capsys.readouterr().err) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
    assert told == ("canary-wf: /some/where: waiting for the file system to answer about its lock; go elsewhere\n")
    assert capsys.readouterr().err == ""


def test_a_user_who_may_start_no_thread_is_served_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the limit of processes a lock is taken without the words about it."""

    def refused(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refused)
    with warn_when_slow("/some/where", "go elsewhere", patience=0.01):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""
