"""The web service: the same engine, looks and buckets for a browser."""
