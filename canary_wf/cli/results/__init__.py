"""Commands that look at what came of a run."""
