"""What the runner pays for importing this layer."""

import subprocess
import sys

HEAVY = ("yaml", "psutil", "click", "subprocess", "logging", "dataclasses", "json", "jsonschema", "asyncio")


def test_the_runner_imports_only_what_is_light() -> None:
    """Pool, leases and Slurm's grant need the standard library's small parts and msgspec only."""
    code = (
        "import sys\n"
        "import canary_wf.resources.pool, canary_wf.resources.leases.lease, canary_wf.resources.slurm.allocation\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
