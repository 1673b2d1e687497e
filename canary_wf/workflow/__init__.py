"""From the plan to files that Snakemake runs: the Snakefile, its rules, and the profiles.

`snakefile` and `profiles` make texts of the templates, `rule_resources` says what a rule asks for, `writer`
puts all of it into OUT.
"""
