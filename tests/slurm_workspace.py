"""A workspace on the test cluster."""

from workspace import Workspace


class SlurmWorkspace(Workspace):
    """A workspace whose commands see the cluster, with a profile made fast for tests."""

    def generate_for_slurm(self, *arguments: str) -> None:
        """Generate for the cluster and fill in what a site would."""
        self.generate(*arguments, scheduler="auto")
        path = self.out / "slurm" / "config.yaml"
        text = path.read_text().replace("latency-wait: 60", "latency-wait: 5")
        text = text.replace("  nodes: 1\n", "  nodes: 1\n  slurm_account: lab\n")
        path.write_text(f"{text}slurm-init-seconds-before-status-checks: 2\n")
