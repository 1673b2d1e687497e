"""The object API: jobs, batches and schedulers as objects.

It stands on everything else, and only the public names import it.
"""
