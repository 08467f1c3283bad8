"""Faces in photos: where they are, and what is held to the photo there."""
