"""Run times of earlier sessions: this workspace's own (`run_times`), and those that other programs kept."""
