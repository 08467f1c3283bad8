"""Orders: the pictures to paint, their keys and their records. No module needs a device."""
