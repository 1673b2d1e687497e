"""The events of a job's life and their listeners: `dispatch` calls the recorder first, then user hooks."""
