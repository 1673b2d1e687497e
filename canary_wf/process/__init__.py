"""Processes: started, watched, and ended with everything that they started. Neither jobs nor batches are known here.

The way of one process: `posix_spawn`, `process_watch`, then `orphans` for what it left. `watchdog` outlives a runner.
"""
