#!/usr/bin/env python3
"""Paintings → BUCKET_STYLE: the same as `painterly send-style`. "cl" stands for Clever Cloud."""

import sys

from painterly.settings.installation import COPYING, use_right_python

if __name__ == "__main__":
    use_right_python(*COPYING)
    from painterly.cli.command import verb

    sys.exit(verb("send-style"))
