"""Jobs: what they are, where they stand, and the files that say so."""
