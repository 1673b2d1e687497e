"""What the kernel tells of a process."""

import os
import subprocess

from canary_wf.process.process_identity import group_of, start_ticks, ticks_now


def test_a_running_process_has_a_start_and_a_group() -> None:
    """Whatever its name holds; one that has ended has neither, even before it is collected."""
    with subprocess.Popen(["bash", "-c", "exec -a x cat"], stdin=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdin is not None
        assert group_of(process.pid) == process.pid
        assert 0 < start_ticks(process.pid) <= ticks_now()
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert (group_of(process.pid), start_ticks(process.pid)) == (0, 0)
    assert group_of(os.getpid()) == os.getpgrp()
