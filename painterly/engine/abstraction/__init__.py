"""Makes the photo as abstract as the painting before it is matched; without TensorFlow."""
