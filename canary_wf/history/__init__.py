"""Run times of earlier runs: this workspace's own, and those that other programs kept."""
