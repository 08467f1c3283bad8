#!/usr/bin/env python3
"""One photo and its paintings → one picture, with INetwork's words: BASE REF … PREFIX."""

import sys

from painterly.settings.installation import PAINTING, use_right_python

if __name__ == "__main__":
    use_right_python(*PAINTING)
    from painterly.cli.command import inetwork

    sys.exit(inetwork())
