"""What happens inside Snakemake while it runs a generated workflow: its lock, its events, values its rules ask for."""
