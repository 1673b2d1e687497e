"""The command line: one module a command, in `planning`, `running` and `results`, imported when it is called."""
