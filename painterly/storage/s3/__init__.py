"""A bucket of an S3-compatible service. Only these modules know boto3."""
