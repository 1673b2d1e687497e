"""Test files in Python (`*.pyt`): read in worker processes, and turned into jobs by what their directives said.

The way of one file: `collect` → `worker` → `supervisor` and `reader_process` (in processes of their own) → `protocol` →
`declarations` → `expand`.
"""
