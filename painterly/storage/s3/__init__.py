"""A bucket of an S3-compatible service. Only these modules import boto3."""
