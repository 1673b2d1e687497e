"""Run times of earlier sessions: those of this workspace (`run_times`), and imported ones (`import_sources`)."""
