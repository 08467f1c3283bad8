"""Painters: an order becomes a result, or a picture for someone who waits."""
