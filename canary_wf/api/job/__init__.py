"""Jobs as objects."""
