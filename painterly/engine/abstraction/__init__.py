"""Abstraction: a photo becomes a drawing before it is matched; without TensorFlow."""
