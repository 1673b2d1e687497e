"""One job of a running batch: its folder, environment, process, limits and verdict."""
