#!/usr/bin/env python3
"""BUCKET_RESULT → folder: see --help."""

import sys

from styletransfer.cli.sync_commands import cl_get_results

if __name__ == "__main__":
    sys.exit(cl_get_results())
