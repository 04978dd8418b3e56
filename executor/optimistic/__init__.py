"""`Optimistic` jobs: programs are run with their trace, the trace is published, and demands for it are answered."""
