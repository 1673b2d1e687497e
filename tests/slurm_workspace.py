"""A workspace on the test cluster."""

from workspace import Workspace

_FASTER = {
    "latency-wait: 60": "latency-wait: 5",
    "status-checks: 40": "status-checks: 2",
    "status-checks: 10": "status-checks: 1",
}


class SlurmWorkspace(Workspace):
    """A workspace whose commands see the cluster, with profiles made fast for tests."""

    def generate_for_slurm(self, *arguments: str) -> None:
        """Generate for the cluster, with its account, and let the profiles wait less."""
        self.generate(*arguments, "--slurm", "account=lab", scheduler="auto")
        for profile in ("slurm", "slurm-sbatch"):
            path = self.out / profile / "config.yaml"
            text = path.read_text()
            for slow, fast in _FASTER.items():
                text = text.replace(slow, fast)
            path.write_text(text)
        self.environment["CANARY_WF_QUEUE_SECONDS"] = "1"
