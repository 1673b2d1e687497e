"""The multiprocess scheduler: units of work over a graph, dispatched to processes."""
