"""The worker: a process that claims jobs, and paints them and what requests wait for."""
