"""What `canary-wf.yaml` and the variables `CANARY_WF_*` say: defaults for the options of the command line.

`settings` reads them, `values` checks each one by its option, `keys` lists them all from the JSON Schema.
"""
