"""Job files (`*.jobs.yaml`, `*.jobs.yml`, `*.jobs.json`): jobs written down as data, checked against a JSON Schema."""
