"""Commands that show the results of a run. They change only the history of run times."""
