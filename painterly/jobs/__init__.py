"""Jobs that people send, in the bucket, and the worker that paints them. No HTTP."""
