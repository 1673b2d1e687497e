"""Job files (`*.jobs.yaml`, `*.jobs.yml`, `*.jobs.json`): jobs described as data, checked against a JSON Schema.

The modules in the order of the data: `load` → `check` → `expand`.
"""
