#!/usr/bin/env python3
"""Folder of photos → BUCKET_SOURCE: see --help."""

import sys

from styletransfer.cli.sync_commands import cl_send_source

if __name__ == "__main__":
    sys.exit(cl_send_source())
