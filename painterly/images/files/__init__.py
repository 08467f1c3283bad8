"""The structure of picture files: pieces found, mended or removed, without pixels."""
