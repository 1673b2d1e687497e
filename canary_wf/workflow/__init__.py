"""From the plan to files that Snakemake runs: the Snakefile, its rules, and the profiles."""
