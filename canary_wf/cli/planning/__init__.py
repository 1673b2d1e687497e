"""Commands before a run: find, describe, plan and generate."""
