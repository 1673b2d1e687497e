"""Running a batch: processes over a graph of dependencies, with ids from the resource pool."""
