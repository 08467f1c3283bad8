#!/usr/bin/env python3
"""Bucket → folder: the same as `painterly get-bucket`."""

import sys

from painterly.settings.installation import COPYING, use_right_python

if __name__ == "__main__":
    use_right_python(*COPYING)
    from painterly.cli.command import verb

    sys.exit(verb("get-bucket"))
