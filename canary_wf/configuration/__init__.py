"""The configuration: `canary-wf.yaml` and the variables `CANARY_WF_*` set defaults for options of the command line.

`settings` reads the values, `values` checks each one by its option, and `keys` lists all keys of the JSON Schema.
"""
