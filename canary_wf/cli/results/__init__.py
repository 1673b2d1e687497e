"""Commands that show what became of a run; they change nothing but the history of run times."""
