"""Abstraction: a photo becomes a drawing before it is matched, and skin in a finished picture gets
one family of colours; without TensorFlow."""
