"""The command line: one module for each command in `planning`, `running` and `results`, imported when it is called."""
