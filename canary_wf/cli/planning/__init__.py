"""Commands before a run: find, describe, plan, generate, pool, config and init."""
