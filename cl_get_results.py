#!/usr/bin/env python3
"""BUCKET_RESULT → folder: the same as `painterly get-results`. "cl" stands for Clever Cloud."""

import sys

from painterly.settings.installation import COPYING, use_right_python

if __name__ == "__main__":
    use_right_python(*COPYING)
    from painterly.cli.command import verb

    sys.exit(verb("get-results"))
