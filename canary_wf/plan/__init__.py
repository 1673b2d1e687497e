"""The plan: job specs, batches and estimates in one immutable file; everything after planning reads only it."""
