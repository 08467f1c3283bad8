"""Faces in photos, which a picture keeps."""
