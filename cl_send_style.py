#!/usr/bin/env python3
"""Folder of paintings → BUCKET_STYLE: see --help."""

import sys

from styletransfer.cli.sync_commands import cl_send_style

if __name__ == "__main__":
    sys.exit(cl_send_style())
