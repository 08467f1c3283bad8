#!/usr/bin/env python3
"""Checks, creates, lists and empties buckets: the same as `painterly buckets`."""

import sys

from painterly.settings.installation import COPYING, use_right_python

if __name__ == "__main__":
    use_right_python(*COPYING)
    from painterly.cli.command import verb

    sys.exit(verb("buckets"))
