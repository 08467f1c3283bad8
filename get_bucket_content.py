#!/usr/bin/env python3
"""Bucket → folder: see --help."""

import sys

from styletransfer.cli.sync_commands import get_bucket_content

if __name__ == "__main__":
    sys.exit(get_bucket_content())
