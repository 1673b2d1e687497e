"""Batches as objects, and the backends that carry them."""
