"""What `canary-wf.yaml` and the variables `CANARY_WF_*` say: defaults for the options of the command line.

The way of one value: `settings` → `values` → `defaults`; `keys` lists them all from the JSON Schema.
"""
