#!/usr/bin/env python3
"""One photo, one or more paintings → one picture: see --help."""

import sys

from styletransfer.cli.inetwork import inetwork

if __name__ == "__main__":
    sys.exit(inetwork())
