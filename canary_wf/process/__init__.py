"""Processes: started, watched, and ended with everything that they started. Neither jobs nor batches are known here.

The way of one process: `spawn`, `process_watch`, `ending`, and `orphans` for what it left. `watchdog` acts when the
runner dies.
"""
