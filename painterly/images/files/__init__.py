"""Metadata of picture files: EXIF, and the position where a photo was taken."""
