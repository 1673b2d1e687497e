"""canary-wf turns a tree of tests or simulations into a handful of cluster jobs, carried by Snakemake."""

__version__ = "0.1.0"
