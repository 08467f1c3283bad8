#!/usr/bin/env python3
"""Buckets: check, create, list, empty: see --help."""

import sys

from styletransfer.cli.bucket_management import bucket_management

if __name__ == "__main__":
    sys.exit(bucket_management())
