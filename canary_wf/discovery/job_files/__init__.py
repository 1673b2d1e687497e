"""Job files (`*.jobs.yaml`, `*.jobs.yml`, `*.jobs.json`): jobs described as data, checked against a JSON Schema.

`check` reads and checks a file (`canary_wf.files.documents` keeps the lines), `expand` makes jobs of it.
"""
