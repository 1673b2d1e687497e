"""Test files in Python (`*.pyt`): read in worker processes, and turned into jobs by what their directives said."""
