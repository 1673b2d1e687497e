"""What `canary-wf.yaml` and the variables `CANARY_WF_*` say: defaults for the options of the command line."""
