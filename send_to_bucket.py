#!/usr/bin/env python3
"""Folder → bucket: see --help."""

import sys

from styletransfer.cli.sync_commands import send_to_bucket

if __name__ == "__main__":
    sys.exit(send_to_bucket())
