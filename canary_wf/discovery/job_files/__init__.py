"""Job files (`*.jobs.yaml`, `*.jobs.yml`, `*.jobs.json`): jobs written down as data, checked against a JSON Schema.

The way of one file: `load` → `check` → `expand`.
"""
