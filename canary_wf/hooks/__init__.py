"""The events of a job's life and who listens: `dispatch` calls the recorder first, then hooks of users."""
