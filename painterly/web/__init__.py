"""The web service: the same engine, styles and buckets for a browser."""
