"""What follows a crash, a cancel or a lost node: verdicts for jobs that nobody runs, resets, and cleaning up."""
