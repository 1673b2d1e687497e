"""A plan in words: why a job is where it is, what the plan comes to, and what a reader should know."""
