"""What happens inside Snakemake while it runs a generated workflow: its lock, its events, values its rules ask for.

`event_handlers` and `rule_values` are called by the templates in `rules/`; `in_use` asks for `lock`, `parent_workflows`
and queued batches before somebody changes a workspace.
"""
