"""The bench, at which an order becomes a result."""
