"""From the plan to the files that Snakemake runs: the Snakefile, its rules, and the profiles.

`snakefile` and `profiles` render the templates, `rule_resources` states the request of a rule, and `writer` puts all
files into OUT.
"""
