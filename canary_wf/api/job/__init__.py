"""Jobs as objects: `job` is the class, the others are its parts. `canary_wf.job` has the public names."""
