"""When a Ctrl-C is raised, and when only noted."""

import signal
import threading

import pytest

from canary_wf.process.signals import Interrupts


def _press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_one_at_the_entry_is_raised_inside() -> None:
    """Where the program can put back what it has taken over."""
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        _press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.go_on()
    assert signal.getsignal(signal.SIGINT) == before


def test_it_is_raised_at_once_and_the_handler_put_back() -> None:
    """As without."""
    before = signal.getsignal(signal.SIGINT)
    done: list[str] = []

    def program() -> None:
        with Interrupts() as interrupts:
            interrupts.go_on()
            _press()
            done.append("after")

    with pytest.raises(KeyboardInterrupt):
        program()
    assert done == []
    assert signal.getsignal(signal.SIGINT) == before


def test_what_is_held_is_done_as_a_whole() -> None:
    """Also what is held inside of it."""
    done: list[str] = []

    def program() -> None:
        with Interrupts() as interrupts:
            interrupts.go_on()
            with interrupts.held():
                with interrupts.held():
                    _press()
                    done.append("inner")
                done.append("outer")
            done.append("after")

    with pytest.raises(KeyboardInterrupt):
        program()
    assert done == ["inner", "outer"]


def test_after_the_first_the_others_are_noted_until_the_end() -> None:
    """What runs is then being ended; the last is raised when that is done."""
    done: list[int] = []

    def program() -> None:
        with Interrupts() as interrupts:
            interrupts.go_on()
            try:
                _press()
            finally:
                _press()
                done.append(interrupts.noted)

    with pytest.raises(KeyboardInterrupt):
        program()
    assert done == [1]


def test_an_end_without_interrupt_notes_too_and_going_on_raises() -> None:
    """A callback may have caught what was raised."""
    with Interrupts() as interrupts:
        interrupts.go_on()
        interrupts.end()
        _press()
        assert interrupts.noted == 1
        with pytest.raises(KeyboardInterrupt):
            interrupts.go_on()
        assert interrupts.noted == 0


def test_a_handler_that_does_not_raise_is_called_each_time() -> None:
    """Nothing ends then."""
    heard: list[int] = []

    def hear(number: int, _frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGINT, hear)
    try:
        with Interrupts() as interrupts:
            interrupts.go_on()
            _press()
            _press()
            assert (len(heard), interrupts.noted) == (2, 0)
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_changes_nothing() -> None:
    """Signals are for the main thread."""
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def hold() -> None:
        with Interrupts() as interrupts, interrupts.held():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert seen == [before]
