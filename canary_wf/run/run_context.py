"""How the runner treats the jobs of its batch, as far as that is the same for all of them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from canary_wf.process.out_of_memory import OomKills
from canary_wf.run.binding import Binding
from canary_wf.run.retries import Retries
from canary_wf.state.events import JobFinished


class Treatment(NamedTuple):
    """What jobs inherit, which are run again, which CPUs they are bound to, who says that memory ran out.

    `tick` is called whenever the runner looks around, at least once a heartbeat, and returns the seconds after which
    it is to be called again. `awaited` are the jobs that jobs of other batches depend on. `ended` is called with a job
    that ended and whose verdict is held back; `show` puts such a verdict into the job's state file, because a job that
    is started now may read it there.
    """

    environment: Mapping[str, str]
    retries: Retries
    binding: Binding
    oom_kills: OomKills
    tick: Callable[[], float]
    awaited: tuple[str, ...] = ()
    ended: Callable[[str], None] = lambda _: None
    show: Callable[[JobFinished], None] = lambda _: None
