"""Processes: started, watched, and ended with everything that they started. Neither jobs nor batches are known here."""
