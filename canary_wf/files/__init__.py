"""Files: written whole or not at all, read with care, locked, and only where their owner is trusted."""
